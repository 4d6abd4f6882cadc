"""What is known about a tensor without its numbers."""

from __future__ import annotations

from dataclasses import dataclass

# Names that torch modules use for what is computed, not learned.
_BUFFER_NAMES = frozenset(
    {"pos_x", "pos_y", "running_mean", "running_var", "num_batches_tracked", "position_ids"}
)


@dataclass(frozen=True)
class TensorFacts:
    """A buffer is saved with the weights but not learned; its size may follow the image. An alias
    is a weight that the model also saves under another name. A file shows neither."""

    shape: tuple[int, ...]
    dtype: str = "float32"
    buffer: bool = False
    alias: bool = False

    @property
    def learned_numbers(self) -> int:
        """What the tensor adds to the number of parameters."""
        return 0 if self.buffer or self.alias else self.numel

    @property
    def numel(self) -> int:
        count = 1
        for size in self.shape:
            count *= size
        return count


def looks_like_buffer(name: str) -> bool:
    """A guess from the name, since files do not say what is a buffer."""
    return name.rpartition(".")[2] in _BUFFER_NAMES
