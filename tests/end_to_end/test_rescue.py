"""A network that quantization fails on comes out within a point of float, or as float with the reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hard_network import Hardness
from hard_task import HardTask, hard_task, logits
from PIL import Image

from edgetl.bundle import Bundle
from edgetl.host.prepare_onnx import prepare_onnx
from edgetl.ladder import Ladder
from edgetl.progress import Silent
from edgetl.report.ladder import in_words, ladders_from

POINT = 0.01


@pytest.fixture(scope="module")
def hard(tmp_path_factory: pytest.TempPathFactory) -> HardTask:
    """Two blocks with channels of 1,000 to 1 and an outlier."""
    return hard_task(tmp_path_factory.mktemp("hard"), Hardness(blocks=2), count=800)


def accuracy(bundle: Bundle, variant: str, task: HardTask, folder: Path) -> float:
    """Of the shipped graph itself, on every image that there is."""
    paths = sorted(task.data.rglob("*.png"))
    names = sorted({path.parent.name for path in paths})
    wanted = [names.index(path.parent.name) for path in paths]
    answers = logits(bundle.model(variant, folder), np.stack([np.asarray(Image.open(path)) for path in paths]))
    return float(np.mean(answers.argmax(1) == wanted))


def prepared(task: HardTask, folder: Path, quantize: dict[str, object], **gates: float) -> tuple[Bundle, Ladder]:
    asked = task.request(folder / "hard.edgetl", quantize, gates or None)
    prepare_onnx(asked, Silent())
    bundle = Bundle.open(asked.common.out)
    (ladder,) = ladders_from(bundle.manifest.provenance.notes)
    return bundle, ladder


def variants(bundle: Bundle) -> list[str]:
    return [variant.name for variant in bundle.manifest.variants]


def test_a_network_that_fails_in_int8_is_rescued_by_a_treatment(hard: HardTask, tmp_path: Path) -> None:
    bundle, ladder = prepared(hard, tmp_path, {"renderings": ("tensorrt",)})

    assert variants(bundle) == ["fp32", "int8-tensorrt"]
    assert accuracy(bundle, "fp32", hard, tmp_path) == 1.0
    assert accuracy(bundle, "int8-tensorrt", hard, tmp_path) >= 1.0 - POINT
    first = ladder.attempts[0]
    assert first.check is not None
    assert first.check.value is not None
    assert first.check.value > 0.3
    (chosen,) = [one for one in ladder.attempts if one.name == ladder.chosen]
    assert chosen.name.startswith("channels equalised")
    assert not chosen.in_float
    gained = {one.name: one.gained for one in chosen.treatments}
    assert gained["equalise"] is not None
    assert gained["equalise"] > 0.3


def test_without_time_to_rescue_it_float_ships_and_the_bundle_says_why(hard: HardTask, tmp_path: Path) -> None:
    bundle, ladder = prepared(hard, tmp_path, {"renderings": ("tensorrt",), "budget_s": 0})

    assert variants(bundle) == ["fp32"]
    assert not ladder.passed
    rejected, ended = in_words(ladder)
    assert "int8 was rejected for 'tensorrt'" in rejected
    assert "accuracy drop" in rejected
    assert "budget_s" in ended


@pytest.mark.slow
@pytest.mark.parametrize("is_clipped", [False, True], ids=["relu", "relu6"])
def test_a_whole_network_is_rescued_for_this_machine(is_clipped: bool, tmp_path: Path) -> None:
    task = hard_task(tmp_path, Hardness(is_clipped=is_clipped))

    bundle, ladder = prepared(task, tmp_path, {"renderings": ("x86-vnni",), "search": "all"})

    assert variants(bundle) == ["fp32", "int8-x86-vnni"]
    assert accuracy(bundle, "int8-x86-vnni", task, tmp_path) >= 1.0 - POINT
    assert {"channels equalised, head as it was", "1 layer in float, channels equalised, head as it was"} <= {
        one.name for one in ladder.attempts
    }


@pytest.mark.slow
def test_where_nothing_meets_the_gates_no_int8_graph_ships(hard: HardTask, tmp_path: Path) -> None:
    """So few images never prove that nothing at all is lost."""
    bundle, ladder = prepared(hard, tmp_path, {"renderings": ("tensorrt",)}, accuracy_drop_max=0.0, margin=0.0)

    assert variants(bundle) == ["fp32"]
    assert not any(one.passed for one in ladder.attempts)
    assert ladder.ended.endswith(" it is hardly faster than float, and not even training against float is enough")
