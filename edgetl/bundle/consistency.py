"""What the fields of a manifest must say about each other."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edgetl.artifact import Artifact
from edgetl.bundle.archive import SEGMENT
from edgetl.bundle.golden_files import check_index, encoded_file, input_file, recorded, reference_files
from edgetl.bundle.manifest import CARD, Manifest, model_file
from edgetl.candidate import Variant
from edgetl.errors import BundleError
from edgetl.golden import GoldenIndex
from edgetl.plugins import BACKENDS, TASKS
from edgetl.preprocess import Preprocess
from edgetl.tensors import TensorSpec, fits

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_VARIANT = re.compile(SEGMENT)
_SHA256 = re.compile(r"[0-9a-f]{64}")


def check_manifest(manifest: Manifest) -> None:
    """Refuse a manifest whose parts contradict each other.

    Raises:
        BundleError: names the part.
    """
    if not _NAME.fullmatch(manifest.name):
        raise BundleError(f"name {manifest.name[:80]!r} must be letters, digits, '.', '_' or '-', at most 64")
    if not 1 <= manifest.version < 1 << 31:
        raise BundleError(f"version must be 1 to {(1 << 31) - 1}, got {manifest.version}")
    if manifest.task not in TASKS:
        raise BundleError(f"unknown task {manifest.task[:80]!r}; expected one of: {', '.join(sorted(TASKS))}")
    _check_classes(manifest.classes)
    _check_thresholds(manifest.thresholds, len(manifest.classes))
    if not manifest.variants:
        raise BundleError("there is no variant in it; expected at least one model")
    names = [variant.name.lower() for variant in manifest.variants]
    if len(set(names)) != len(names):
        raise BundleError(f"two variants have the same name: {', '.join(names)}")
    for variant in manifest.variants:
        _check_variant(variant, manifest)
    check_index(manifest.golden, len(manifest.classes), tuple(variant.name for variant in manifest.variants))
    for variant in manifest.variants:
        _check_golden_inputs(variant, manifest.golden)
    _check_other_runtimes(manifest)
    _check_files(manifest)


def _check_classes(classes: tuple[str, ...]) -> None:
    if len(set(classes)) != len(classes):
        raise BundleError("two classes have the same name; every class needs its own")
    for label in classes:
        if not label or not label.isprintable():
            raise BundleError(f"class {label[:80]!r} must be one line of printable text")


def _check_thresholds(thresholds: tuple[float, ...], classes: int) -> None:
    if thresholds and (len(thresholds) != classes or not all(0 <= threshold <= 1 for threshold in thresholds)):
        raise BundleError(f"thresholds must be {classes} fractions from 0 to 1, one for each class, or none")


def _check_variant(variant: Variant, manifest: Manifest) -> None:
    artifact = variant.artifact
    if not _VARIANT.fullmatch(variant.name):
        raise BundleError(f"variant {variant.name[:80]!r} must be letters, digits, '.', '_' or '-'")
    if artifact.file != model_file(variant.name):
        raise BundleError(
            f"variant {variant.name!r} lies in {artifact.file[:80]!r}, expected {model_file(variant.name)!r}"
        )
    entry = manifest.files.get(artifact.file)
    if entry is None or (entry.sha256, entry.size_bytes) != (artifact.sha256, artifact.size_bytes):
        raise BundleError(f"variant {variant.name!r} has another hash or size than its file {artifact.file!r}")
    if manifest.preprocess is not None:
        _check_image_input(variant.name, artifact, manifest.preprocess)


def _check_image_input(name: str, artifact: Artifact, preprocess: Preprocess) -> None:
    specs, image = artifact.inputs, (1, preprocess.height, preprocess.width, 3)
    if len(specs) != 1 or specs[0].dtype != "uint8" or not fits(image, specs[0].shape):
        raise BundleError(
            f"variant {name!r} takes {'; '.join(map(str, specs))[:200]}; preprocessing makes one uint8 tensor {image}"
        )


def _check_golden_inputs(variant: Variant, golden: GoldenIndex) -> None:
    """Golden samples are what the variant takes, but for the number of samples."""
    wanted = {spec.name: spec for spec in variant.artifact.inputs}
    found = {spec.name: spec for spec in golden.inputs}
    same = len(wanted) == len(variant.artifact.inputs) and set(wanted) == set(found)
    if not same or not all(_is_sample_of(found[name], spec) for name, spec in wanted.items()):
        raise BundleError(
            f"golden inputs are {'; '.join(map(str, golden.inputs))[:200]}; variant {variant.name!r} takes "
            f"{'; '.join(map(str, variant.artifact.inputs))[:200] or 'nothing'}"
        )


def _check_other_runtimes(manifest: Manifest) -> None:
    """Each is known, is another one, and has been judged before anything is compared with what it computed."""
    judged = set[tuple[str, str]]()
    for evaluation in manifest.evaluations:
        names = [other.runtime for other in evaluation.other_runtimes]
        if unknown := set(names) - set(BACKENDS):
            raise BundleError(
                f"variant {evaluation.variant[:80]!r} was judged in {sorted(unknown)[0][:80]!r}, which is no runtime "
                f"that is known here: {', '.join(BACKENDS)}"
            )
        if len({evaluation.runtime, *names}) <= len(names):
            raise BundleError(f"variant {evaluation.variant[:80]!r} was judged twice in the same runtime")
        judged |= {(evaluation.variant, name) for name in names}
    for variant, runtime in recorded(manifest.golden):
        if runtime is not None and (variant, runtime) not in judged:
            raise BundleError(f"golden references are of variant {variant!r} in {runtime[:80]!r}, which nobody judged")


def _is_sample_of(found: TensorSpec, spec: TensorSpec) -> bool:
    sizes = tuple(size or 0 for size in found.shape[1:])
    return found.dtype == spec.dtype and bool(spec.shape) and fits(sizes, spec.shape[1:])


def _check_files(manifest: Manifest) -> None:
    expected = set(_expected_files(manifest))
    if expected != set(manifest.files):
        odd = sorted(expected ^ set(manifest.files))[0]
        raise BundleError(
            f"file {odd[:200]!r} is {'not listed' if odd in expected else 'listed but belongs to nothing'}"
        )
    for name, entry in manifest.files.items():
        if not _SHA256.fullmatch(entry.sha256) or entry.size_bytes < 0:
            raise BundleError(f"file {name!r} has no valid SHA-256 and size")


def _expected_files(manifest: Manifest) -> Iterator[str]:
    golden = manifest.golden
    yield CARD
    yield from (variant.artifact.file for variant in manifest.variants)
    yield from (input_file(index) for index in range(len(golden.inputs)))
    yield from (encoded_file(index) for index in range(len(golden.encoded)))
    for variant, runtime in recorded(golden):
        yield from reference_files(golden, variant, runtime)
