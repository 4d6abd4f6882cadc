"""The report of a closed-loop evaluation: rates, beside published ones, then errors."""

from __future__ import annotations

import os
from collections.abc import Mapping
from html import escape
from pathlib import Path
from urllib.parse import quote

from forkctl.evaluation.report import svg
from forkctl.evaluation.report.markup import facts, html_table, origin, page
from forkctl.evaluation.rollouts.outcomes import Key
from forkctl.evaluation.rollouts.rates import Rate
from forkctl.evaluation.rollouts.summary import RolloutSummary, published_rates

_TEXT_COLUMNS = ("protocol", "source", "error")
_BAR = 220
_GOOD, _BAND = "#3f9d6b", "#1f2733"


def render(summary: RolloutSummary, videos: Mapping[Key, Path], folder: Path) -> str:
    """The page that is to lie in `folder`: its links to videos begin there."""
    title = f"{summary.setup['label']} on {summary.suite}"
    sections = (
        f"<h1>{escape(title)}</h1>",
        _banner(summary),
        _head(summary),
        _tasks(summary),
        _published(summary),
        _errors(summary),
        _videos(summary, videos, folder),
        origin(summary.setup),
    )
    return page(title, sections)


def _banner(summary: RolloutSummary) -> str:
    if not summary.departures:
        return ""
    text = "; ".join(summary.departures)
    return f"<p class='banner'>Not the benchmark's protocol: {escape(text)}</p>"


def percent(rate: Rate) -> str:
    return "–" if rate.value is None else f"{100 * rate.value:.1f} %"


def interval(rate: Rate) -> str:
    low, high = rate.interval
    return f"{100 * low:.1f} … {100 * high:.1f}" if rate.trials else ""


def _head(summary: RolloutSummary) -> str:
    setup, rate = summary.setup, summary.rate
    horizon = setup["horizon"] or "all"
    rows = {
        "success": f"{percent(rate)} ({rate.successes} of {rate.trials}); 95 % interval "
        f"{interval(rate)}",
        "protocol": f"at most {setup['max_steps']} steps after {setup['world']['settle']} at rest; "
        f"{horizon} actions of each chunk executed; seed {setup['seed']}",
        "device": ", ".join(summary.devices) or "none",
        "simulator": "; ".join(
            ", ".join(f"{name} {version}" for name, version in sorted(each.items()))
            for each in summary.versions
        ),
    }
    notes = "".join(f"<li>{escape(note)}</li>" for note in summary.notes)
    return f"{facts(rows)}<ul>{notes}</ul>"


def _tasks(summary: RolloutSummary) -> str:
    rows = [
        *(_row(task.replace("_", " "), rate, "") for task, rate in summary.tasks.items()),
        _row("all", summary.rate, "policy"),
    ]
    return (
        "<h2>By task</h2><p>Intervals are Wilson's, 95 %. Episodes that the simulator "
        "ended with an error are listed separately and count in no rate; where the policy gave no "
        "action, it failed.</p>"
        + _table(
            ("task", "success", "interval", "", "episodes", "errors", "steps to success"), rows
        )
    )


def _row(name: str, rate: Rate, kind: str) -> str:
    steps = "" if rate.mean_steps is None else f"{rate.mean_steps:.0f}"
    cells = (percent(rate), interval(rate), _bar(rate), str(rate.trials), str(rate.errors), steps)
    body = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr class="{kind}"><td>{escape(name)}</td>{body}</tr>'


def _bar(rate: Rate) -> str:
    low, high = rate.interval
    shapes = [svg.rect(0, 4, _BAR, 8, svg.FAINT)]
    if rate.value is not None:
        shapes.append(svg.rect(0, 4, _BAR * rate.value, 8, _GOOD))
        shapes.append(svg.line(_BAR * low, 8, _BAR * high, 8, _BAND, 2))
    return svg.svg(_BAR, 16, shapes, percent(rate))


def _published(summary: RolloutSummary) -> str:
    rows = [
        f"<tr><td>{escape(each.policy)}</td><td>{each.percent:.1f} %</td>"
        f"<td class='words'>{escape(each.protocol)}</td>"
        f"<td class='words'>{escape(each.source)}</td></tr>"
        for each in published_rates(summary.suite)
    ]
    if not rows:
        return ""
    return (
        f"<h2>What others report for {escape(summary.suite)}</h2><p>All tasks of the suite. "
        "Rates compare only under the same protocol: initial states, step caps, simulator and "
        "training data.</p>" + _table(("policy", "success", "protocol", "source"), rows)
    )


def _errors(summary: RolloutSummary) -> str:
    if not summary.errors:
        return ""
    rows = [
        f"<tr><td>{escape(each.task)}</td><td>{each.trial}</td>"
        f"<td class='words'><pre>{escape(each.error or '')}</pre></td></tr>"
        for each in summary.errors
    ]
    return "<h2>Errors</h2>" + _table(("task", "trial", "error"), rows)


def _videos(summary: RolloutSummary, videos: Mapping[Key, Path], folder: Path) -> str:
    rows = []
    for each in summary.results:
        if each.key in videos:
            place = quote(os.path.relpath(videos[each.key], folder))
            link = f"<a href='{escape(place, quote=True)}'>{escape(videos[each.key].name)}</a>"
            rows.append(
                f"<tr><td>{escape(each.task)}</td><td>{each.trial}</td>"
                f"<td>{escape(each.outcome)}</td><td class='words'>{link}</td></tr>"
            )
    return "<h2>Videos</h2>" + _table(("task", "trial", "outcome", "video"), rows) if rows else ""


def _table(heads: tuple[str, ...], rows: list[str]) -> str:
    kinds = {each: " class='words'" if each in _TEXT_COLUMNS else "" for each in heads}
    return html_table("".join(f"<th{kinds[each]}>{each}</th>" for each in heads), rows)
