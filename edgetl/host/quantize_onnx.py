"""One quantized graph of a user's own trained ONNX file, and why it is as it is."""

from __future__ import annotations

import tempfile
from pathlib import Path

from edgetl.errors import Unsupported
from edgetl.files import write_bytes
from edgetl.host.judge import jury_for, settled_by
from edgetl.host.ladder import Ascent, climb
from edgetl.host.ladder.explain import check_explainable
from edgetl.host.prepare_onnx import OnnxRequest, started
from edgetl.host.stages import Quantized, quantized_by
from edgetl.host.unlabelled import unjudged_because
from edgetl.host.variants import calibration
from edgetl.progress import Progress


def quantize_onnx(request: OnnxRequest, progress: Progress, explained: bool = False) -> Quantized:
    """Quantize a trained ONNX file for the one rendering of its recipe, as :func:`prepare_onnx` does.

    Writes the graph to ``request.common.out`` if it passes the gates: with preprocessing in it, as bundles have it.

    Args:
        request: says the model, its samples, and how.
        progress: is told of every step.
        explained: whether to find out, too, what int8 does to every layer.

    Raises:
        Unsupported: nothing of it can be quantized, judged or, where that is asked for, explained.
        DataError: the samples are not fit for use.
        GateFailed: the wrapped model does not compute what the file computes.
    """
    common = request.common
    (rendering,), recipe = common.recipe.quantize.renderings, common.recipe
    if explained:
        check_explainable(rendering)
    with tempfile.TemporaryDirectory(prefix="edgetl-") as folder:
        start = started(request, Path(folder) / "fp32.onnx", progress)
        jury = jury_for(recipe.task.kind, recipe.gates, start.workspace)
        because = None if jury.task.labelled else unjudged_because(start.made, jury)
        if because is not None:
            raise Unsupported(f"quantized graphs could not be judged: {because}")
        calibrated = calibration(start.made, recipe.quantize, start.workspace)
        ascent = Ascent(start.made, rendering, calibrated, None, recipe.quantize, settled_by(start.made, jury))
        climbed = climb(ascent)
        if climbed.ladder.passed:
            write_bytes(common.out, climbed.made.model.read_bytes())
        return quantized_by(ascent, climbed, common.out, explained)
