"""The page: verdicts first, then numbers, then pictures, then how it was made."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from html import escape
from importlib import resources

from forkctl import __version__
from forkctl.evaluation.diagnosis.diagnosis import Diagnosis
from forkctl.evaluation.dimensions import DIMENSIONS
from forkctl.evaluation.openloop.predictions import Entry
from forkctl.evaluation.openloop.results import ArmResult, OpenLoopResult
from forkctl.evaluation.report import charts, svg, tables
from forkctl.evaluation.report.frames import strip

EXAMPLES = 3


def render(evaluation: OpenLoopResult) -> str:
    """The whole HTML file."""
    title = f"{evaluation.setup.get('label', 'policy')}: open-loop evaluation"
    style = resources.files(__package__).joinpath("style.css").read_text(encoding="utf-8")
    sections = [
        _head(evaluation, title),
        *(_verdicts(arm, len(evaluation.arms) > 1) for arm in evaluation.arms),
        _headline(evaluation),
        _directions(evaluation),
        *(_distributions(arm, number, evaluation) for number, arm in enumerate(evaluation.arms)),
        _chunks(evaluation),
        *(_dimensions(arm) for arm in evaluation.arms),
        *(_tasks(arm) for arm in evaluation.arms if len(arm.tasks) > 1),
        _examples(evaluation),
        _naive(evaluation),
        _method(evaluation),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{style}</style></head>"
        f"<body>{''.join(sections)}</body></html>\n"
    )


def _head(evaluation: OpenLoopResult, title: str) -> str:
    setup = evaluation.setup
    table = evaluation.main.table
    facts = {
        "data": str(setup.get("data", "")),
        "demos": f"{table.episodes} ({setup.get('episodes', '')} of each task), "
        f"{table.steps} steps{_limit(setup.get('max_steps'))}",
        "scale": f"q01 to q99 of {evaluation.scale.source}; dead zone "
        f"{100 * evaluation.scale.dead_zone_share:.3g} % of it",
    }
    policies = setup.get("policies")
    if isinstance(policies, dict):
        for name, identity in policies.items():
            facts[name] = str(identity.get("checkpoint", identity.get("baseline", "")))
    rows = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in facts.items())
    return (
        f"<h1>{escape(title)}</h1><p class='lead'>Open-loop evaluation on held-out demos: at every "
        "step the policy sees the demonstrator's observation and is compared with the "
        f"demonstrator's action.</p><dl class='facts'>{rows}</dl>"
    )


def _limit(max_steps: object) -> str:
    return f" (at most the first {max_steps} of a demo)" if max_steps else ""


def _verdicts(arm: ArmResult, several: bool) -> str:
    heading = f"Verdicts on {arm.name}" if several else "Verdicts"
    return f"<h2>{escape(heading)}</h2>" + "".join(_verdict(verdict) for verdict in arm.verdicts)


def _verdict(verdict: Diagnosis) -> str:
    evidence = "".join(f"<li>{_prose(fact)}</li>" for fact in verdict.evidence)
    cause = f"<p><b>Likely cause.</b> {_prose(verdict.cause)}</p>" if verdict.cause else ""
    return (
        f'<div class="verdict {verdict.kind.value}"><h3>{escape(verdict.title)}'
        f"<code>{escape(verdict.name)}</code></h3><ul>{evidence}</ul>{cause}"
        f"<p><b>Next step.</b> {_prose(verdict.mend)}</p></div>"
    )


def _prose(words: str) -> str:
    """Words with `commands` in them, as HTML."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(words))


def _headline(evaluation: OpenLoopResult) -> str:
    return (
        "<h2>Beside policies that know nothing</h2><p>A number means something only where these "
        "rows differ. Small print: 95 % bootstrap intervals over demos. The last action is the "
        "demonstrator's own, which no policy sees.</p>" + tables.headline(evaluation)
    )


def _directions(evaluation: OpenLoopResult) -> str:
    return (
        "<h2>Direction</h2><p>Share of the demonstrator's moves, in per cent: "
        '<span class="key" style="background:#3f9d6b"></span>right direction'
        '<span class="key" style="background:#d5dae2"></span>no move'
        '<span class="key" style="background:#cc4b4b"></span>opposite direction. '
        f"Chance is as much green as red.</p>{charts.directions(evaluation.arms)}"
    )


def _colour(number: int) -> str:
    return svg.POLICIES[number % len(svg.POLICIES)]


def _distributions(arm: ArmResult, number: int, evaluation: OpenLoopResult) -> str:
    colour = _colour(number)
    histograms = "".join(
        f"<figure>{charts.histogram(arm.pairs, evaluation.scale, column, colour)}"
        f"<figcaption>{name}</figcaption></figure>"
        for column, name in enumerate(DIMENSIONS)
    )
    scatters = "".join(
        f"<figure>{charts.scatter(arm.pairs, evaluation.scale, column, colour)}"
        f"<figcaption>{name}</figcaption></figure>"
        for column, name in enumerate(DIMENSIONS)
    )
    heading = "Distributions" + (f" of {arm.name}" if len(evaluation.arms) > 1 else "")
    return (
        f"<h2>{escape(heading)}</h2><p>Filled: prediction. Outline: truth. Heights are square "
        f'roots, so that tails show.</p><div class="grid">{histograms}</div>'
        "<p>Prediction (up) over truth (right). A policy that learned lies along the diagonal, a "
        "constant one on a level line, an inverted one across; grey is the dead zone.</p>"
        f'<div class="grid">{scatters}</div>'
    )


def _chunks(evaluation: OpenLoopResult) -> str:
    if max(len(arm.by_offset) for arm in evaluation.arms) < 2:
        return ""
    colours = [_colour(number) for number in range(len(evaluation.arms))]
    return (
        "<h2>Over a chunk</h2><p>Normalised L1 of the motion for each action of a predicted chunk, "
        "against the true action that many steps on.</p>"
        + charts.over_chunk(evaluation.arms, colours)
    )


def _dimensions(arm: ArmResult) -> str:
    return f"<h2>By dimension: {escape(arm.name)}</h2>{tables.by_dimension(arm)}"


def _tasks(arm: ArmResult) -> str:
    return f"<h2>By task: {escape(arm.name)}</h2>{tables.by_task(arm)}"


def _examples(evaluation: OpenLoopResult) -> str:
    colours = [_colour(number) for number in range(len(evaluation.arms))]
    legend = "".join(
        f'<span class="key" style="background:{colour}"></span>{escape(arm.name)}'
        for arm, colour in zip(evaluation.arms, colours, strict=True)
    )
    shown = "".join(
        _example(entry, evaluation, colours) for entry in _spread(evaluation.main.entries)
    )
    return (
        "<h2>Example demos</h2><p>The demonstrator's frames, and actions over time: "
        f'<span class="key" style="background:{svg.TRUTH}"></span>demonstrator{legend}</p>{shown}'
    )


def _spread(entries: Sequence[Entry]) -> list[Entry]:
    """One of each task as far as they go: the first, the middle, the last."""
    first_of_task = list({entry.task: entry for entry in reversed(entries)}.values())[::-1]
    pool = first_of_task if len(first_of_task) >= EXAMPLES else list(entries)
    count = min(EXAMPLES, len(pool))
    return [pool[number * (len(pool) - 1) // max(count - 1, 1)] for number in range(count)]


def _example(entry: Entry, evaluation: OpenLoopResult, colours: Sequence[str]) -> str:
    frames = "".join(
        f'<figure><img src="{url}" alt="step {step}"><figcaption>{step}</figcaption></figure>'
        for step, url in strip(entry)
    )
    found = [
        {each.episode: each for each in arm.entries}.get(entry.episode) for arm in evaluation.arms
    ]
    predictions = [each.chunks[:, 0] for each in found if each is not None]
    missing = "" if frames else "<p class='soft'>No frames: the demos are not where they were.</p>"
    return (
        f'<div class="rollout"><h3>{escape(entry.instruction)} '
        f'<span class="soft">{escape(entry.episode.rpartition("/")[2])}</span></h3>{missing}'
        f'<div class="strip">{frames}</div>'
        f"{charts.series(entry.truth, predictions, evaluation.scale, colours)}</div>"
    )


def _naive(evaluation: OpenLoopResult) -> str:
    return (
        "<h2>Definitions of published notes, for comparison only</h2><p>Signs compared over all "
        "steps, zeros included, and one threshold of .05 for metres and radians alike. Where half "
        "of the true actions are exactly zero, this sign accuracy is near 50 % for a perfect "
        "policy and for one that never moves, and 25 % for random signs.</p>"
        + tables.naive(evaluation.arms, evaluation.trivial)
    )


def _method(evaluation: OpenLoopResult) -> str:
    setup = json.dumps(evaluation.setup, indent=1, sort_keys=True)
    return (
        f"<h2>How it was made</h2><details open><summary>Definitions</summary>"
        f"{tables.definitions()}</details><details><summary>Setup</summary><pre>{escape(setup)}"
        f"</pre></details><p class='soft'>Made with forkctl {__version__}.</p>"
    )
