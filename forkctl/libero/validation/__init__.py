"""Is this LIBERO data, and will training and evaluation understand it as it was meant?

`evidence` reads a file once; `attributes`, `numbers`, `motion`, `gripper` and `images` look at what
it read; `suite` compares files; `catalogue` says what each finding breaks and what mends it;
`isolation` keeps a file that crashes or hangs its reader from harming the others.
"""

from forkctl.libero.validation.catalogue import KINDS, Kind, Severity
from forkctl.libero.validation.finding import Facts, FileReport, Finding
from forkctl.libero.validation.report import ValidationReport, validate

__all__ = [
    "KINDS",
    "Facts",
    "FileReport",
    "Finding",
    "Kind",
    "Severity",
    "ValidationReport",
    "validate",
]
