"""A scene's XML without the paths of the machine that made it.

MuJoCo's XML names every mesh and texture by its absolute path. In a file that travels they begin
with the package instead, as in the published demonstrations, where LIBERO's own tools look for the
last `robosuite` of a path: `.../robosuite/models/assets/...` and `.../chiliocosm/assets/...`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

_FILE = re.compile(r'(?<=\bfile=")[^"]+(?=")')
_ASSETS = "/assets/"
# What stands for a folder of this machine. LIBERO's tools correct paths that name robosuite, and
# those of LIBERO's assets only where they are found as they are written.
_ROBOSUITE = "/robosuite/models/assets/"
_LIBERO = "/libero/libero/assets/"


def without_paths(xml: str) -> str:
    robosuite, libero = _folders()

    def shortened(path: str) -> str:
        for folder, name in ((robosuite, _ROBOSUITE), (libero, _LIBERO)):
            if path.startswith(f"{folder}/"):
                return name + path[len(str(folder)) + 1 :]
        return path

    return _each_path(xml, shortened)


def with_assets(xml: str) -> str:
    """This machine's paths in place of the file's, be they without a machine's folders or, as in
    the published files, another machine's."""
    robosuite, libero = _folders()

    def found(path: str) -> str:
        if Path(path).is_file():
            return path
        if "/robosuite/" in path:
            return str(robosuite / path.rpartition(_ASSETS)[2])
        return str(libero / path.partition(_ASSETS)[2]) if _ASSETS in path else path

    return _each_path(xml, found)


def _each_path(xml: str, change: Callable[[str], str]) -> str:
    return _FILE.sub(lambda match: change(match[0]), xml)


def _folders() -> tuple[Path, Path]:
    import robosuite
    from libero.libero import get_assets_path

    models = Path(robosuite.__file__).resolve().parent / "models" / "assets"
    return models, Path(get_assets_path()).resolve()
