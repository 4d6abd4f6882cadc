"""Metrics from the lines that a script prints, by the patterns of forks.toml."""

from __future__ import annotations

import re

from forkctl.family import LogReader, Metric


class PatternReader(LogReader):
    """Each named group that is a number is a metric of that name. A line of validation may be one
    of training to a loose pattern, so it is looked at first."""

    def __init__(self, train: str | None, valid: str | None) -> None:
        given: tuple[tuple[str | None, Metric], ...] = ((valid, {"split": "valid"}), (train, {}))
        self._patterns = [(re.compile(text), extra) for text, extra in given if text]

    def feed(self, line: str) -> Metric | None:
        for pattern, extra in self._patterns:
            found = pattern.search(line)
            if found is not None:
                numbers = {name: _number(text) for name, text in found.groupdict().items()}
                there = {name: value for name, value in numbers.items() if value is not None}
                return {**there, **extra} if there else None
        return None


def _number(text: str | None) -> float | None:
    """Steps and epochs stay whole."""
    try:
        return int(text or "")
    except ValueError:
        pass
    try:
        return float(text or "")
    except ValueError:
        return None
