"""A model that gives several labels, from made-up pictures to predictions: every stage runs, nothing is stubbed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgetl
from edgetl.bundle import Bundle
from edgetl.device.bench.timing import Clock
from edgetl.device.qualify import Settings, qualify
from edgetl.errors import DataError
from edgetl.host.material import load_material
from edgetl.host.prepare import adapt_backbone, prepare
from edgetl.host.request import PrepareRequest
from edgetl.host.stages import evaluate
from edgetl.progress import Silent
from edgetl.recipe import recipe_from_data
from edgetl.report.contents import contents
from edgetl.report.predictions import LabelsDocument, as_document, predictions
from edgetl.target import LOCAL

SIZE = 48
CLASSES = ("red", "green", "blue")
SOURCE = """
import io
import numpy as np
from PIL import Image
from edgetl.host.data.dataset import Dataset, Sample

def picture(labels, rng):
    pixels = rng.integers(90, 140, (48, 48, 3))
    for label in labels:
        row, column = rng.integers(0, 3) * 16, label * 16
        pixels[row : row + 16, column : column + 16] = np.eye(3)[label] * 255
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()

def load():
    rng = np.random.default_rng(0)
    samples = []
    for index in range(120):
        labels = tuple(label for label in range(3) if rng.random() < 0.4)
        samples.append(Sample(picture(labels, rng), labels=labels))
    return Dataset(("red", "green", "blue"), tuple(samples))
"""


def request_in(folder: Path, cache: Path, **changes: Any) -> PrepareRequest:
    tables: dict[str, Any] = {
        "name": "shapes",
        "task": {"kind": "multilabel"},
        "data": {"source": "shapes:load", "test": 0.25, "validation": 0.25},
        "backbone": {
            "name": "timm/test_efficientnet",
            "weights": "random",
            "preprocess": {"height": SIZE, "width": SIZE},
        },
        "adapt": {"method": "linear-probe", "stages": ["blocks.0", "head"], "regularisation": [0.01, 0.1]},
        "quantize": {"calibration": 32},
        "gates": {"accuracy_drop_max": 0.05, "margin": 0.3},
    }
    (folder / "shapes.py").write_text(SOURCE)
    return PrepareRequest(recipe_from_data(tables | changes), folder, folder / "shapes.edgetl", cache, threads=2)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PrepareRequest:
    """The request of a bundle that was made."""
    folder = tmp_path_factory.mktemp("multilabel")
    request = request_in(folder, folder / "cache")
    prepare(request, Silent())
    return request


def test_bundle_has_both_variants_with_macro_f1_far_above_chance(prepared: PrepareRequest) -> None:
    manifest = Bundle.open(prepared.out).manifest
    assert (manifest.task, manifest.classes) == ("multilabel", CLASSES)
    assert [variant.name for variant in manifest.variants] == ["fp32", "int8-x86-vnni"]
    evaluation = manifest.evaluations[0]
    assert evaluation.selection_split == "out-of-fold + validation"
    assert evaluation.test is not None
    assert evaluation.test.headline.metric == "macro F1"
    assert evaluation.test.headline.value > 0.8
    assert [check.name for check in manifest.evaluations[1].checks] == ["accuracy drop"]


def test_decisions_of_the_int8_variant_are_compared_with_the_float_one(prepared: PrepareRequest) -> None:
    manifest = Bundle.open(prepared.out).manifest
    float_, int8 = manifest.evaluations
    assert float_.decisions is None
    assert int8.decisions is not None
    assert int8.selection is not None
    assert int8.decisions.n == int8.selection.headline.n
    assert [recall.label for recall in int8.decisions.recalls] == list(CLASSES)
    assert int8.decisions.calibration is not None
    assert int8.decisions.refit is not None
    assert int8.decisions.refit.shared == manifest.thresholds


def test_thresholds_travel_with_the_bundle_and_decide(prepared: PrepareRequest) -> None:
    bundle = Bundle.open(prepared.out)
    assert isinstance(bundle.manifest.thresholds, tuple)
    assert len(bundle.manifest.thresholds) == len(CLASSES)
    thresholds = dict(zip(CLASSES, bundle.manifest.thresholds, strict=True))
    golden = bundle.golden()
    assert set(golden.labels) > {()}
    with edgetl.open(prepared.out, cache_dir=prepared.cache) as model:
        answers = model.predict(list(golden.inputs["image"]))
    for answer in answers:
        given = {label for label, score in answer.scores.items() if score > thresholds[label]}
        assert set(answer.labels) == given == {CLASSES[index] for index in answer.indices}
        assert list(answer.scores.values()) == sorted(answer.scores.values(), reverse=True)
    right = [set(answer.indices) == set(label) for answer, label in zip(answers, golden.labels, strict=True)]
    assert np.mean(right) > 0.6


def test_qualify_judges_and_selects(prepared: PrepareRequest, hasty: Clock) -> None:
    settings = Settings("quick", prepared.cache, watch=None)
    result = qualify(Bundle.open(prepared.out), LOCAL, settings, clock=hasty)
    assert result.passed
    chosen = result.candidate(result.selected or "")
    assert chosen.accuracy is not None
    assert chosen.accuracy.metric == "macro F1"
    assert "accuracy transfer" in {check.name for check in chosen.checks}


def test_evaluate_agrees_with_the_bundle(prepared: PrepareRequest, tmp_path: Path) -> None:
    bundle = Bundle.open(prepared.out)
    model = tmp_path / "fp32.onnx"
    model.write_bytes(bundle.read("models/fp32.onnx"))
    metrics = evaluate(prepared, model, "validation", Silent())
    assert [score.label for score in metrics.per_class] == list(CLASSES)
    assert metrics.headline.value > 0.8


def test_reports_name_every_label_and_threshold(prepared: PrepareRequest) -> None:
    bundle = Bundle.open(prepared.out)
    page = contents(bundle.manifest, bundle.sha256)
    assert any("red above" in cell for table in page.tables for row in table.rows for cell in row)
    with edgetl.open(prepared.out, cache_dir=prepared.cache) as model:
        answers = [model.predict(image) for image in bundle.golden().inputs["image"]]
    several = next(answer for answer in answers if len(answer.labels) > 1)
    document = as_document("x.png", several, top=1)
    assert isinstance(document, LabelsDocument)
    assert document.labels == several.labels
    assert {label for label, _ in document.top} >= set(several.labels)
    (table,) = predictions([document], "candidate").tables
    assert [row[1] for row in table.rows][: len(several.labels)] == list(several.labels)


def test_splits_keep_every_label_and_samples_without_any(prepared: PrepareRequest) -> None:
    splits = load_material(prepared, Silent()).splits
    for part in (splits.train, splits.validation, splits.open_test("test")):
        assert {place for sample in part for place in sample.labels or ()} == {0, 1, 2}
        assert any(sample.labels == () for sample in part)


def test_a_folder_per_class_is_refused_with_what_to_do(photos: Path, tmp_path: Path) -> None:
    request = request_in(tmp_path, tmp_path / "cache", data={"source": str(photos)})
    with pytest.raises(DataError, match="give them as 'labels'"):
        prepare(request, Silent())


def test_several_labels_are_refused_where_one_is_wanted(tmp_path: Path) -> None:
    request = request_in(tmp_path, tmp_path / "cache", task={"kind": "classify"})
    with pytest.raises(DataError, match='kind = "multilabel"'):
        prepare(request, Silent())


@pytest.mark.parametrize("method", ["scratch", "finetune"])
def test_trained_methods_learn_several_labels(tmp_path: Path, method: str) -> None:
    request = request_in(tmp_path, tmp_path / "cache", adapt={"method": method, "epochs": 2})
    context, adapted = adapt_backbone(request, load_material(request, Silent()), Silent())
    assert adapted.head.weight.shape[0] == len(context.workspace.classes)
    assert all(0 <= entry["validation_accuracy"] <= 1 for entry in adapted.report["curve"])
