"""`forkctl.json` in a checkpoint: what must be known to use it, and what the checkpoint lacks.

It is the last file of a checkpoint that is written, and holds a header, `format` and `family`, and
the family's own fields:

    @dataclass(frozen=True)
    class MySidecar(Sidecar):
        family = "mine"
        scale: float
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from forkctl.atomic import write_atomically
from forkctl.errors import ForkctlError
from forkctl.inside.checked import read

FILE = "forkctl.json"
FORMAT = 2
_WITHOUT_FAMILY = 1  # this format had `fork` in its place, or nothing

S = TypeVar("S", bound="Sidecar")


class Sidecar:
    family: ClassVar[str]

    def write(self, folder: str | Path) -> None:
        """In one step, so that a checkpoint has either no side-car or a whole one."""
        fields = asdict(self)  # type: ignore[call-overload]
        values = {"format": FORMAT, "family": self.family, **fields}
        write_atomically(Path(folder) / FILE, json.dumps(values, indent=2) + "\n")

    @classmethod
    def read(cls: type[S], folder: str | Path) -> S:
        """The side-car in the folder of a checkpoint or of a finished model."""
        path = Path(folder) / FILE
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ForkctlError(
                f"nothing says what the numbers of this model mean: there is no {FILE}",
                where=str(folder),
                hint="it was not trained by forkctl, or its saving was cut short: take another one",
            ) from None
        except (OSError, ValueError) as error:
            raise ForkctlError(f"cannot be read: {error}", where=str(path)) from None
        return read(cls, cls._fields_of(values, path), f"{path}: ")

    @classmethod
    def _fields_of(cls, values: Any, path: Path) -> dict[str, Any]:
        fields = dict(values) if isinstance(values, dict) else {}
        form = fields.pop("format", None)
        if form not in (_WITHOUT_FAMILY, FORMAT):
            raise ForkctlError(
                f"is of format {form}; this forkctl reads {_WITHOUT_FAMILY} and {FORMAT}",
                where=str(path),
                hint="use the forkctl that wrote it, or a newer one",
            )
        family = fields.pop("family" if form == FORMAT else "fork", None)
        if family != cls.family and not (family is None and form == _WITHOUT_FAMILY):
            raise ForkctlError(
                f"is of a model of the family {family}, not {cls.family}", where=str(path)
            )
        return fields


def whole_checkpoints(run: Path, prefix: str) -> dict[int, Path]:
    """By number, lowest first: the folders `<prefix><number>` whose side-car was written."""
    found = {}
    for path in run.glob(f"{prefix}*/{FILE}"):
        number = path.parent.name[len(prefix) :]
        if number.isdigit():
            found[int(number)] = path.parent
    return dict(sorted(found.items()))


def differences(
    there: Mapping[str, Any], here: Mapping[str, Any], names: Iterable[str]
) -> list[str]:
    """Of a model that is there and a run that is here, for people to read."""
    return [
        f"{name} is {there.get(name)!r} there and {here.get(name)!r} here"
        for name in names
        if there.get(name) != here.get(name)
    ]
