"""Parity and decoder drift: a sound graph passes, a broken one does not, and the reason is told."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from PIL import Image

from edgetl.bundle import Bundle
from edgetl.device.verify import TOLERANCES, Tolerance, decoder_drift, parity, run_batches, spread, verify
from edgetl.errors import Unsupported
from edgetl.golden import Golden
from edgetl.plugins import BACKENDS, find
from edgetl.preprocess import Preprocess
from edgetl.runner import LoadOptions
from edgetl.tensors import Array, Batch, TensorSpec

REFERENCE = {"logits": np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)}


def _off_by(noise: float) -> dict[str, Array]:
    rng = np.random.default_rng(1)
    return {"logits": REFERENCE["logits"] + (noise * rng.normal(size=(200, 3))).astype(np.float32)}


@dataclass
class Doubler:
    """A runner with a fixed batch that doubles its input and counts its calls."""

    batch: int | None
    sizes: list[int] = field(default_factory=list)

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        return (TensorSpec("x", "float32", (self.batch, 2)),)

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        return (TensorSpec("y", "float32", (self.batch, 2)),)

    def infer(self, feeds: Batch) -> dict[str, Array]:
        self.sizes.append(len(feeds["x"]))
        return {"y": feeds["x"] * 2}

    def close(self) -> None:
        pass


@pytest.mark.parametrize("precision", sorted(TOLERANCES))
def test_equal_outputs_pass(precision: str) -> None:
    (check,) = parity(REFERENCE, REFERENCE, TOLERANCES[precision])
    assert (check.passed, check.value, check.limit, check.n) == (True, 0.0, 1.0, 200)


@pytest.mark.parametrize("precision", sorted(TOLERANCES))
def test_outputs_of_other_samples_fail(precision: str) -> None:
    shuffled = {"logits": REFERENCE["logits"][::-1].copy()}
    (check,) = parity(shuffled, REFERENCE, TOLERANCES[precision])
    assert not check.passed


@pytest.mark.parametrize(
    ("precision", "noise", "passed"),
    [
        pytest.param("fp32", 1e-4, True, id="fp32-rounding"),
        pytest.param("fp32", 1e-2, False, id="fp32-not-fp32"),
        pytest.param("bf16", 0.05, True, id="bf16-rounding"),
        pytest.param("bf16", 0.3, False, id="bf16-broken"),
        pytest.param("int8", 0.1, True, id="int8-steps"),
        pytest.param("int8", 0.5, False, id="int8-broken"),
    ],
)
def test_tolerances_tell_rounding_from_a_broken_graph(precision: str, noise: float, passed: bool) -> None:
    (check,) = parity(_off_by(noise), REFERENCE, TOLERANCES[precision])
    assert check.passed is passed, check.reason


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_tolerances_fit_outputs_of_any_scale(scale: float) -> None:
    scaled = [{"logits": (outputs["logits"] * scale).astype(np.float32)} for outputs in (_off_by(0.01), REFERENCE)]
    (check,) = parity(*scaled, TOLERANCES["bf16"])
    (expected,) = parity(_off_by(0.01), REFERENCE, TOLERANCES["bf16"])
    assert check.value == pytest.approx(expected.value, rel=1e-3)


def test_spread_ignores_what_is_the_same_for_all_samples() -> None:
    offsets = np.array([[1000, -1000, 0]], np.float32)
    assert spread(REFERENCE["logits"] + offsets) == pytest.approx(spread(REFERENCE["logits"]), rel=1e-3)


def test_value_is_a_multiple_of_the_tolerance() -> None:
    (check,) = parity({"y": np.array([1.5, 2.0])}, {"y": np.array([1.0, 2.0])}, Tolerance(atol=0.1, rtol=0.15))
    assert check.value == pytest.approx(0.5 / (0.1 + 0.15 * 1.0))


def test_without_tolerance_equal_is_still_equal() -> None:
    zeros = {"y": np.zeros((2, 2), np.float32)}
    assert parity(zeros, zeros, Tolerance())[0].passed
    assert not parity({"y": zeros["y"] + 1}, zeros, Tolerance())[0].passed


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_fail_on_either_side(bad: float) -> None:
    broken = {"logits": REFERENCE["logits"].copy()}
    broken["logits"][3, 1] = bad
    for outputs, reference in ((broken, REFERENCE), (REFERENCE, broken), (broken, broken)):
        (check,) = parity(outputs, reference, TOLERANCES["int8"])
        assert not check.passed
        assert check.value is None
        assert "NaN or infinite" in check.reason


@pytest.mark.parametrize(
    "outputs",
    [
        pytest.param({"other": REFERENCE["logits"]}, id="name"),
        pytest.param({**REFERENCE, "more": REFERENCE["logits"]}, id="one-more"),
        pytest.param({"logits": REFERENCE["logits"][:, :2]}, id="shape"),
        pytest.param({"logits": REFERENCE["logits"].astype(np.float64)}, id="dtype"),
    ],
)
def test_another_model_is_not_a_small_error(outputs: dict[str, Array]) -> None:
    with pytest.raises(Unsupported, match="expected"):
        parity(outputs, REFERENCE, TOLERANCES["int8"])


@pytest.mark.parametrize(
    ("batch", "sizes"),
    [pytest.param(1, [1] * 5, id="one"), pytest.param(None, [1] * 5, id="any"), pytest.param(2, [2, 2, 2], id="two")],
)
def test_samples_run_in_the_batch_of_the_runner(batch: int | None, sizes: list[int]) -> None:
    runner, x = Doubler(batch), np.arange(10, dtype=np.float32).reshape(5, 2)
    np.testing.assert_array_equal(run_batches(runner, {"x": x})["y"], x * 2)
    assert runner.sizes == sizes


@pytest.mark.parametrize("runtime", sorted(BACKENDS))
def test_each_runtime_verifies_a_real_model(runtime: str, make_bundle: Callable[..., Bundle], tmp_path: object) -> None:
    backend = find(BACKENDS, runtime, "runtime")
    if not backend.probe().available:
        pytest.skip(f"{runtime} is not installed")
    bundle = make_bundle()
    runner = backend.load(bundle.model("fp32", bundle.path.parent / "cache"), LoadOptions(threads=1))
    golden = bundle.golden()
    verified = verify(runner, golden.inputs, golden.references["fp32"], TOLERANCES["fp32"])
    assert [check.passed for check in verified.checks] == [True]
    assert verified.outputs["logits"].shape == (96, 3)
    wrong = verify(runner, golden.inputs, golden.references["int8-x86-vnni"], TOLERANCES["int8"])
    assert [check.passed for check in wrong.checks] == [False]
    runner.close()


def _encoded(image: Array, kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind)
    return buffer.getvalue()


@pytest.fixture
def decoded() -> Golden:
    """A smooth image and a noisy one, with the pixels this machine makes of them."""
    rng = np.random.default_rng(0)
    smooth = np.linspace(0, 255, 40 * 40 * 3).reshape(40, 40, 3).astype(np.uint8)
    encoded = (_encoded(smooth, "JPEG"), _encoded(rng.integers(0, 256, (50, 30, 3), dtype=np.uint8), "PNG"))
    pixels = np.stack([Preprocess(16, 16).apply(file) for file in encoded])
    return Golden({"image": pixels}, {}, encoded=encoded)


def test_the_same_decoder_does_not_drift(decoded: Golden) -> None:
    check = decoder_drift(decoded, Preprocess(16, 16))
    assert (check.passed, check.value, check.n) == (True, 0.0, 2)


@pytest.mark.parametrize(
    ("levels", "everywhere", "passed"),
    [
        pytest.param(2, False, True, id="two-levels-in-one-pixel"),
        pytest.param(3, False, False, id="three-levels-in-one-pixel"),
        pytest.param(1, True, False, id="one-level-everywhere"),
    ],
)
def test_drift_has_a_limit(decoded: Golden, levels: int, everywhere: bool, passed: bool) -> None:
    pixels = decoded.inputs["image"].astype(np.int16)
    where = np.s_[0] if everywhere else np.s_[0, 8, 8, 0]
    pixels[where] += np.where(pixels[where] > 128, -levels, levels)
    check = decoder_drift(replace(decoded, inputs={"image": pixels.astype(np.uint8)}), Preprocess(16, 16))
    assert check.passed is passed
    assert check.value == levels


def test_another_resize_drifts(decoded: Golden) -> None:
    assert not decoder_drift(decoded, Preprocess(16, 16, interpolation="nearest")).passed


def test_an_original_that_cannot_be_decoded_fails(decoded: Golden) -> None:
    check = decoder_drift(replace(decoded, encoded=(b"what is this",)), Preprocess(16, 16))
    assert not check.passed
    assert "image 0 cannot be decoded here" in check.reason


def test_without_originals_nothing_is_judged(decoded: Golden) -> None:
    check = decoder_drift(replace(decoded, encoded=()), Preprocess(16, 16))
    assert check.passed
    assert "not judged" in check.reason
