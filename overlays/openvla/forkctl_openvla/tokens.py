"""Prompts and action tokens, exactly as upstream's transform makes them, for whole batches.

Upstream turns an action into text and the text into tokens, for each sample. A prompt differs
between samples in its action tokens only, so the text is tokenised once for each task. That this
gives what upstream gives is checked with every bin before the first batch.
"""

from __future__ import annotations

from typing import Any, Sequence, Tuple

import numpy as np
import torch

IGNORED = -100
_DIMS = 7


class Prompts:
    """`transform` is upstream's RLDSBatchTransform; `tasks` are the instructions."""

    def __init__(self, transform: Any, tasks: Sequence[str], pad: int, longest: int) -> None:
        self._pad = pad
        self._longest = longest
        self._actions = transform.action_tokenizer
        prefixes = []
        for task in tasks:
            ids, labels = _upstream(transform, task, np.zeros(_DIMS))
            prefixes.append(ids[: -(_DIMS + 1)])
            self._end, self._end_label = ids[-1], labels[-1]
        for action in _every_bin(self._actions.bins):
            ids, labels = _upstream(transform, tasks[0], action)
            expected = np.concatenate([prefixes[0], self.of_actions(action), [self._end]])
            if not np.array_equal(ids, expected) or (labels[: -(_DIMS + 1)] != IGNORED).any():
                raise ValueError(
                    "this checkpoint's tokenizer does not give back the tokens of actions, so "
                    "that no action can be learned from its prompts"
                )
        self._lengths = np.array([len(prefix) for prefix in prefixes])
        self._prefixes = np.full((len(tasks), self._lengths.max() + _DIMS + 1), pad)
        for row, prefix in zip(self._prefixes, prefixes):
            row[: len(prefix)] = prefix

    def of_actions(self, actions: np.ndarray) -> np.ndarray:
        """The token of each number in [-1, 1]."""
        low, high = self._actions.min_action, self._actions.max_action
        bins = np.digitize(np.clip(actions, low, high), self._actions.bins)
        result: np.ndarray = self._actions.tokenizer.vocab_size - bins
        return result

    def is_action(self, tokens: torch.Tensor) -> torch.Tensor:
        """As upstream tells them from other words."""
        return tokens > self._actions.action_token_begin_idx

    def decoded(self, tokens: torch.Tensor) -> torch.Tensor:
        """The normalised numbers that action tokens stand for."""
        return torch.from_numpy(self._actions.decode_token_ids_to_actions(tokens.cpu().numpy()))

    def batch(self, tasks: np.ndarray, actions: np.ndarray) -> Tuple[torch.Tensor, torch.Tensor]:
        """input_ids and labels for task numbers (n,) and action tokens (n, 7), padded right."""
        lengths = self._lengths[tasks]
        ids = self._prefixes[tasks]
        labels = np.full(ids.shape, IGNORED)
        places = lengths[:, None] + np.arange(_DIMS + 1)
        ends = np.full((len(tasks), 1), self._end)
        np.put_along_axis(ids, places, np.concatenate([actions, ends], axis=1), axis=1)
        ends[:] = self._end_label
        np.put_along_axis(labels, places, np.concatenate([actions, ends], axis=1), axis=1)
        width = min(int(lengths.max()) + _DIMS + 1, self._longest)
        return torch.from_numpy(ids[:, :width]), torch.from_numpy(labels[:, :width])

    @property
    def pad(self) -> int:
        return self._pad


def _every_bin(bins: np.ndarray) -> np.ndarray:
    """All bins, seven at a time."""
    count = -(-len(bins) // _DIMS) * _DIMS
    return np.resize(np.concatenate([bins[:1], bins]), count).reshape(-1, _DIMS)


def _upstream(transform: Any, task: str, action: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    made = transform(
        {
            "dataset_name": "",
            "action": action[None],
            "observation": {"image_primary": np.zeros((1, 8, 8, 3), np.uint8)},
            "task": {"language_instruction": task.encode()},
        }
    )
    return made["input_ids"].numpy(), made["labels"].numpy()
