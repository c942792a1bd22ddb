"""What a suite file may say, and which rows it stands for."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from suite_rows import ROOT, Baseline, Model, Suite, Way, read_suite, rows

from edgetl.errors import InputError

SOUND = """
description = "Two networks."
runtimes = ["onnxruntime", "openvino"]
precisions = ["fp32", "bf16"]
threads = [1, 2]

[[models]]
name = "small"
build = "resnet18"

[[models]]
name = "own"
onnx = "own.onnx"
"""
WRONG = {
    "unknown key": ("threads =", "thread =", "unknown field `thread`.*did you mean 'threads'"),
    "unknown key of a model": ('onnx = "own', 'onyx = "own', r"unknown field `onyx`.*models\[.*did you mean 'onnx'"),
    "unknown runtime": ('"openvino"', '"openwine"', r"enum value 'openwine'.*runtimes"),
    "unknown precision": ('"bf16"', '"bf15"', r"enum value 'bf15'.*precisions"),
    "unknown build": ('"resnet18"', '"resnet81"', "unknown build 'resnet81'; did you mean 'resnet18'"),
    "no source": ('onnx = "own.onnx"', "", "model 'own' comes from nowhere; give one of onnx, bundle, recipe, build"),
    "two sources": ('onnx = "own.onnx"', 'onnx = "a"\nbuild = "resnet18"', "model 'own' has onnx and build"),
    "no threads": ("[1, 2]", "[0, 2]", "0 threads cannot run anything"),
    "empty list": ("[1, 2]", "[]", "threads is empty"),
    "one runtime twice": ('"openvino"]', '"openvino", "openvino"]', "runtimes has 'openvino' twice"),
    "one model twice": ('name = "own"', 'name = "small"', "models has 'small' twice"),
    "name of a model": ('name = "own"', 'name = "../own"', "name '../own' is not made of small letters"),
    "variants of a file": ('onnx = "own.onnx"', 'onnx = "o"\nvariants = ["fp32"]', "only bundles and recipes have"),
    "bundle without variants": ('onnx = "own.onnx"', 'bundle = "o.edgetl"', "model 'own' needs variants"),
    "int8 baseline": ("[[models]]", '[baseline]\nprecision = "int8"\n[[models]]', "the baseline is a float model"),
    "no TOML": ("[[models]]", "[[models", "is not valid TOML"),
}
BUNDLE = Model("cells", bundle="cells.edgetl", variants=("fp32", "int8-x86-vnni"))


def suite(**changes: object) -> Suite:
    return msgspec.convert(
        {
            "description": "",
            "models": (Model("net", build="resnet18"),),
            "runtimes": ("onnxruntime", "openvino"),
            "precisions": ("fp32",),
            "threads": (1,),
            **changes,
        },
        Suite,
    )


@pytest.mark.parametrize("case", WRONG)
def test_wrong_suite_is_refused_with_its_place(case: str, tmp_path: Path) -> None:
    there, instead, said = WRONG[case]
    path = tmp_path / "bad.toml"
    path.write_text(SOUND.replace(there, instead, 1))
    assert path.read_text() != SOUND
    with pytest.raises(InputError, match=said):
        read_suite(path)


def test_no_models_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(SOUND[: SOUND.index("[[models]]")])
    with pytest.raises(InputError, match="missing required field `models`"):
        read_suite(path)


def test_missing_suite_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read suite .*absent\.toml"):
        read_suite(tmp_path / "absent.toml")


def test_name_of_a_suite_becomes_a_folder_so_it_is_checked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not named in small letters"):
        read_suite(tmp_path / "My Suite.toml")


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_give_a_suite_or_a_sentence(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "any.toml"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"any\.toml"):
        read_suite(path)


def test_rows_are_all_but_the_baseline_itself(tmp_path: Path) -> None:
    path = tmp_path / "two.toml"
    path.write_text(SOUND)
    assert [row.name for row in rows(read_suite(path), "two") if row.model.name == "own"] == [
        "own-onnxruntime-bf16-1t",
        "own-onnxruntime-bf16-2t",
        "own-openvino-fp32-1t",
        "own-openvino-fp32-2t",
        "own-openvino-bf16-1t",
        "own-openvino-bf16-2t",
    ]


def test_baseline_has_as_many_threads_unless_the_suite_says_otherwise() -> None:
    declared = rows(suite(threads=(1, 2), runtimes=("openvino",)), "s")
    assert [row.baseline for row in declared] == [Way("onnxruntime", "fp32", 1), Way("onnxruntime", "fp32", 2)]
    declared = rows(suite(threads=(1, 2), baseline=Baseline("openvino", "fp32", 1)), "s")
    assert {row.baseline for row in declared} == {Way("openvino", "fp32", 1)}
    assert "net-openvino-fp32-1t" not in {row.name for row in declared}
    assert "net-openvino-fp32-2t" in {row.name for row in declared}


def test_float_variants_run_in_float_and_quantized_ones_in_int8() -> None:
    declared = rows(suite(models=(BUNDLE,), precisions=("fp32", "bf16", "int8")), "s")
    assert [(row.variant, row.way.runtime, row.way.precision) for row in declared] == [
        ("fp32", "onnxruntime", "bf16"),
        ("fp32", "openvino", "fp32"),
        ("fp32", "openvino", "bf16"),
        ("int8-x86-vnni", "onnxruntime", "int8"),
        ("int8-x86-vnni", "openvino", "int8"),
    ]


def test_model_without_rows_is_refused() -> None:
    with pytest.raises(InputError, match="no row for model 'net'"):
        rows(suite(precisions=("int8",)), "s")


def test_rows_of_one_name_are_refused() -> None:
    twins = (BUNDLE, Model("cells-fp32", build="resnet18"))
    with pytest.raises(InputError, match="two rows 'cells-fp32-openvino-fp32-1t'"):
        rows(suite(models=twins, precisions=("fp32", "int8")), "s")


def test_declaration_changes_with_what_is_measured_and_not_with_words() -> None:
    (first,) = rows(suite(), "s")
    (reworded,) = rows(suite(description="other words"), "s")
    (longer,) = rows(suite(effort="standard"), "s")
    (other,) = rows(suite(models=(Model("net", build="vit-tiny"),)), "s")
    assert first.sha256 == reworded.sha256
    assert len({first.sha256, longer.sha256, other.sha256}) == 3


def test_declaration_changes_with_the_recipe(tmp_path: Path) -> None:
    recipe = tmp_path / "cells/recipe.toml"
    recipe.parent.mkdir()
    one = suite(models=(Model("cells", recipe="cells", variants=("fp32",)),))
    hashes = set()
    for seed in (0, 0, 1):
        recipe.write_text(f'name = "cells"\nseed = {seed}\n[data]\nsource = "photos"\n[backbone]\nname = "resnet18"\n')
        hashes.add(rows(one, "s", tmp_path)[0].sha256)
    assert len(hashes) == 2


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks/suites").glob("*.toml")), ids=lambda path: path.stem)
def test_suites_that_are_here_can_be_read(path: Path) -> None:
    assert rows(read_suite(path), path.stem)
