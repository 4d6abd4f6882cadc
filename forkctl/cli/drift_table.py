"""How a drift report looks in a terminal: a table per fork, a strip of history per patch."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from forkctl.patching.drift.fork_drift import ForkDrift, PatchDrift, VersionOutcome
from forkctl.patching.drift.report import WORDS
from forkctl.patching.model import Verdict

# A colour for terminals; a letter for pipes, and for those who cannot tell the colours apart.
_SIGNS = {
    Verdict.NOT_FOR_THIS_FORK: ("bright_black", "-"),
    Verdict.CLEAN: ("green", "."),
    Verdict.ALREADY: ("blue", "="),
    Verdict.MOVED: ("yellow", "m"),
    Verdict.GONE: ("red", "g"),
    Verdict.AMBIGUOUS: ("magenta", "a"),
    Verdict.BROKEN: ("bright_red", "B"),
}
_WORST_LAST = list(_SIGNS)
_PLAIN_WIDTH = 180
_STRIP = 40


def print_drift(drifts: Sequence[ForkDrift]) -> None:
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, width=_PLAIN_WIDTH)
    for fork in drifts:
        console.print(_heading(fork))
        console.print(_table(fork, console.is_terminal))
        console.print()
    console.print(_legend(console.is_terminal))
    for fork in drifts:
        for file, patch in fork.failing_at_head:
            heading = f"\n{patch.title} does not apply at the head of {fork.fork}'s upstream:"
            console.print(Text(heading, style="bold"))
            for line in patch.at_head.why or (file.history.path,):
                console.print(f"  {line}", soft_wrap=True)


def _heading(fork: ForkDrift) -> Text:
    heading = Text(fork.fork, style="bold")
    heading.append(f"  pin {fork.upstream.pin[:12]}, head {fork.upstream.head[:12]}", style="dim")
    return heading


def _table(fork: ForkDrift, colours: bool) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("patch", overflow="fold")
    table.add_column("file", overflow="fold")
    table.add_column("applies", justify="right", no_wrap=True)
    table.add_column("oldest to newest", no_wrap=True)
    table.add_column("pin", no_wrap=True)
    table.add_column("head", no_wrap=True)
    for file in fork.files:
        for patch in file.patches:
            table.add_row(
                patch.title,
                file.history.path,
                _count(patch),
                _strip(patch.outcomes, colours),
                _word(patch.at_pin),
                _word(patch.at_head),
            )
    return table


def _count(patch: PatchDrift) -> str:
    applying = sum(not outcome.verdict.failed for outcome in patch.outcomes)
    return f"{applying} of {len(patch.outcomes)}"


def _word(outcome: VersionOutcome) -> Text:
    word = WORDS[outcome.verdict] + (" elsewhere" if outcome.elsewhere else "")
    return Text(word, style=_SIGNS[outcome.verdict][0])


def _strip(outcomes: Sequence[VersionOutcome], colours: bool) -> Text:
    """One sign per version; if there are more versions than room, the worst of each group."""
    strip = Text()
    groups = min(len(outcomes), _STRIP)
    for group in range(groups):
        start, stop = (len(outcomes) * edge // groups for edge in (group, group + 1))
        verdicts = [outcome.verdict for outcome in outcomes[start:stop]]
        colour, letter = _SIGNS[max(verdicts, key=_WORST_LAST.index)]
        strip.append("▇" if colours else letter, style=colour)
    return strip


def _legend(colours: bool) -> Text:
    legend = Text()
    for verdict, (colour, letter) in _SIGNS.items():
        legend.append("▇" if colours else letter, style=colour)
        legend.append(f" {WORDS[verdict]}   ", style="dim")
    return legend
