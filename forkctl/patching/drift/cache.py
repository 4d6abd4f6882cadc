"""What the engine once said about a patch on a blob, so that it need not be asked twice.

One small JSON file per patch, in a folder per engine version: a patch that changed has another
digest and so another file, and another engine looks elsewhere. Entries are facts, not state: a
file that is missing, damaged or written by two commands at once only costs the trials again.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Trial:
    """One patch on one version of one file, seen by itself.

    `places` says where each edit landed in words that stay equal while the surroundings do; the
    caller compares them with those at the pin.
    """

    verdict: str
    places: tuple[str, ...] = ()
    why: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrialCache:
    folder: Path

    def load(self, patch_digest: str) -> dict[str, Trial]:
        """blob and path -> trial, for one patch."""
        try:
            entries = json.loads(self._file(patch_digest).read_bytes())
            return {
                key: Trial(entry["verdict"], tuple(entry["places"]), tuple(entry["why"]))
                for key, entry in entries.items()
            }
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return {}

    def store(self, patch_digest: str, trials: Mapping[str, Trial]) -> None:
        """Replace the entries of one patch in one move."""
        self.folder.mkdir(parents=True, exist_ok=True)
        entries = {key: asdict(trial) for key, trial in sorted(trials.items())}
        descriptor, temporary = tempfile.mkstemp(dir=self.folder)
        with os.fdopen(descriptor, "w") as file:
            json.dump(entries, file, indent=0)
        Path(temporary).replace(self._file(patch_digest))

    def _file(self, patch_digest: str) -> Path:
        return self.folder / f"{hashlib.sha256(patch_digest.encode()).hexdigest()[:32]}.json"
