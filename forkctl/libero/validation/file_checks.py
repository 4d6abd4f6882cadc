"""All checks of one file, in one process. `isolation` runs this where a crash does no harm."""

from __future__ import annotations

from pathlib import Path
from typing import List

import numpy as np

from forkctl.errors import ForkctlError
from forkctl.libero.files.reader import DemoFile
from forkctl.libero.suites import task_name_from_file
from forkctl.libero.validation import (
    attributes,
    clock,
    copies,
    episodes,
    gripper,
    images,
    motion,
    numbers,
    pose,
    response,
)
from forkctl.libero.validation.evidence import FileEvidence, alignment_of, gather
from forkctl.libero.validation.findings import FileFacts, FileReport, Finding

CHECKS = (
    attributes.check,
    numbers.check,
    pose.check,
    clock.check,
    motion.check,
    response.check,
    episodes.check,
    gripper.check,
    images.check,
    copies.check,
)


def check_file(path: str, *, images: bool = True) -> FileReport:
    """Never raises for what a file holds: a file that cannot be read is a finding."""
    findings: List[Finding] = []
    try:
        # Without the index: the bytes themselves are on trial.
        with DemoFile(path) as file, np.errstate(all="ignore"):
            evidence = gather(file, findings, images=images)
            for check in CHECKS:
                findings.extend(check(evidence))
            facts = _facts(evidence)
    except (ForkctlError, OSError, RuntimeError, ValueError, KeyError) as error:
        text = error.message if isinstance(error, ForkctlError) else str(error)
        findings.append(Finding("unreadable-file", " ".join(text.split())[:300]))
        facts = FileFacts(task=task_name_from_file(path))
    return FileReport(str(Path(path)), facts, tuple(findings))


def _facts(evidence: FileEvidence) -> FileFacts:
    sizes = {shape for demo in evidence.demos for shape in demo.image_shapes.values()}
    return FileFacts(
        task=evidence.task,
        layout="raw" if evidence.attrs else "regenerated",
        alignment=alignment_of(evidence) or "",
        image_size=sizes.pop()[0] if len(sizes) == 1 else None,
        demos=len(evidence.names),
        steps=sum(len(demo.actions) for demo in evidence.demos if demo.actions is not None),
        digests=dict(copies.digests(evidence)),
    )
