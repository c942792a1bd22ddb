"""What every runner does around its runtime."""

from __future__ import annotations

import numpy as np
import pytest

from edgetl.device.checked_runner import CheckedRunner, idle_runner
from edgetl.errors import BackendError, Unsupported
from edgetl.tensors import Array, TensorSpec

A, B = TensorSpec("a", "float32", (1, 4)), TensorSpec("b", "uint8", (None, 2))
OUT = TensorSpec("out", "float32", (1,))


def feeds() -> dict[str, Array]:
    return {"b": np.zeros((3, 2), np.uint8), "a": np.zeros((1, 4), np.float32)}


def test_the_call_gets_contiguous_inputs_in_the_order_of_the_model() -> None:
    seen: list[dict[str, Array]] = []

    def call(arrays: dict[str, Array]) -> list[Array]:
        seen.append(arrays)
        return [np.ones(1, np.float32)]

    runner = CheckedRunner("some", (A, B), (OUT,), call)
    assert set(runner.infer(feeds())) == {"out"}
    crooked = {**feeds(), "a": np.zeros((4, 2), np.float32).T[:1]}
    runner.infer(crooked)
    assert [list(one) for one in seen] == [["a", "b"], ["a", "b"]]
    assert seen[1]["a"].flags.c_contiguous
    assert not crooked["a"].flags.c_contiguous, "what was given is left as it was"


def test_what_is_as_it_must_be_is_not_copied() -> None:
    given, seen = feeds(), list[Array]()

    def call(arrays: dict[str, Array]) -> list[Array]:
        seen.extend(arrays.values())
        return [np.ones(1, np.float32)]

    CheckedRunner("some", (A, B), (OUT,), call).infer(given)
    assert seen[0] is given["a"]
    assert seen[1] is given["b"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"a": np.zeros((1, 4))}, "input 'a' is float64, expected float32", id="dtype"),
        pytest.param({"a": np.zeros((1, 5), np.float32)}, "input 'a' has shape", id="size"),
        pytest.param({"b": np.zeros((3, 2, 1), np.uint8)}, "input 'b' has shape", id="rank"),
        pytest.param({"c": np.zeros(1)}, "model inputs are a, b; got a, b, c", id="one too many"),
        pytest.param({"a": [[0.0] * 4]}, "input 'a' is list", id="no array"),
    ],
)
def test_wrong_inputs_are_refused(change: dict[str, Array], words: str) -> None:
    with pytest.raises(Unsupported, match=words):
        idle_runner((A, B), (OUT,)).infer({**feeds(), **change})


def test_a_missing_input_is_refused() -> None:
    with pytest.raises(Unsupported, match="model inputs are a, b; got a"):
        idle_runner((A, B), (OUT,)).infer({"a": feeds()["a"]})


def test_a_closed_runner_says_so_however_often_it_was_closed() -> None:
    runner = idle_runner((A, B), (OUT,))
    runner.close()
    runner.close()
    with pytest.raises(BackendError, match="the idle runner is closed; load the model again"):
        runner.infer(feeds())
