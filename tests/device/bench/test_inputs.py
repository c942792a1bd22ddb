from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgetl.device.bench.inputs import input_remarks, inputs_of, rooms
from edgetl.device.bench.subjects import Loaded, Timeable
from edgetl.device.checked_runner import idle_runner
from edgetl.device.end_to_end import EndToEnd
from edgetl.device.tasks.tensor import TensorTask
from edgetl.errors import InputError
from edgetl.golden import Golden
from edgetl.preprocess import Preprocess
from edgetl.runner import LoadOptions
from edgetl.tensors import TensorSpec

MB = 1_000_000
IMAGE = TensorSpec("x", "uint8", (None, 100, 100, 100))
"""A megabyte an item."""
TEXT = TensorSpec("ids", "int64", (1, None))
Y = TensorSpec("y", "float32", (None, 3))


def loaded(
    name: str = "a",
    spec: TensorSpec = IMAGE,
    batch: int = 1,
    golden: Golden | None = None,
    whole: EndToEnd | None = None,
) -> Loaded:
    options = LoadOptions(threads=1, batch=batch)
    subject = Timeable(name, Path(name), f"{name}.onnx", "as given", "none", options, golden, None, whole)
    return Loaded(subject, Path(name), (idle_runner((spec,), (Y,)),))


def test_with_memory_enough_or_unknown_all_inputs_take_turns() -> None:
    one = loaded()
    assert rooms([one], None) == {}
    for free in (None, 100 * MB):
        room = rooms([one], free)
        assert len(inputs_of([one], 0, room)["a"].feeds) == 16
        assert input_remarks([one], room, 1) == ()


def test_inputs_take_half_of_free_memory_and_fewer_of_them_are_told() -> None:
    one = loaded(batch=10)
    room = rooms([one], 99 * MB)
    assert len(inputs_of([one], 0, room)["a"].feeds) == 4
    (remark,) = input_remarks([one], room, 10)
    assert "a.onnx: only 4 inputs take turns instead of 8, because each takes 10 MB and 99 MB of memory" in remark
    (remark,) = input_remarks([one], rooms([one], 20 * MB), 10)
    assert "only one input is used" in remark


def test_kinds_of_inputs_share_memory_and_candidates_of_one_kind_share_inputs() -> None:
    three = loaded("a"), loaded("b"), loaded("c", TEXT)
    room = rooms(three, 20 * MB)
    assert [room[name].inputs for name in "ab"] == [5, 5]
    inputs = inputs_of(three, 0, room)
    assert inputs["a"] is inputs["b"] is not inputs["c"]


def test_where_not_even_one_input_fits_the_run_is_refused() -> None:
    rooms([loaded(batch=10)], 20 * MB)
    words = (
        r"one input of 'a\.onnx' takes 10 MB \(x: uint8 \(any, 100, 100, 100\), batch 10\), .* is for inputs; give a "
    )
    with pytest.raises(InputError, match=words):
        rooms([loaded(batch=10)], 20 * MB - 1)


def test_golden_samples_and_images_need_room_too() -> None:
    golden = Golden({"x": np.zeros((3, 100, 100, 100), np.uint8)}, {}, encoded=(bytes(MB),) * 3)
    assert rooms([loaded(golden=golden)], 20 * MB)["a"].inputs == 10
    whole = EndToEnd(Preprocess(8, 8), TensorTask(), (), golden.encoded)
    one = loaded(golden=golden, whole=whole)
    room = rooms([one], 20 * MB)
    assert room["a"].inputs == 5
    inputs = inputs_of([one], 0, room)["a"]
    assert (len(inputs.feeds), len(inputs.images)) == (5, 5)


def test_sizes_that_were_taken_as_1_are_named_with_what_to_do() -> None:
    (remark,) = input_remarks([loaded(spec=TEXT), loaded(spec=TEXT)], {}, None)
    assert "a.onnx leaves sizes open, which were taken as 1 (ids: int64 (1, any))" in remark
    assert "export it with the sizes it is used with" in remark


def test_an_open_batch_is_no_open_size_and_golden_samples_have_theirs() -> None:
    golden = Golden({"ids": np.zeros((3, 7), np.int64)}, {})
    assert input_remarks([loaded(), loaded(spec=TEXT, golden=golden)], {}, None) == ()


def test_a_first_size_of_its_own_is_told_where_no_batch_was_asked_for() -> None:
    one = loaded(spec=TensorSpec("x", "float32", (4, 3)))
    (remark,) = input_remarks([one], {}, None)
    assert "if the first size is its batch, give --batch 4" in remark
    assert input_remarks([one], {}, 4) == ()
