"""Is this LIBERO data, and will training and evaluation read it as it was meant?

`evidence` reads a file once; small modules of one idea each, from `attributes` to `copies`, look at
what it read (`file_checks` lists them); `suite_checks` compares files; `catalogue` says what each
finding breaks and how to fix it; `isolation` keeps a file that crashes or hangs its reader from
harming the others.
"""

from forkctl.libero.validation.catalogue import KINDS, FindingKind, Severity
from forkctl.libero.validation.findings import FileFacts, FileReport, Finding
from forkctl.libero.validation.validating import ValidationReport, validate

__all__ = [
    "KINDS",
    "FileFacts",
    "FileReport",
    "Finding",
    "FindingKind",
    "Severity",
    "ValidationReport",
    "validate",
]
