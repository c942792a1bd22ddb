"""Which of the host's outputs a candidate is compared with."""

from __future__ import annotations

import numpy as np
import pytest

from edgetl.errors import Unsupported
from edgetl.golden import Golden
from edgetl.tensors import Array


def outputs(value: float) -> dict[str, Array]:
    return {"y": np.full((2, 2), value, np.float32)}


GOLDEN = Golden(
    {"x": np.zeros((2, 2), np.float32)},
    {"fp32": outputs(0), "int8": outputs(1)},
    other_runtimes={"int8": {"openvino": outputs(2)}},
)


@pytest.mark.parametrize(
    ("variant", "runtime", "value"),
    [
        pytest.param("int8", "openvino", 2, id="its-own"),
        pytest.param("int8", "onnxruntime", 1, id="the-host-s"),
        pytest.param("int8", "tensorrt", 1, id="none-of-its-own"),
        pytest.param("fp32", "openvino", 0, id="of-another-variant"),
    ],
)
def test_a_variant_is_compared_with_its_own_runtime_where_that_was_recorded(
    variant: str, runtime: str, value: float
) -> None:
    np.testing.assert_array_equal(GOLDEN.reference(variant, runtime)["y"], outputs(value)["y"])


def test_a_variant_without_reference_is_refused() -> None:
    with pytest.raises(Unsupported, match="no golden reference of variant 'fp16'; there are fp32, int8"):
        GOLDEN.reference("fp16", "openvino")
