from __future__ import annotations

import pytest

from edgetl.device.backends.openvino import _check_precision
from edgetl.errors import BackendError


def test_a_hint_that_was_not_taken_is_refused() -> None:
    with pytest.raises(
        BackendError, match="openvino computes in f32 on this CPU when asked for bf16; ask for fp32 instead"
    ):
        _check_precision("bf16", "f32")


@pytest.mark.parametrize(("precision", "taken"), [("bf16", "bf16"), ("fp16", "f16"), ("fp32", "f32"), ("int8", "f32")])
def test_a_hint_that_was_taken_is_not(precision: str, taken: str) -> None:
    _check_precision(precision, taken)
