"""Calls of uv, which makes every environment.

A package without a wheel is built, which runs its own code: it gets the variables that builds need,
and none of the secrets beside them.

uv does not read pip's settings. Whoever has set pip up for a mirror or a folder of wheels means it
for us too, so pip's variables are handed on under uv's names, unless uv's own are set.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from forkctl.errors import ForkctlError
from forkctl.lifetime import end_with

# What reaches a build: where things lie, how to get to an index, and how to compile.
_HANDED_ON = re.compile(
    r"""
    PATH|HOME|USER|LOGNAME|SHELL|TERM|TZ|TMPDIR|TEMP|TMP|LANG|LANGUAGE|LC_.*|XDG_.*|SOURCE_DATE_EPOCH
    |(?:HTTP|HTTPS|ALL|NO|FTP)_PROXY|(?:SSL|REQUESTS|CURL)_.*|NETRC|PIP_.*|UV_.*|PYENV_.*
    |GIT_SSL_.*|GIT_SSH.*|GIT_CONFIG_(?:GLOBAL|SYSTEM|NOSYSTEM)|SSH_AUTH_SOCK
    |CC|CXX|CPP|CUDAHOSTCXX|FC|F77|F90|LD|AR|AS|NM|RANLIB|STRIP|[A-Z]*FLAGS|MAX_JOBS|NPY_.*
    |CPATH|C_INCLUDE_PATH|CPLUS_INCLUDE_PATH|LIBRARY_PATH|LD_LIBRARY_PATH|LD_PRELOAD|DYLD_.*
    |PKG_CONFIG.*|CMAKE_.*|NINJA.*|CARGO_.*|RUST.*|CONDA_PREFIX|MACOSX_DEPLOYMENT_TARGET|SDKROOT
    |(?:CUDA|CUDNN|NCCL|NVCC|NVIDIA|TORCH|ROCM|HIP|MKL|DS_BUILD|HDF5|MPI|BLAS|LAPACK|SETUPTOOLS)_?.*
    """,
    re.VERBOSE | re.IGNORECASE,
)
_NOT_HANDED_ON = re.compile(r"UV_PUBLISH_.*|.*(?:TOKEN|SECRET|CREDENTIAL|_KEY)S?", re.IGNORECASE)
_NAMED_TOO = "FORKCTL_BUILD_VARIABLES"

# pip's variable -> (uv's variable, how uv separates several)
_FROM_PIP = {
    "PIP_INDEX_URL": ("UV_DEFAULT_INDEX", " "),
    "PIP_EXTRA_INDEX_URL": ("UV_INDEX", " "),
    "PIP_FIND_LINKS": ("UV_FIND_LINKS", ","),
    "PIP_CERT": ("SSL_CERT_FILE", " "),
}


class UvFailed(Exception):
    """uv said no; `output` is all that it wrote."""

    def __init__(self, arguments: Sequence[str], output: str) -> None:
        super().__init__(f"uv {' '.join(arguments)} failed")
        self.output = output


def uv_binary() -> str:
    try:
        import uv
    except ImportError:
        raise ForkctlError("uv is not installed", hint="pip install uv") from None
    return str(uv.find_uv_bin())


def build_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Of these variables, those that a build may see. The user may name more."""
    named = environment.get(_NAMED_TOO, "").split()
    return {
        name: value
        for name, value in environment.items()
        if name in named or (_HANDED_ON.fullmatch(name) and not _NOT_HANDED_ON.fullmatch(name))
    }


def uv_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of a uv process: with pip's settings under uv's names."""
    settings = build_variables(environment)
    for pip_name, (uv_name, separator) in _FROM_PIP.items():
        if pip_name in settings and uv_name not in settings:
            settings[uv_name] = separator.join(settings[pip_name].split())
    return settings


def run_uv(arguments: Sequence[str], *, retries: int | None = None) -> str:
    """Run uv and return what it wrote (both streams)."""
    environment = uv_settings(os.environ)
    if retries is not None:
        environment["UV_HTTP_RETRIES"] = str(retries)
    done = subprocess.run(
        [uv_binary(), "--no-progress", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        preexec_fn=partial(end_with, os.getpid()),
    )
    if done.returncode != 0:
        raise UvFailed(arguments, done.stdout)
    return done.stdout


def find_python(version: str) -> str:
    """A Python of this version: what uv finds, else pyenv's, else the version for uv to download.

    uv stops at a pyenv shim of a version that pyenv has but that is not active here.
    """
    try:
        found = run_uv(["python", "find", "--no-python-downloads", "--system", version])
        return found.strip().splitlines()[-1]
    except UvFailed:
        versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
        matching = [path for path in versions.glob("*") if _is_release_of(path.name, version)]
        pythons = [path / "bin" / "python" for path in sorted(matching, key=_release)]
        return next((str(path) for path in reversed(pythons) if path.exists()), version)


def _is_release_of(name: str, version: str) -> bool:
    return re.fullmatch(re.escape(version) + r"(\.\d+)*", name) is not None


def _release(path: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in path.name.split("."))
