"""Which candidate of a bundle to run here, and on whose word."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgetl.bundle import Bundle
from edgetl.candidate import Candidate, Variant
from edgetl.device.fitness import unfit_because
from edgetl.environment import Environment
from edgetl.errors import GateFailed, InputError, MissingExtra, Unsupported
from edgetl.files import mark_used
from edgetl.plugins import BACKENDS, find
from edgetl.result import Result, read_result
from edgetl.runner import Backend

ChosenBy = Literal["result", "stored qualification", "safest"]


@dataclass(frozen=True)
class Choice:
    """The candidate to load; ``by`` says on whose word."""

    candidate: Candidate
    by: ChosenBy


def result_path(bundle: Bundle, cache_dir: Path, here: Environment) -> Path:
    """Where the qualification of a bundle on a machine is kept."""
    return cache_dir / "results" / f"{bundle.sha256}-{here.fingerprint}.json"


def qualified(bundle: Bundle, here: Environment, result: Result) -> Candidate:
    """The candidate that a qualification selected.

    Raises:
        InputError: the qualification is of another bundle, or was made on another device.
        GateFailed: it selected nothing.
    """
    if result.bundle.sha256 != bundle.sha256:
        raise InputError(
            f"the result is of bundle {result.bundle.name!r} {result.bundle.sha256[:12]}, not of "
            f"{bundle.manifest.name!r} {bundle.sha256[:12]}; make one with: {_qualify(bundle)}"
        )
    if result.environment.fingerprint != here.fingerprint:
        raise InputError(
            f"the result was made on another device or with other software ({_difference(result.environment, here)}); "
            f"make one here with: {_qualify(bundle)}"
        )
    if result.selected is None:
        raise GateFailed(
            f"the qualification of {bundle.manifest.name!r} on this device selected nothing; the result says why for "
            "each candidate; choose for yourself with runtime="
        )
    chosen = result.candidate(result.selected)
    bundle.manifest.variant(chosen.variant)
    return Candidate(chosen.variant, chosen.runtime, chosen.precision, chosen.threads)


def stored(bundle: Bundle, here: Environment, cache_dir: Path) -> Candidate | None:
    """The candidate selected by this device's own qualification; ``None`` without a sound record of one.

    Raises:
        GateFailed: it selected nothing.
    """
    record = stored_record(bundle, here, cache_dir)
    return None if record is None else qualified(bundle, here, record)


def stored_record(bundle: Bundle, here: Environment, cache_dir: Path) -> Result | None:
    """The qualification made on this very device, for whatever target and effort; a damaged record counts as none."""
    path = result_path(bundle, cache_dir, here)
    try:
        result = read_result(path)
        if result.selected is not None:
            qualified(bundle, here, result)
    except InputError:
        return None
    mark_used(path)
    same = (result.bundle.sha256, result.environment.fingerprint) == (bundle.sha256, here.fingerprint)
    return result if same else None


def safest(bundle: Bundle, here: Environment, runtime: str | None) -> Candidate:
    """The float graph on a runtime, or on the first that works here; without one, the first this CPU can compute.

    Raises:
        MissingExtra: the runtime, or every runtime, is not installed.
        Unsupported: there is no runtime of that name, or this CPU can compute none of the graphs.
    """
    unfit = {one.name: unfit_because(one.artifact, here.cpu) for one in bundle.manifest.variants}
    fit = [one for one in bundle.manifest.variants if unfit[one.name] is None]
    if not fit:
        raise Unsupported(
            f"no graph of {bundle.manifest.name!r} can be computed here: {'; '.join(map(str, unfit.values()))}"
        )
    variant = next((one for one in fit if one.artifact.precision == "fp32"), fit[0])
    return Candidate(variant.name, runtime or _first_runtime(), _hint(variant), here.cpu.allowed_cpus)


def _qualify(bundle: Bundle) -> str:
    """The command that makes a result, ready for a shell."""
    return shlex.join(("edgetl", "qualify", str(bundle.path), "-o", str(bundle.path.with_suffix(".result.json"))))


def _hint(variant: Variant) -> str:
    return "fp32" if variant.artifact.rendering == "float" else variant.artifact.precision


def _first_runtime() -> str:
    for name in BACKENDS:
        backend: Backend = find(BACKENDS, name, "runtime")
        if backend.probe().available:
            return name
    first = next(iter(BACKENDS))
    raise MissingExtra(first, extra=first)


def _difference(there: Environment, here: Environment) -> str:
    for name in Environment.__struct_fields__:
        was, now = getattr(there.lasting, name), getattr(here.lasting, name)
        if was != now:
            return f"{name} was {str(was)[:120]}, is {str(now)[:120]}"
    return "its description differs"
