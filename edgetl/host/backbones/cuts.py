"""Where a network can be cut, and how timm is asked for the outputs there."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Stage:
    """A place where the network can be cut: a module after which its output is pooled."""

    name: str
    """timm's name of the module, such as ``blocks.4``."""
    channels: int
    reduction: int
    """Nominal size of the image over the size of this stage's output."""
    listed: bool = True
    """Whether timm's ``feature_info`` has it: as a rule the last module of its resolution. Defaults choose among
    these."""


@dataclass(frozen=True)
class Cut:
    """What timm's ``forward_intermediates`` is asked for."""

    indices: tuple[int, ...]
    all_blocks: bool = False
    """Whether ``indices`` count the stem and every block, and not the listed stages."""


def stages_of(module: Any) -> tuple[Stage, ...]:
    """The stages of a timm model from input to output, with the blocks that its ``feature_info`` leaves out."""
    if not _counts_all_blocks(module):
        return tuple(_stage(info) for info in module.feature_info)
    listed = {int(info["stage"]): _stage(info) for info in module.feature_info}
    found = dict(listed)
    for place, block in enumerate(module.blocks, start=1):
        # of the blocks of one resolution, timm lists the last
        end = next((end for end in sorted(listed) if end >= place), place)
        if place not in listed and end in listed:
            channels = int(block[-1].feature_info("bottleneck")["num_chs"])
            found[place] = Stage(f"blocks.{place - 1}", channels, listed[end].reduction, listed=False)
    return tuple(found[place] for place in sorted(found))


def cut_at(module: Any, stages: tuple[Stage, ...], names: frozenset[str]) -> Cut:
    """How to ask for the outputs of the stages called ``names``, in network order."""
    chosen = [stage for stage in stages if stage.name in names]
    if all(stage.listed for stage in chosen):
        listed = [stage.name for stage in stages if stage.listed]
        return Cut(tuple(listed.index(stage.name) for stage in chosen))
    places = {f"blocks.{place}": place + 1 for place in range(len(module.blocks))}
    places |= {str(info["module"]): int(info["stage"]) for info in module.feature_info}
    return Cut(tuple(places[stage.name] for stage in chosen), all_blocks=True)


def _stage(info: Any) -> Stage:
    return Stage(str(info["module"]), int(info["num_chs"]), int(info["reduction"]))


def _counts_all_blocks(module: Any) -> bool:
    return "extra_blocks" in inspect.signature(module.forward_intermediates).parameters
