"""A tiny checkpoint whose actions depend on its image: `make_lively.py SOURCE TARGET`.

The random weights of the ordinary one let so little of an image through to the words that learning
to look takes thousands of samples. Ten times larger ones on that way make it a few hundred.
"""

from __future__ import annotations

import shutil
import sys

from safetensors.torch import load_file, save_file

source, target = sys.argv[1:]
shutil.copytree(source, target)
weights = load_file(f"{target}/model.safetensors")
for name in weights:
    if name.startswith("projector") or name.endswith(("v_proj.weight", "o_proj.weight")):
        weights[name] = weights[name] * 10
save_file(weights, f"{target}/model.safetensors", metadata={"format": "pt"})
