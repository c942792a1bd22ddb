"""A graph is timed where a device like this machine would try it."""

from __future__ import annotations

import pytest

from edgetl.device.fitness import wasted_because
from edgetl.environment import Cpu
from edgetl.host.ladder.speed import untimed_because
from edgetl.plugins import RENDERINGS

VNNI = Cpu("with VNNI", "x86_64", ("avx512_vnni",), 2, 2)
AVX2 = Cpu("without VNNI", "x86_64", ("avx2",), 2, 2)
ARM = Cpu("an ARM", "aarch64", ("asimddp",), 4, 4)


def timed(cpu: Cpu, *bundled: str) -> set[str]:
    return {rendering for rendering in bundled if not untimed_because(rendering, cpu, bundled)}


@pytest.mark.parametrize(
    ("cpu", "own"), [(VNNI, "x86-vnni"), (AVX2, "x86"), (ARM, "arm")], ids=lambda value: str(value)
)
def test_of_a_whole_recipe_only_the_graph_for_this_cpu_is_timed(cpu: Cpu, own: str) -> None:
    assert timed(cpu, *RENDERINGS) == {own}


def test_seven_bits_are_timed_with_vnni_only_where_the_recipe_has_nothing_better() -> None:
    assert timed(VNNI, "x86") == {"x86"}
    because = untimed_because("x86", VNNI, ("x86", "x86-vnni"))
    assert because == wasted_because("x86", "onnxruntime", VNNI, ("x86", "x86-vnni"))


@pytest.mark.parametrize("rendering", ["tensorrt", "fp16", "bf16"])
def test_time_on_a_cpu_says_nothing_of_a_gpu(rendering: str) -> None:
    assert "says nothing of a GPU" in untimed_because(rendering, VNNI, (rendering,))
