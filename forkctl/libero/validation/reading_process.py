"""The process that reads files: one JSON request per line in, one JSON report per line out.

A damaged file can make HDF5 crash, hang or ask for all memory. Then it takes down this process, and
nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys

_MEMORY_LIMIT = 32 << 30  # of address space: maps of large files count too


def main() -> None:
    # What a library prints must not get between the reports.
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_LIMIT, _MEMORY_LIMIT))
    from forkctl.libero.validation.file_checks import check_file

    for line in sys.stdin:
        request = json.loads(line)
        report = check_file(request["path"], images=request["images"])
        replies.write(json.dumps(report.to_json()) + "\n")
        replies.flush()


if __name__ == "__main__":
    main()
