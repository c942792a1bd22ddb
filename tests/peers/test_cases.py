"""Promises of ``benchmarks/peers/cases.py`` and of the data it brings along."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import msgspec
import numpy as np
import pytest
from peers import machine
from peers.cases import CASES, RECIPES
from peers.contenders import CONTENDERS, EDGETL, LABELLED, UNLABELLED
from peers.recipes.fashion_mnist import CLASSES, load
from PIL import Image

from edgetl.device.probe import environment
from edgetl.errors import DataError
from edgetl.host.prepare import method_options


@pytest.mark.parametrize("name", CASES)
def test_case_is_a_recipe_whose_options_its_method_knows(name: str) -> None:
    recipe = CASES[name].read(name)
    assert recipe.name == name
    assert recipe.quantize.renderings, "nothing would be quantized"
    method_options(recipe)


def test_heads_that_are_compared_differ_in_their_conditioning_only() -> None:
    folded, conditioned = (CASES[f"lite0-head-{which}"] for which in ("folded", "conditioned"))
    assert set(folded.adapt) - set(conditioned.adapt) == {"sigma_floor", "regularisation"}
    assert all(folded.adapt[key] == value for key, value in conditioned.adapt.items())
    assert folded.recipe == conditioned.recipe


def test_network_of_random_weights_is_labelled_so() -> None:
    for case in CASES.values():
        is_random = case.read("case").backbone.weights == "random"
        assert ("from random weights" in case.title) == is_random


@pytest.mark.parametrize(
    ("isa", "rendering", "advice"),
    [
        (("avx2", "avx512_vnni", "amx_bf16"), "x86-vnni", {}),
        (("avx2", "avx_vnni"), "x86-vnni", {"without_bf16": True}),
        (("avx2",), "x86", {"without_vnni": True, "without_bf16": True}),
    ],
)
def test_network_is_quantized_for_the_machine_that_it_is_timed_on(
    isa: tuple[str, ...], rendering: str, advice: dict[str, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = environment()
    cpu = msgspec.structs.replace(here.cpu, architecture="x86_64", isa=isa)
    monkeypatch.setattr(machine, "environment", lambda: msgspec.structs.replace(here, cpu=cpu))
    assert CASES["lite0-probe"].read("lite0-probe").quantize.renderings == (rendering,)
    functions = CASES["mobilenetv3-small"].read("mobilenetv3-small").quantize.renderings
    assert functions == ((rendering, "openvino") if rendering == "x86-vnni" else (rendering,))
    assert machine.advice() == advice


def test_every_recipe_that_lies_here_is_a_case() -> None:
    assert {case.recipe for case in CASES.values()} >= set(RECIPES.glob("*.toml"))


def test_network_that_no_recipe_makes_is_judged_by_the_way_that_takes_it() -> None:
    case = CASES["minilm-l6"]
    assert [one for one in CONTENDERS if case.suits(one) and not one.is_peer] == [LABELLED, UNLABELLED]
    assert case.choosing == LABELLED
    assert CASES["lite0-probe"].choosing == EDGETL
    assert CASES["lite0-probe"].suits(LABELLED)


def test_what_is_advised_for_transformers_is_tried_on_these_alone() -> None:
    dynamic = [one for one in CONTENDERS if one.for_transformers]
    assert dynamic
    for case in CASES.values():
        assert [case.suits(one) for one in dynamic] == [case.transformer] * len(dynamic)


def test_fashion_mnist_is_read_from_its_packed_arrays(tmp_path: Path) -> None:
    pixels = np.arange(2 * 28 * 28, dtype=np.uint16).astype(np.uint8).reshape(2, 28, 28)
    for file in ("train", "t10k"):
        write(tmp_path / f"{file}-images-idx3-ubyte.gz", bytes(16) + pixels.tobytes())
        write(tmp_path / f"{file}-labels-idx1-ubyte.gz", bytes(8) + bytes([9, 0]))
    data = load(tmp_path)
    assert [(one.label, one.split) for one in data.samples] == [(9, "train"), (0, "train"), (9, "test"), (0, "test")]
    assert data.classes == CLASSES
    encoded = data.samples[1].image
    assert isinstance(encoded, bytes)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(encoded))), pixels[1])


def test_absent_fashion_mnist_tells_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="apt-get install dataset-fashion-mnist"):
        load(tmp_path / "nowhere")


def write(path: Path, content: bytes) -> None:
    path.write_bytes(gzip.compress(content))
