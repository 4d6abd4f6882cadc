"""A tokenizer with the ids that OpenVLA's code relies on, made of nothing.

Upstream writes an action as the last 256 ids of Llama 2's vocabulary: it decodes the ids to text,
puts the text into the prompt, and encodes it again. So those ids must be single characters that
merge with nothing, the id 29871 must be the lone space before them, and there must be exactly 32000
entries. The words of LIBERO's instructions are one token each, which keeps prompts short.
"""

from __future__ import annotations

from typing import Any

from forkctl.libero.suites import SUITES, language_from_task

VOCABULARY = 32_000
PADDING = VOCABULARY  # one more entry, added last
PADDED_VOCABULARY = VOCABULARY + 64
EMPTY = 29_871
FIRST_ACTION = VOCABULARY - 256
_SPACE = "\u2581"
_ACTIONS_FROM = 0x4E00  # Chinese characters: as good as any that no instruction holds
_PROMPT = "In: What action should the robot take to ?\nOut:"


def tokenizer() -> Any:
    from tokenizers import (  # type: ignore[import-not-found]
        AddedToken,
        Tokenizer,
        decoders,
        models,
        normalizers,
    )
    from transformers import LlamaTokenizerFast  # type: ignore[import-not-found]

    vocabulary, merges = _vocabulary()
    model = models.BPE(
        vocab=vocabulary, merges=merges, byte_fallback=True, fuse_unk=True, unk_token="<unk>"
    )
    backend = Tokenizer(model)
    backend.normalizer = normalizers.Sequence(
        [normalizers.Prepend(_SPACE), normalizers.Replace(" ", _SPACE)]
    )
    backend.decoder = decoders.Sequence(
        [
            decoders.Replace(_SPACE, " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(content=" ", left=1),
        ]
    )
    backend.add_special_tokens([AddedToken(name) for name in ("<unk>", "<s>", "</s>")])
    made = LlamaTokenizerFast(
        tokenizer_object=backend,
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        model_max_length=512,
        padding_side="right",
    )
    made.add_special_tokens({"pad_token": "<PAD>"})
    assert made.vocab_size == VOCABULARY and made.pad_token_id == PADDING
    return made


def _vocabulary() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Control tokens, bytes, characters, words; fillers up to the ids that have a meaning."""
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    tokens += [chr(code) for code in range(33, 127)]
    merges: list[tuple[str, str]] = []
    known = set(tokens)
    for word in _words():
        for end in range(1, len(word) + 1):  # every merge begins at the space: they never compete
            grown = _SPACE + word[:end]
            if grown not in known:
                known.add(grown)
                tokens.append(grown)
                merges.append((_SPACE + word[: end - 1], word[end - 1]))
    ids = {token: number for number, token in enumerate(tokens)}
    ids.update({f"<unused{number}>": number for number in range(len(tokens), FIRST_ACTION)})
    del ids[f"<unused{EMPTY}>"]
    ids[_SPACE] = EMPTY
    for number in range(FIRST_ACTION, VOCABULARY):
        ids[chr(_ACTIONS_FROM + number - FIRST_ACTION)] = number
    return ids, merges


def _words() -> list[str]:
    texts = [language_from_task(task) for suite in SUITES.values() for task in suite.tasks]
    words = {word for text in [*texts, _PROMPT] for word in text.split()}
    return sorted(words)
