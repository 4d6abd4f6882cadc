"""What looks like a secret among the words of a command, so that no record or log keeps it."""

from __future__ import annotations

import re
from collections.abc import Iterable

MASK = "***"
# api_key, hub.token, --password; and not max_tokens, tokenizer or pad_token_id
_NAME = re.compile(
    r"(^|[^a-z0-9])((api|access|secret|private)[_-]?key|secret|token|password|passwd|credentials?)$",
    re.IGNORECASE,
)
_FORMS = re.compile(
    r"\b(hf_\w{16,}|gh[opsu]_\w{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|sk-[\w-]{16,}|AKIA[A-Z0-9]{12,})"
    r"|(?<=://)[^/@\s]+(?=@)"
)


def masked(words: Iterable[str]) -> tuple[str, ...]:
    """The words without the values of `key=value` and `--key value` whose key names a secret, and
    without what has the form of a token."""
    shown: list[str] = []
    secret = False  # the word before was the name of one
    for word in words:
        key, equals, value = word.partition("=")
        named = bool(_NAME.search(key))
        if secret and not word.startswith("-"):
            word = MASK
        elif named and value:
            word = f"{key}{equals}{MASK}"
        shown.append(_FORMS.sub(MASK, word))
        secret = named and not equals and word.startswith("-")
    return tuple(shown)
