"""The page about families of backbones, from what ``benchmarks/families.py`` recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgetl.report.markdown import table_rows
from edgetl.report.page import Column, Table

INTRODUCTION = """# Backbones

<!-- Written by docs/generate.py from benchmarks/results/*/families.json; edit docs/backbones_page.py. -->

`[backbone] name` takes any model of [timm](https://github.com/huggingface/pytorch-image-models) that can be cut into
stages. One network of each family below was deployed whole: adapted by a linear probe, exported, quantized, packed,
judged in ONNX Runtime and OpenVINO, and opened for predictions. Weights were random and images small and made up, so
this tells that the pipeline works for a family, and nothing about how well it recognises anything.
"""
STAGES = """## Stages

`stages` in `[adapt]` names where the network is cut; the head sees the pooled outputs of all stages named. `head` is
what the network's own classifier takes. By default the last three stages in bold and `head` are taken. Each stage is
given with its channels and, behind the slash, how many times smaller than the image its map is.
"""
NOTE = """A layer is a convolution or matrix product. The head stays in float on purpose, and so do products of two
activations, which attention is made of ([why](adr/0003-heads-stay-in-float.md) for the head). Sizes are those of the
ONNX files in the bundle.
"""


def page(families: Mapping[str, Mapping[str, Any]]) -> str:
    """What was deployed, and where each family can be cut."""
    deployed = {name: row for name, row in families.items() if "failed" not in row}
    titles = ("backbone", "pixels", "parameters", "float", "int8", "quantized layers", "candidates that passed")
    proven = Table("families", tuple(Column(title) for title in titles), tuple(map(summary, deployed.items())))
    cuts = Table("stages", (Column("backbone"), Column("stages")), tuple(map(stages, deployed.items())))
    missing = "".join(f"\n`{name}` failed: {row['failed']}\n" for name, row in families.items() if "failed" in row)
    return "\n".join((INTRODUCTION, f"{table_rows(proven)}\n", NOTE + missing, STAGES, f"{table_rows(cuts)}\n"))


def summary(family: tuple[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """One family as a line."""
    name, row = family
    layers = row["layers_quantized"] + row["layers_in_float"]
    passed = sum(not outcome.startswith("rejected") for outcome in row["candidates"].values())
    return (
        f"`{name}`",
        str(row["pixels"]),
        f"{row['parameters'] / 1e6:.1f} M",
        f"{row['float_mb']:.1f} MB",
        f"{row['int8_mb']:.1f} MB",
        f"{row['layers_quantized']} of {layers}",
        f"{passed} of {len(row['candidates'])}",
    )


def stages(family: tuple[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """Where a family can be cut."""
    name, row = family
    places = [
        f"{f'**{place}**' if listed else place} {channels}/{reduction}"
        for place, channels, reduction, listed in row["stages"]
    ]
    return f"`{name}`", ", ".join((*places, f"head {row['features']}"))
