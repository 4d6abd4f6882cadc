"""Lets the usual (CUDA) build of torchvision be imported beside a CPU build of torch.

torchvision describes its compiled operators at import. Beside a CPU torch its compiled library does
not load, the operators do not exist, and the import fails, although transforms and models, which
are all that training here uses, need none of them. Declaring the two names is enough. This file is
laid into an environment, with a .pth file that imports it, only after `import torchvision` was seen
to fail for this reason. It costs nothing until torchvision is imported. forkctl never imports it.
"""

from __future__ import annotations

import sys
from typing import Any

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_libraries: list[Any] = []  # torch forgets the declarations when their library object goes


class _DeclareOperators:
    """A finder that finds nothing: it acts at the moment when torchvision is first looked for."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name != "torchvision":
            return
        sys.meta_path.remove(self)
        import torch

        library = torch.library.Library("torchvision", "DEF")
        for schema in _SCHEMAS:
            library.define(schema)
        _libraries.append(library)


sys.meta_path.insert(0, _DeclareOperators())
