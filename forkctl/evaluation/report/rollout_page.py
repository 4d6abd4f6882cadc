"""The report of a closed-loop evaluation: one HTML file without script or network."""

from __future__ import annotations

import json
from html import escape
from importlib import resources

from forkctl import __version__
from forkctl.evaluation.report import svg
from forkctl.evaluation.rollouts.rates import Rate
from forkctl.evaluation.rollouts.summary import RolloutSummary, published

_IN_WORDS = ("protocol", "source", "error")  # columns that are read, not compared
_BAR = 220
_GOOD, _BAND = "#3f9d6b", "#1f2733"


def render(evaluation: RolloutSummary) -> str:
    setup = evaluation.setup
    title = f"{setup['label']} on {evaluation.suite}"
    style = resources.files("forkctl.evaluation.report").joinpath("style.css")
    sections = (
        f"<h1>{escape(title)}</h1>",
        _head(evaluation),
        _tasks(evaluation),
        _published(evaluation),
        _errors(evaluation),
        f"<details><summary>Setup</summary><pre>"
        f"{escape(json.dumps(setup, indent=1, sort_keys=True))}</pre></details>"
        f"<p class='soft'>Made with forkctl {__version__}.</p>",
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{style.read_text(encoding='utf-8')}</style></head>"
        f"<body>{''.join(sections)}</body></html>\n"
    )


def percent(rate: Rate) -> str:
    return "–" if rate.value is None else f"{100 * rate.value:.1f} %"


def interval(rate: Rate) -> str:
    low, high = rate.interval
    return f"{100 * low:.1f} … {100 * high:.1f}" if rate.trials else ""


def _head(evaluation: RolloutSummary) -> str:
    setup, rate = evaluation.setup, evaluation.rate
    horizon = setup["horizon"] or "all"
    facts = {
        "success": f"{percent(rate)} ({rate.successes} of {rate.trials}); 95 % interval "
        f"{interval(rate)}",
        "protocol": f"at most {setup['max_steps']} steps after {setup['world']['settle']} at rest; "
        f"{horizon} actions of each plan executed; seed {setup['seed']}",
        "simulator": "; ".join(
            ", ".join(f"{name} {version}" for name, version in sorted(each.items()))
            for each in evaluation.versions
        ),
    }
    rows = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in facts.items())
    notes = "".join(f"<li>{escape(note)}</li>" for note in evaluation.notes)
    return f"<dl class='facts'>{rows}</dl><ul>{notes}</ul>"


def _tasks(evaluation: RolloutSummary) -> str:
    rows = [
        *(_row(task.replace("_", " "), rate, "") for task, rate in evaluation.tasks.items()),
        _row("all", evaluation.rate, "policy"),
    ]
    return (
        "<h2>By task</h2><p>Wilson's 95 % interval. Episodes that ended in an error are counted "
        "apart, and are in no rate.</p>"
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


def _published(evaluation: RolloutSummary) -> str:
    rows = [
        f"<tr><td>{escape(each.policy)}</td><td>{each.percent:.1f} %</td>"
        f"<td class='words'>{escape(each.protocol)}</td>"
        f"<td class='words'>{escape(each.source)}</td></tr>"
        for each in published(evaluation.suite)
    ]
    if not rows:
        return ""
    return (
        f"<h2>What others report of {escape(evaluation.suite)}</h2><p>All tasks of the suite. A "
        "comparison holds where the protocol is the same: initial states, step caps, simulator "
        "and training data.</p>" + _table(("policy", "success", "protocol", "source"), rows)
    )


def _errors(evaluation: RolloutSummary) -> str:
    if not evaluation.errors:
        return ""
    rows = [
        f"<tr><td>{escape(each.task)}</td><td>{each.trial}</td>"
        f"<td class='words'><pre>{escape(each.error or '')}</pre></td></tr>"
        for each in evaluation.errors
    ]
    return "<h2>Errors</h2>" + _table(("task", "trial", "error"), rows)


def _table(heads: tuple[str, ...], rows: list[str]) -> str:
    kinds = {each: " class='words'" if each in _IN_WORDS else "" for each in heads}
    head = "".join(f"<th{kinds[each]}>{each}</th>" for each in heads)
    body = f"<tbody>{''.join(rows)}</tbody>"
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead>{body}</table></div>'
