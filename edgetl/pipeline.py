"""The main job on one machine: prepare, qualify, report."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from edgetl.bundle import Bundle
from edgetl.device.probe import environment
from edgetl.device.qualify import Settings, qualify, stored_result
from edgetl.files import write_bytes
from edgetl.host.prepare import Prepared, prepare
from edgetl.host.request import PrepareRequest
from edgetl.progress import Progress
from edgetl.report.document import Subject
from edgetl.report.formats import write_subjects
from edgetl.result import Result
from edgetl.target import Target


@dataclass(frozen=True)
class DeploySettings:
    """How the device half is to run."""

    target: Target
    qualify: Settings
    report: Path | None = None
    """The page to write; ``OUT.report.md`` when absent."""


class Deployed(msgspec.Struct, frozen=True):
    """What ``deploy`` made and where it is."""

    prepared: Prepared
    result: Result
    measured_again: bool
    """``False`` when this very bundle had been qualified on this very machine before."""
    result_path: str
    report_path: str


def deploy(request: PrepareRequest, settings: DeploySettings, progress: Progress) -> Deployed:
    """Prepare a bundle, qualify it on this machine, and write bundle, result and report side by side.

    Raises:
        GateFailed: no variant met the host's gates; the caller judges ``result.passed`` for the device's.
    """
    result_path = request.out.with_suffix(".result.json")
    report_path = settings.report or request.out.with_suffix(".report.md")
    prepared = prepare(replace(request, beside=(result_path, report_path)), progress)
    bundle = Bundle.open(request.out)
    known = None if request.fresh else stored_result(bundle, settings.target, settings.qualify, environment())
    result = known or qualify(bundle, settings.target, settings.qualify, progress)
    write_bytes(result_path, msgspec.json.encode(result))
    write_subjects(report_path, (Subject(bundle.sha256, bundle.manifest, (result,), prepared.skipped),))
    return Deployed(prepared, result, known is None, os.fspath(result_path), os.fspath(report_path))
