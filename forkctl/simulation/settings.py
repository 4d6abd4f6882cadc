"""What LIBERO, robosuite and mujoco need to know before they are imported.

They read environment variables, and LIBERO asks on the terminal for what is missing. So `prepare`
comes before the first import; a parent process may have set any of these already.

    MUJOCO_GL, PYOPENGL_PLATFORM   how frames are rendered: egl, or osmesa where there is no EGL
    LIBERO_CONFIG_PATH             a folder with LIBERO's config.yaml
    NUMBA_CACHE_DIR                what robosuite compiles (seconds, once per machine)
    FORKCTL_LIBERO_ASSETS          LIBERO's assets; unset: those of `forkctl env assets`, else the
                                   package's, else the hub's download
"""

from __future__ import annotations

import ctypes.util
import hashlib
import importlib.util
import json
import logging
import os
import sys
import tempfile
from functools import cache
from pathlib import Path

from forkctl.atomic import write_atomically
from forkctl.places import expanded
from forkctl.simulation.errors import SimulationError

ASSETS = "FORKCTL_LIBERO_ASSETS"
HOW = (
    "forkctl env assets SUITE fetches LIBERO's; "
    f"or set {ASSETS} to a copy of LIBERO's libero/libero/assets"
)


def prepare() -> None:
    """Set what is not set yet, and write LIBERO's config where there is none."""
    if sys.platform == "linux":
        os.environ.setdefault("MUJOCO_GL", default_renderer())
        os.environ.setdefault("PYOPENGL_PLATFORM", os.environ["MUJOCO_GL"])
    home = Path(tempfile.gettempdir()) / f"forkctl-simulator-{os.getuid()}"
    os.environ.setdefault("NUMBA_CACHE_DIR", str(home / "numba"))
    config = Path(os.environ.setdefault("LIBERO_CONFIG_PATH", str(home / "libero")))
    if not (config / "config.yaml").is_file():
        _write_config(config / "config.yaml", package_folder())
    # robosuite asks for a file of private settings in its own package, at every import
    logging.getLogger("robosuite_logs").addFilter(lambda record: "macro" not in record.getMessage())


def default_renderer() -> str:
    """EGL needs no screen and uses a GPU where there is one; OSMesa is for machines without it."""
    if ctypes.util.find_library("EGL") is None and ctypes.util.find_library("OSMesa"):
        return "osmesa"
    return "egl"


def package_folder() -> Path:
    """`libero/libero` of hf-libero, found without running it."""
    spec = importlib.util.find_spec("libero")
    for place in spec.submodule_search_locations or () if spec else ():
        if (Path(place) / "libero" / "bddl_files").is_dir():
            return Path(place) / "libero"
    raise SimulationError(
        "LIBERO's simulator is not installed here",
        where=sys.executable,
        hint="forkctl env create libero-sim",
    )


def _write_config(target: Path, package: Path) -> None:
    paths = {
        "benchmark_root": package,
        "bddl_files": package / "bddl_files",
        "init_states": package / "init_files",
        "datasets": package.parent / "datasets",
        "assets": package / "assets",
    }
    # JSON is YAML
    write_atomically(target, json.dumps({name: str(path) for name, path in paths.items()}))


def holds_assets(folder: Path) -> bool:
    """A scene is needed by every task."""
    return any((folder / "scenes").glob("*.xml"))


def use_assets() -> Path:
    """Make LIBERO load its assets from where the variable says; returns the folder in use."""
    import libero.libero as package

    chosen = os.environ.get(ASSETS)
    if chosen:
        folder = expanded(Path(chosen)).resolve()
        if not holds_assets(folder):
            raise SimulationError(
                "these are not LIBERO's assets",
                where=str(folder),
                hint=f"{ASSETS} should name LIBERO's libero/libero/assets, or be unset",
            )
        package._assets_path_cache = str(folder)  # the config file's `assets` is not read
        return folder
    folder = Path(package.get_assets_path())
    if not holds_assets(folder):
        raise SimulationError(
            "LIBERO's assets are not here and could not be downloaded",
            where=str(folder),
            hint=HOW,
        )
    return folder


@cache
def assets_digest() -> str:
    """Of the meshes, textures and scenes in use: names and bytes."""
    folder = use_assets()
    digest = hashlib.sha256()
    for path in sorted(folder.glob("[!.]*/**/*")):
        if path.is_file():
            digest.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:12]
