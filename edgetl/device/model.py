"""A bundle ready to predict: verified, with its candidate chosen and loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeAlias, cast

import msgspec
import numpy as np

from edgetl.bundle import Bundle, Manifest
from edgetl.candidate import Candidate
from edgetl.device.cache_dir import default_cache_dir, writable_cache_dir
from edgetl.device.choice import Choice, qualified, safest, stored
from edgetl.device.probe import environment
from edgetl.device.sample_files import read_sample
from edgetl.device.tasks import task_of
from edgetl.errors import InputError, Unsupported
from edgetl.plugins import BACKENDS, find
from edgetl.preprocess import ImageInput, Order, check_order
from edgetl.result import Result, read_result
from edgetl.runner import Backend, LoadOptions, Runner
from edgetl.tensors import Array, Batch

Source: TypeAlias = "ImageInput | Mapping[str, Array]"


class Model:
    """A loaded candidate of a bundle. Use it from one thread at a time; open one model for each thread."""

    def __init__(self, manifest: Manifest, choice: Choice, runner: Runner) -> None:
        self.manifest, self.candidate, self.chosen_by = manifest, choice.candidate, choice.by
        self._runner: Runner | None = runner
        self._inputs = runner.inputs
        self._task = task_of(manifest)

    def predict(self, source: Source | Sequence[Source], order: Order = "RGB") -> Any:
        """What the model says of one sample, or of each of several.

        Args:
            source: a path, encoded bytes, a Pillow image, or a ``uint8`` array of shape ``(h, w, 3)`` or ``(h, w)``. A
                list, a tuple or an array of shape ``(n, h, w, 3)`` gives a list of predictions; images are taken one
                by one. A model of tensors takes an array, or a mapping of input names to arrays, without the batch
                dimension for one prediction, with it for a list; or an ``.npz`` file of one sample, as a path or bytes.
            order: channel order of arrays of pixels; everything else says its own.

        Returns:
            A :class:`~edgetl.device.tasks.classify.Prediction` for an image of a classifier, a
            :class:`~edgetl.device.tasks.multilabel.MultilabelPrediction` where an image may have several labels, a
            dict of arrays for a model without labels; a list of them for several.

        Raises:
            DataError: an image or a file of a sample cannot be read.
            InputError: the model is closed, or ``order`` is neither or not for such a source.
            Unsupported: a tensor is not of the dtype and shape that the model takes.
        """
        if isinstance(source, (list, tuple)) or _is_frames(source, self.manifest):
            return [self.predict(item, order) for item in cast("Sequence[Source]", source)]
        if self.manifest.preprocess is None:
            check_order(order, is_array=False)
            return self._predict_tensors(source)
        pixels = self.manifest.preprocess.apply(cast("ImageInput", source), order)
        return self._infer({self._inputs[0].name: pixels[None]})

    def close(self) -> None:
        """Give back what the runtime holds; the model cannot be used afterwards."""
        if self._runner is not None:
            self._runner.close()
        self._runner = None

    def __enter__(self) -> Model:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _predict_tensors(self, source: Any) -> Any:
        if isinstance(source, (str, Path, bytes)):
            return self._infer(read_sample(source, self._inputs))
        feeds = source if isinstance(source, Mapping) else {self._inputs[0].name: source}
        arrays = {name: np.asarray(value) for name, value in feeds.items()}
        ranks = {spec.name: len(spec.shape) for spec in self._inputs}
        is_batch = set(arrays) == set(ranks) and all(array.ndim == ranks[name] for name, array in arrays.items())
        if not is_batch:
            return self._infer({name: array[None] for name, array in arrays.items()})
        lengths = {len(array) for array in arrays.values()}
        if len(lengths) != 1:
            raise Unsupported(f"inputs have {', '.join(map(str, sorted(lengths)))} samples; expected as many of each")
        return [self._infer({name: a[i : i + 1] for name, a in arrays.items()}) for i in range(lengths.pop())]

    def _infer(self, feeds: Batch) -> Any:
        if self._runner is None:
            raise InputError(f"model {self.manifest.name!r} is closed; open it again with edgetl.open")
        predictions = self._task.predictions(self._runner.infer(feeds), self.manifest.classes)
        if len(predictions) != 1:
            raise Unsupported(f"model {self.manifest.name!r} gave {len(predictions)} answers for 1 sample; expected 1")
        return predictions[0]


def open(
    path: str | Path,
    result: Result | str | Path | None = None,
    cache_dir: str | Path | None = None,
    runtime: str | None = None,
    threads: int | None = None,
) -> Model:
    """Verify a bundle, choose a candidate and load it.

    The candidate is the one that ``result`` selected; else the one that a qualification of this bundle on this device
    selected, when there is one in the cache; else the safest: the float graph on the first runtime that works here.

    Args:
        path: the bundle.
        result: a qualification made on this device, or on one exactly like it.
        cache_dir: where models and compiled blobs are kept; see :func:`~edgetl.device.cache_dir.default_cache_dir`.
        runtime: use the safest candidate on this runtime, whatever was qualified.
        threads: use this number of threads instead of the candidate's own.

    Raises:
        BundleError: the bundle is damaged or not a bundle.
        InputError: the result is of another bundle or device, or the cache cannot be written to.
        GateFailed: the qualification selected nothing.
        MissingExtra: no runtime, or not the chosen one, is installed.
        BackendError: the runtime refused the model.
    """
    if result is not None and runtime is not None:
        raise InputError(f"runtime={runtime!r} and result= contradict each other; give one of them")
    if threads is not None and threads < 1:
        raise InputError(f"threads must be at least 1, got {threads}")
    bundle = Bundle.open(path)
    folder = default_cache_dir() if cache_dir is None else writable_cache_dir(Path(cache_dir))
    choice = _choose(bundle, result, runtime, folder)
    if threads is not None:
        choice = Choice(msgspec.structs.replace(choice.candidate, threads=threads), choice.by)
    return Model(bundle.manifest, choice, _load(bundle, choice.candidate, folder))


def _choose(bundle: Bundle, result: Result | str | Path | None, runtime: str | None, cache_dir: Path) -> Choice:
    here = environment()
    if result is not None:
        record = result if isinstance(result, Result) else read_result(Path(result))
        return Choice(qualified(bundle, here, record), "result")
    if runtime is None and (candidate := stored(bundle, here, cache_dir)) is not None:
        return Choice(candidate, "stored qualification")
    return Choice(safest(bundle, here, runtime), "safest")


def _load(bundle: Bundle, candidate: Candidate, cache_dir: Path) -> Runner:
    backend: Backend = find(BACKENDS, candidate.runtime, "runtime")
    options = LoadOptions(threads=candidate.threads, precision=candidate.precision, batch=1)
    model = bundle.model(candidate.variant, cache_dir / "models")
    runner = backend.load(backend.build(model, options, cache_dir / "built"), options)
    if not runner.inputs:
        runner.close()
        raise Unsupported(f"variant {candidate.variant!r} takes no input, so there is nothing to predict from")
    return runner


def _is_frames(source: Any, manifest: Manifest) -> bool:
    return manifest.preprocess is not None and isinstance(source, np.ndarray) and source.ndim == 4
