"""Text from outside, such as subjects and names of tensors, must not control the terminal."""

from __future__ import annotations

import re
from typing import Any

# Control characters, and those that turn the direction of what follows; not the colours of ours.
_COLOUR = (
    r"(?:[34]8;2;\d+;\d+;\d+|[34]8;5;\d+|(?!0*8[;m])\d{1,3})"  # 8 alone would hide what follows
)
_STEERING = re.compile(
    rf"\x1b(?!\[(?:{_COLOUR}(?:;{_COLOUR})*)?m)"
    "|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)


def escaped(text: str) -> str:
    return _STEERING.sub(lambda found: ascii(found[0])[1:-1], text)


class Escaping:
    """A stream to a terminal that shows control characters instead of sending them."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(escaped(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
