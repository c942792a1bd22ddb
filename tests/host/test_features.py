from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgetl.errors import BackendError, RecipeError, Unsupported
from edgetl.host import inference
from edgetl.host.cache import Cache
from edgetl.host.data.audit import Audit, audit
from edgetl.host.data.dataset import Sample
from edgetl.host.data.reader import ImageReader
from edgetl.host.data.source import open_source
from edgetl.host.features import VIEWS, Extraction, GraphFeatures, check_views
from edgetl.host.inference import Crew, Engine, collect, fastest, pool, relative_times, run
from edgetl.plugins import BACKENDS
from edgetl.preprocess import Preprocess
from edgetl.progress import Silent
from edgetl.runner import LoadOptions, Runner
from edgetl.tensors import Array, Feed

SIDE = 16
PREPROCESS = Preprocess(SIDE, SIDE)
Infer: TypeAlias = "Callable[[Feed], dict[str, Array]]"


@pytest.fixture
def quadrants(tmp_path: Path) -> Path:
    """A graph whose features are the mean of the upper left quarter and of the whole image."""
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Slice", ["pixels", "starts", "ends", "axes"], ["corner"]),
        helper.make_node("ReduceMean", ["corner"], ["first"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("ReduceMean", ["pixels"], ["second"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Unsqueeze", ["first", "last"], ["first_column"]),
        helper.make_node("Unsqueeze", ["second", "last"], ["second_column"]),
        helper.make_node("Concat", ["first_column", "second_column"], ["features"], axis=1),
    ]
    constants = {"starts": [0, 0], "ends": [SIDE // 2, SIDE // 2], "axes": [1, 2], "last": [1]}
    graph = helper.make_graph(
        nodes,
        "quadrants",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", SIDE, SIDE, 3])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", 2])],
        [helper.make_tensor(name, TensorProto.INT64, [len(values)], values) for name, values in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "g.onnx")
    return tmp_path / "g.onnx"


@pytest.fixture
def samples(photos: Path) -> tuple[Sample, ...]:
    dataset = open_source(str(photos), photos)
    audited = audit(dataset, Audit(min_per_class=4, skip_bad=False, threads=1), Silent())
    return audited.dataset.samples[::10]


def source(graph: Path, samples: tuple[Sample, ...], cache: Path, threads: int = 2) -> GraphFeatures:
    how = Extraction(Engine(graph, "onnxruntime"), ImageReader(PREPROCESS), threads, Cache(cache))
    return GraphFeatures(how, samples, Silent(), "extract")


def test_features_of_each_view_are_those_of_the_turned_image(
    quadrants: Path, samples: tuple[Sample, ...], tmp_path: Path
) -> None:
    views = ("identity", "hflip", "vflip", "rot180", "rot90")
    features = source(quadrants, samples, tmp_path / "cache").training(views)
    assert features.shape == (len(views), len(samples), 2)
    half = SIDE // 2
    for row, sample in enumerate(samples):
        image = PREPROCESS.apply(sample.image)
        corners = {
            "identity": image[:half, :half],
            "hflip": image[:half, half:],
            "vflip": image[half:, :half],
            "rot180": image[half:, half:],
            "rot90": image[:half, half:],
        }
        for column, view in enumerate(views):
            np.testing.assert_allclose(features[column, row, 0], corners[view].mean(), rtol=1e-5)
            np.testing.assert_allclose(features[column, row, 1], image.mean(), rtol=1e-5)


def test_only_what_the_cache_does_not_have_is_computed(
    quadrants: Path, samples: tuple[Sample, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[int] = []
    original = run

    def counting(engine: Engine, images: object, threads: int) -> object:
        for outputs in original(engine, images, threads):  # type: ignore[arg-type]
            computed.append(1)
            yield outputs

    monkeypatch.setattr("edgetl.host.features.run", counting)
    first = source(quadrants, samples[:-2], tmp_path / "cache").training(("identity",))
    again = source(quadrants, samples, tmp_path / "cache").training(("identity",))
    assert len(computed) == len(samples)
    np.testing.assert_array_equal(first[0], again[0, :-2])
    # of another view's samples, too, what is there already is not computed
    turned = source(quadrants, samples, tmp_path / "cache").training(("identity", "hflip"))
    assert len(computed) == 2 * len(samples)
    np.testing.assert_array_equal(turned[0], again[0])


def test_a_damaged_shard_is_computed_again(quadrants: Path, samples: tuple[Sample, ...], tmp_path: Path) -> None:
    first = source(quadrants, samples, tmp_path / "cache").training(("identity",))
    (shard,) = (tmp_path / "cache").rglob("*.npz")
    shard.write_bytes(shard.read_bytes()[:100])
    np.testing.assert_array_equal(source(quadrants, samples, tmp_path / "cache").training(("identity",)), first)


def test_another_preprocessing_is_another_cache_entry(
    quadrants: Path, samples: tuple[Sample, ...], tmp_path: Path
) -> None:
    engine = Engine(quadrants, "onnxruntime")
    squash = Extraction(engine, ImageReader(PREPROCESS), 1, Cache(tmp_path / "cache"))
    crop = Extraction(engine, ImageReader(Preprocess(SIDE, SIDE, crop=0.5)), 1, Cache(tmp_path / "cache"))
    whole = GraphFeatures(squash, samples, Silent(), "extract").training(("identity",))
    middle = GraphFeatures(crop, samples, Silent(), "extract").training(("identity",))
    assert not np.allclose(whole, middle)


def test_thread_count_does_not_change_order_or_values(
    quadrants: Path, samples: tuple[Sample, ...], tmp_path: Path
) -> None:
    one = source(quadrants, samples, tmp_path / "a", threads=1).training(("identity", "hflip"))
    three = source(quadrants, samples, tmp_path / "b", threads=3).training(("identity", "hflip"))
    np.testing.assert_array_equal(one, three)


@pytest.mark.parametrize(
    ("views", "message"),
    [
        (("identity", "twirl"), "twirl"),
        (("hflip",), "must start with 'identity'"),
        (("hflip", "identity"), "must start with 'identity'"),
        (("identity", "hflip", "hflip"), "each view once"),
    ],
    ids=["unknown", "no identity", "identity later", "repeated"],
)
def test_wrong_views_are_refused(views: tuple[str, ...], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        check_views(views, PREPROCESS)


def test_turning_views_need_a_square_input() -> None:
    with pytest.raises(RecipeError, match="square input, not 16x32"):
        check_views(("identity", "rot90"), Preprocess(16, 32))


def test_every_view_is_a_rearrangement_of_pixels() -> None:
    image = np.arange(4 * 4 * 3, dtype=np.uint8).reshape(4, 4, 3)
    turned = {view: VIEWS[view](image) for view in VIEWS}
    assert all(sorted(array.ravel()) == sorted(image.ravel()) for array in turned.values())
    assert len({array.tobytes() for array in turned.values()}) == len(VIEWS)


def test_fastest_runtime_is_remembered(quadrants: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blank = np.zeros((SIDE, SIDE, 3), np.uint8)
    first = fastest(quadrants, "fp32", blank, Crew.many(1), Cache(tmp_path))

    def refuse(*_: object) -> dict[Engine, float]:
        raise AssertionError("measured twice")

    monkeypatch.setattr("edgetl.host.inference._times", refuse)
    assert fastest(quadrants, "fp32", blank, Crew.many(1), Cache(tmp_path)) == first


def test_a_runtime_that_refuses_the_graph_is_not_the_fastest(
    quadrants: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def choosy(engine: Engine, crew: Crew) -> AbstractContextManager[Infer]:
        if engine.runtime == "onnxruntime":
            raise BackendError("no kernels")
        return pool(replace(engine, precision="fp32"), crew)

    monkeypatch.setattr("edgetl.host.inference.pool", choosy)
    blank = np.zeros((SIDE, SIDE, 3), np.uint8)
    assert fastest(quadrants, "bf16", blank, Crew.many(1), Cache(tmp_path)).runtime == "openvino"


@dataclass
class Loaded:
    """A machine that others slow down to a third, from some moment on or up to it."""

    changes_ms: float
    is_slow_first: bool
    now_ns: int = 0

    def clock(self) -> int:
        return self.now_ns

    def work(self, milliseconds: float) -> Callable[[], object]:
        def call() -> None:
            is_slow = (self.now_ns < self.changes_ms * 1e6) == self.is_slow_first
            self.now_ns += int(milliseconds * 1e6 * (3 if is_slow else 1))

        return call


@pytest.mark.parametrize("is_slow_first", [True, False], ids=["slow-first", "slow-later"])
@pytest.mark.parametrize("changes_ms", [0, 50, 300, 700, 1000])
@pytest.mark.parametrize("slower_first", [True, False], ids=["slower-first", "faster-first"])
def test_who_is_faster_does_not_depend_on_when_others_slow_the_machine_down(
    changes_ms: float, is_slow_first: bool, slower_first: bool
) -> None:
    machine = Loaded(changes_ms, is_slow_first)
    names = {"slower": 4.0, "faster": 3.5} if slower_first else {"faster": 3.5, "slower": 4.0}
    found = relative_times({name: machine.work(milliseconds) for name, milliseconds in names.items()}, machine.clock)
    assert found == pytest.approx({"slower": 4 / 3.75, "faster": 3.5 / 3.75}, rel=1e-3)


def test_threads_that_wait_busily_after_their_turn_do_not_make_the_next_runtime_the_slower_one() -> None:
    now_ns = waits_until_ns = 0

    def waiting() -> None:
        nonlocal now_ns, waits_until_ns
        now_ns += 4_400_000
        waits_until_ns = now_ns + 30_000_000

    def other() -> None:
        nonlocal now_ns
        now_ns += 8_000_000 if now_ns < waits_until_ns else 3_800_000

    found = relative_times({"waiting": waiting, "other": other}, lambda: now_ns)
    assert found == pytest.approx({"waiting": 4.4 / 4.1, "other": 3.8 / 4.1}, rel=1e-3)


@pytest.mark.parametrize("crew", [Crew.alone(2), Crew.many(2)], ids=["alone", "many"])
def test_the_fastest_is_one_of_the_runtimes_whatever_the_crew(quadrants: Path, tmp_path: Path, crew: Crew) -> None:
    blank = np.zeros((SIDE, SIDE, 3), np.uint8)
    assert fastest(quadrants, "fp32", blank, crew, Cache(tmp_path)).runtime in BACKENDS


@pytest.mark.parametrize("damaged", [b"", b'"onnxrun', b'"\xff"', b'"tensor"'])
def test_a_damaged_note_of_the_fastest_runtime_is_measured_again(
    quadrants: Path, tmp_path: Path, damaged: bytes
) -> None:
    blank = np.zeros((SIDE, SIDE, 3), np.uint8)
    fastest(quadrants, "fp32", blank, Crew.many(1), Cache(tmp_path))
    (note,) = (tmp_path / "fastest").iterdir()
    note.write_bytes(damaged)
    engine = fastest(quadrants, "fp32", blank, Crew.many(1), Cache(tmp_path))
    assert note.read_text() == f'"{engine.runtime}"'


def test_the_fastest_runtime_is_measured_again_in_a_fresh_run_and_once_there(
    quadrants: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[tuple[str, ...]] = []
    monkeypatch.setattr(
        inference, "relative_times", lambda calls: (measured.append(tuple(calls)), dict.fromkeys(calls, 1.0))[1]
    )
    blank = np.zeros((SIDE, SIDE, 3), np.uint8)
    for cache, times in ((Cache(tmp_path), 1), (Cache(tmp_path), 1), (Cache(tmp_path, fresh=True), 2)):
        for _ in range(2):
            fastest(quadrants, "fp32", blank, Crew.many(1), cache)
        assert len(measured) == times


def test_a_failing_image_stops_the_run_and_closes_the_runners(quadrants: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[Runner] = []
    from edgetl.device.backends import onnxruntime as backend  # the class is found at run time

    runner_type = type(backend.BACKEND.load(quadrants, LoadOptions(1)))
    original = runner_type.close
    monkeypatch.setattr(runner_type, "close", lambda self: (closed.append(self), original(self))[1])
    good, bad = np.zeros((SIDE, SIDE, 3), np.uint8), np.zeros((SIDE, SIDE, 4), np.uint8)
    with pytest.raises(Unsupported, match="has shape"):
        collect(Engine(quadrants, "onnxruntime"), [good, bad, good], threads=2)
    assert len(closed) == 2
