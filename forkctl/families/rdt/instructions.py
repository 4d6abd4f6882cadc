"""The form of language that RDT was trained on."""

from __future__ import annotations


def sentence(language: str) -> str:
    """A capital first letter and a final period."""
    text = language.strip().rstrip(".")
    return f"{text[:1].upper()}{text[1:]}." if text else ""
