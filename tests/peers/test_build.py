"""Promises of ``benchmarks/peers/build.py`` and of the protocol in ``tools/answer.py``, with tools that do nothing."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from peers.build import TOOLS, Bench, Terms, finished
from peers.contenders import CONTENDERS, ENVIRONMENTS, Contender, chosen
from peers.material import Material, read_arrays

from edgetl.gates import Gates

TOOL = """
from answer import Built, Task, answer

def build(task: Task) -> Built:
    with (task.out.parent / "runs").open("a") as runs:
        runs.write("once\\n")
    if "fail" in task.options:
        raise ValueError(task.options["fail"])
    shapes = [feeds["image"].shape for feeds in task.feeds()]
    out = task.out / "model.onnx"
    out.write_bytes(task.model.read_bytes())
    return Built(out, {"feeds": len(shapes), "shape": shapes[0], "labels": task.labels("validation").tolist()})

if __name__ == "__main__":
    raise SystemExit(answer(build, ("numpy",)))
"""


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    tools = tmp_path / "tools"
    tools.mkdir()
    shutil.copy(TOOLS / "answer.py", tools)
    (tools / "duplicate.py").write_text(TOOL)
    (tools / "silent.py").write_text("print('first')\nprint('I have no time')\n")
    (tools / "slow.py").write_text("import time\ntime.sleep(60)\n")
    return Bench(tmp_path, {}, {}, tools)


@pytest.fixture
def material(tmp_path: Path) -> Material:
    model, calibration = tmp_path / "float.onnx", tmp_path / "calibration.npz"
    model.write_bytes(b"a model")
    images = np.zeros((3, 4, 4, 3), np.uint8)
    with calibration.open("wb") as file:
        np.savez(file, **{"calibration/image": images, "validation/image": images, "validation-labels": np.arange(3)})
    return Material(model, calibration, tmp_path / "test.npz", Gates(), tmp_path / "cache")


def runs(bench: Bench) -> int:
    path = bench.cache / "outputs/runs"
    return len(path.read_text().splitlines()) if path.exists() else 0


DUPLICATE = Contender("duplicate", "duplicate", None)
SLOW = Contender("slow", "slow", None)


def test_tool_gets_one_sample_at_a_time_and_labels(bench: Bench, material: Material) -> None:
    done = finished(DUPLICATE, material, bench)
    assert done.output.settings == {"feeds": 3, "shape": [1, 4, 4, 3], "labels": [0, 1, 2]}
    assert (done.folder / "model.onnx").read_bytes() == b"a model"
    assert done.output.versions == {"numpy": np.__version__}
    assert done.output.seconds > 0


def test_output_of_equal_inputs_is_not_built_again(bench: Bench, material: Material) -> None:
    assert finished(DUPLICATE, material, bench).output == finished(DUPLICATE, material, bench).output
    assert runs(bench) == 1


def test_output_says_whether_an_earlier_run_built_it(bench: Bench, material: Material) -> None:
    assert [finished(DUPLICATE, material, bench).reused for _ in range(2)] == [False, True]


def test_output_whose_time_is_compared_is_built_anew(bench: Bench, material: Material) -> None:
    assert not any(finished(DUPLICATE, material, bench, Terms(anew=True)).reused for _ in range(2))
    assert runs(bench) == 2


def test_tool_is_stopped_when_its_time_is_over(bench: Bench, material: Material) -> None:
    output = finished(SLOW, material, bench, Terms(limit_s=0.5)).output
    assert (output.failed, output.stopped_after_s, output.seconds) == ("not done after 0 s", 0.5, 0.5)


def test_tool_that_was_stopped_is_tried_again_only_with_more_time(bench: Bench, material: Material) -> None:
    finished(SLOW, material, bench, Terms(limit_s=0.5))
    assert finished(SLOW, material, bench, Terms(limit_s=0.4)).reused
    assert not finished(SLOW, material, bench, Terms(limit_s=0.6)).reused


def test_output_whose_file_is_gone_is_built_again(bench: Bench, material: Material) -> None:
    (finished(DUPLICATE, material, bench).folder / "model.onnx").unlink()
    assert (finished(DUPLICATE, material, bench).folder / "model.onnx").is_file()
    assert runs(bench) == 2


def test_output_is_built_again_when_an_option_changed(bench: Bench, material: Material) -> None:
    finished(DUPLICATE, material, bench)
    finished(replace(DUPLICATE, options={"preset": "mixed"}), material, bench)
    assert runs(bench) == 2


def test_output_is_built_again_when_the_network_changed(bench: Bench, material: Material) -> None:
    finished(DUPLICATE, material, bench)
    material.model.write_bytes(b"another model")
    finished(DUPLICATE, material, bench)
    assert runs(bench) == 2


def test_failure_is_told_in_the_tools_words_and_not_tried_again(bench: Bench, material: Material) -> None:
    failing = replace(DUPLICATE, options={"fail": "no kernel for Sign\nat line 7"})
    assert finished(failing, material, bench).output.failed == "ValueError: no kernel for Sign"
    finished(failing, material, bench)
    assert runs(bench) == 1


def test_tool_without_an_answer_failed_with_its_last_words(bench: Bench, material: Material) -> None:
    done = finished(Contender("silent", "silent", None), material, bench)
    assert done.output.failed == "it ended without an answer: I have no time"


def test_accuracy_control_is_told_the_gate_of_the_recipe(bench: Bench, material: Material) -> None:
    done = finished(replace(DUPLICATE, options={"max_drop": "gate"}), material, bench)
    assert json.loads((done.folder / "options.json").read_text())["max_drop"] == Gates().accuracy_drop_max


def test_arrays_are_read_by_split(material: Material) -> None:
    inputs, labels = read_arrays(material.calibration, "validation")
    assert list(inputs) == ["image"]
    assert labels.tolist() == [0, 1, 2]


def test_every_contender_has_a_script_an_environment_and_a_name_of_its_own() -> None:
    assert len({one.name for one in CONTENDERS}) == len(CONTENDERS)
    for one in CONTENDERS:
        assert (TOOLS / f"{one.script}.py").is_file()
        assert one.environment is None or one.environment in ENVIRONMENTS


def test_every_quantizer_comes_as_it_is_and_with_something_in_float() -> None:
    for script in {one.script for one in CONTENDERS if one.is_peer} - {"openvino_float"}:
        scopes = {"float" in one.options for one in CONTENDERS if one.script == script}
        assert scopes == {False, True}


def test_tools_are_chosen_by_script_or_by_name() -> None:
    names = [one.name for one in chosen(["olive_static", "NNCF accuracy control"])]
    assert names == ["Olive", "Olive U8S8 per channel, float head", "NNCF accuracy control"]
    assert chosen(None) == CONTENDERS


def test_unknown_tool_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match="there is no tool nonsense; there are: edgetl_prepare, nncf_ptq"):
        chosen(["nonsense", "nncf_ptq"])
