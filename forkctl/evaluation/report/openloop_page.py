"""The report of an open-loop evaluation: verdicts, numbers, pictures, and how it was made."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from forkctl.evaluation.diagnosis.diagnosis import Diagnosis
from forkctl.evaluation.dimensions import DIMENSIONS
from forkctl.evaluation.openloop.predictions import EpisodePredictions
from forkctl.evaluation.openloop.scoring import ArmResult, OpenLoopResult
from forkctl.evaluation.report import charts, svg, tables
from forkctl.evaluation.report.frames import strip
from forkctl.evaluation.report.markup import facts, origin, page

EXAMPLES = 3


def render(result: OpenLoopResult) -> str:
    title = f"{result.setup.get('label', 'policy')}: open-loop evaluation"
    sections = [
        _head(result, title),
        *(_verdicts(arm, len(result.arms) > 1) for arm in result.arms),
        _headline(result),
        _directions(result),
        *(_distributions(arm, number, result) for number, arm in enumerate(result.arms)),
        _chunks(result),
        *(_dimensions(arm) for arm in result.arms),
        *(_tasks(arm) for arm in result.arms if len(arm.tasks) > 1),
        _examples(result),
        _naive(result),
        _method(result),
    ]
    return page(title, sections)


def _head(result: OpenLoopResult, title: str) -> str:
    setup = result.setup
    table = result.main.table
    rows = {
        "data": str(setup.get("data", "")),
        "demos": f"{table.episodes} ({setup.get('episodes', '')} of each task), "
        f"{table.steps} steps{_limit(setup.get('max_steps'))}",
        "device": ", ".join(result.devices) or "none",
        "scale": f"q01 to q99 of {result.scale.source}; dead zone "
        f"{100 * result.scale.dead_zone_share:.3g} % of it",
    }
    policies = setup.get("policies")
    if isinstance(policies, dict):
        for name, identity in policies.items():
            rows[name] = str(identity.get("checkpoint", identity.get("baseline", "")))
    return (
        f"<h1>{escape(title)}</h1><p class='lead'>Open-loop evaluation on held-out demos: at every "
        "step the policy sees the demonstrator's observation and is compared with the "
        f"demonstrator's action.</p>{facts(rows)}"
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
    """Text with `commands` in it, as HTML."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(words))


def _headline(result: OpenLoopResult) -> str:
    return (
        "<h2>Beside policies that know nothing</h2><p>A number means something only if these "
        "rows differ. Small print: 95 % bootstrap intervals over demos. The last action is the "
        "demonstrator's own, which no policy sees.</p>" + tables.headline(result)
    )


def _directions(result: OpenLoopResult) -> str:
    return (
        "<h2>Direction</h2><p>Share of the demonstrator's moves, in per cent: "
        '<span class="key" style="background:#3f9d6b"></span>right direction'
        '<span class="key" style="background:#d5dae2"></span>no move'
        '<span class="key" style="background:#cc4b4b"></span>opposite direction. '
        f"Chance is as much green as red.</p>{charts.directions(result.arms)}"
    )


def _colour(number: int) -> str:
    return svg.POLICIES[number % len(svg.POLICIES)]


def _distributions(arm: ArmResult, number: int, result: OpenLoopResult) -> str:
    colour = _colour(number)
    histograms = "".join(
        f"<figure>{charts.histogram(arm.pairs, result.scale, column, colour)}"
        f"<figcaption>{name}</figcaption></figure>"
        for column, name in enumerate(DIMENSIONS)
    )
    scatters = "".join(
        f"<figure>{charts.scatter(arm.pairs, result.scale, column, colour)}"
        f"<figcaption>{name}</figcaption></figure>"
        for column, name in enumerate(DIMENSIONS)
    )
    heading = "Distributions" + (f" of {arm.name}" if len(result.arms) > 1 else "")
    return (
        f"<h2>{escape(heading)}</h2><p>Filled: prediction. Outline: truth. Heights are square "
        f'roots, so that tails are visible.</p><div class="grid">{histograms}</div>'
        "<p>Prediction (up) over truth (right). A policy that learned lies along the diagonal, a "
        "constant one on a level line, an inverted one across it; grey is the dead zone.</p>"
        f'<div class="grid">{scatters}</div>'
    )


def _chunks(result: OpenLoopResult) -> str:
    if max(len(arm.by_offset) for arm in result.arms) < 2:
        return ""
    colours = [_colour(number) for number in range(len(result.arms))]
    return (
        "<h2>Over a chunk</h2><p>Normalised L1 of the motion for each action of a predicted chunk, "
        "against the true action that many steps on.</p>" + charts.over_chunk(result.arms, colours)
    )


def _dimensions(arm: ArmResult) -> str:
    return f"<h2>By dimension: {escape(arm.name)}</h2>{tables.by_dimension(arm)}"


def _tasks(arm: ArmResult) -> str:
    return f"<h2>By task: {escape(arm.name)}</h2>{tables.by_task(arm)}"


def _examples(result: OpenLoopResult) -> str:
    colours = [_colour(number) for number in range(len(result.arms))]
    legend = "".join(
        f'<span class="key" style="background:{colour}"></span>{escape(arm.name)}'
        for arm, colour in zip(result.arms, colours, strict=True)
    )
    shown = "".join(_example(entry, result, colours) for entry in _spread(result.main.entries))
    return (
        "<h2>Example demos</h2><p>The demonstrator's frames, and actions over time: "
        f'<span class="key" style="background:{svg.TRUTH}"></span>demonstrator{legend}</p>{shown}'
    )


def _spread(entries: Sequence[EpisodePredictions]) -> list[EpisodePredictions]:
    """The first, the middle and the last, of different tasks if there are enough."""
    first_of_task = list({entry.task: entry for entry in reversed(entries)}.values())[::-1]
    pool = first_of_task if len(first_of_task) >= EXAMPLES else list(entries)
    count = min(EXAMPLES, len(pool))
    return [pool[number * (len(pool) - 1) // max(count - 1, 1)] for number in range(count)]


def _example(entry: EpisodePredictions, result: OpenLoopResult, colours: Sequence[str]) -> str:
    frames = "".join(
        f'<figure><img src="{url}" alt="step {step}"><figcaption>{step}</figcaption></figure>'
        for step, url in strip(entry)
    )
    found = [{each.episode: each for each in arm.entries}.get(entry.episode) for arm in result.arms]
    predictions = [each.chunks[:, 0] for each in found if each is not None]
    missing = "" if frames else "<p class='soft'>No frames: the demos are not where they were.</p>"
    return (
        f'<div class="rollout"><h3>{escape(entry.instruction)} '
        f'<span class="soft">{escape(entry.episode.rpartition("/")[2])}</span></h3>{missing}'
        f'<div class="strip">{frames}</div>'
        f"{charts.series(entry.truth, predictions, result.scale, colours)}</div>"
    )


def _naive(result: OpenLoopResult) -> str:
    return (
        "<h2>The definitions of published notes, for comparison only</h2><p>Signs compared over "
        "all steps, zeros included, and one threshold of .05 for metres and radians. Where half "
        "of the true actions are exactly zero, this sign accuracy is near 50 % for a perfect "
        "policy and for one that never moves, and 25 % for random signs.</p>"
        + tables.naive(result.arms, result.trivial)
    )


def _method(result: OpenLoopResult) -> str:
    return (
        f"<h2>How it was made</h2><details open><summary>Definitions</summary>"
        f"{tables.definitions()}</details>{origin(result.setup)}"
    )
