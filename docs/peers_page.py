"""The page that sets EdgeTL beside other quantizers, from what ``benchmarks/peers/run.py`` recorded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from peers_summary import summary

from edgetl.report.markdown import table_rows
from edgetl.report.page import Column, Table

INTRODUCTION = """# EdgeTL beside other quantizers

<!-- Written by docs/generate.py from benchmarks/results/*/peers-*.json; edit docs/peers_page.py. -->

Every tool got the same float ONNX file and the same calibration samples, and built in a virtual environment of its own
with the settings that its documentation recommends ([tools/](tools)). One environment then ran every output in every
runtime that takes it, over test samples that no tool saw, and timed all of them in one interleaved run. Samples are
images or, of a model of text, sentences.

- *float head*: the tool was told to leave the classifier behind the features alone; *float pooling and head*: all from
  the pooling of features on.
- *flips*: share of test samples that another class is chosen for than by the float model in ONNX Runtime. EdgeTL fits
  the head anew, so some of its flips are corrections.
- *drop*: of accuracy against that model, in points, with **bold** where it is beyond the recipe's limit. *Accurate* is
  a peer whose drop is at most that limit and the gate's margin.
- *time*: median latency, as a multiple of the float model's in ONNX Runtime, with its 95 % interval.
- *chosen apart*: the fastest accurate peer of every other block of the run, compared on the remaining blocks, and the
  other way round. Where several outputs are equally fast, the fastest on all blocks is the luckiest.
- *int8* in OpenVINO computes what is not quantized in fp32, *bf16* in bf16, which is OpenVINO's own choice on a CPU
  with instructions for it.
- EdgeTL's rendering is the one for the machine, and where a network has one for OpenVINO alone, both. On a CPU without
  VNNI other tools are told what their documentation advises there: weights in half of their range.
- *built in*: seconds from the start of a tool's process to its end, imports and files included, for somebody who has
  the float model and the samples and nothing else. Of *EdgeTL, ONNX* the cache was empty; of *EdgeTL*, which starts
  from a recipe, it held the trained network, so that training is not counted, nor, where a result's `starts_from` says
  so, the features that a probe's head was trained on. EdgeTL reads, checks and decodes files of samples and evaluates
  its output in that time; other tools get arrays. *Earlier* is what another run built, beside whatever the machine did
  then.
- *EdgeTL, ONNX without labels* sees the calibration samples alone: it judges its int8 graphs by how few decisions they
  change. What *EdgeTL* chooses counts; where no recipe makes the network, that of *EdgeTL, ONNX and labels*.
- *time to int8*: *built in* of the faster of EdgeTL's ways with labels, from the ONNX file or from the recipe, that
  came to an int8 graph within the gate. NNCF's accuracy control is stopped after four times as long: what it would
  have come to is not known then, and its other setting is not tried.
"""
DIVISIONS = "other_divisions_within_gate"
TITLES = ("tool", "runtime", "precision", "accuracy", "flips", "drop", "time", "built in")


def page(measurements: Mapping[str, Iterable[Mapping[str, Any]]]) -> str:
    """By what is said of a machine: all cases in short, then a table for each."""
    parts = [INTRODUCTION]
    for machine, measured in measurements.items():
        cases = with_divisions([one for one in measured if "builds" in one and "rows" in one])
        parts += [f"## On {machine}\n", summary(cases), *map(case, cases)] if cases else []
    return "\n".join(parts if len(parts) > 1 else (INTRODUCTION, "Nothing is committed yet.\n"))


def with_divisions(cases: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Cases that were timed, with other divisions of the data that a run of the same case without timing saw."""
    named = [one for one in cases if "case" in one]
    timed = {one["case"] for one in named if "raw_block_medians_ms" in one}
    apart = {one["case"]: one for one in named if "raw_block_medians_ms" not in one and one["case"] in timed}
    divisions = {name: one[DIVISIONS] for name, one in apart.items() if DIVISIONS in one}
    return [
        {DIVISIONS: divisions[one["case"]], **one} if one.get("case") in divisions else one
        for one in cases
        if one not in apart.values()
    ]


def case(measured: Mapping[str, Any]) -> str:
    """Every output of one case, and what tools failed with."""
    builds = {build["tool"]: build for build in measured["builds"]}
    rows = [one for one in measured["rows"] if "accuracy" in one]
    limit = measured["drop_max"]
    table = Table("outputs", tuple(Column(title) for title in TITLES), tuple(line(one, builds, limit) for one in rows))
    failed = [one for one in measured["rows"] if one.get("failed")]
    words = "".join(f"\n- {where(one)} failed: {one['failed']}" for one in failed)
    notes = "".join(f"\n- {name}: {note}" for name, build in builds.items() for note in build["notes"])
    versions = ", ".join(sorted({f"{k} {v}" for build in builds.values() for k, v in build["versions"].items()}))
    listed = f"{words}{notes}\n" if words or notes else ""
    return f"### {measured['title']}\n\n{table_rows(table)}\n{listed}\nBuilt with {versions or 'nothing'}.\n"


def line(one: Mapping[str, Any], builds: Mapping[str, Mapping[str, Any]], limit: float) -> tuple[str, ...]:
    """One output in one runtime."""
    low, high = one["accuracy_ci95"]
    drop = f"{100 * one['drop']:.1f}"
    ratio = one.get("ratio_to_float")
    build = builds.get(one["tool"].partition(": ")[0])
    return (
        one["tool"],
        one["runtime"],
        one["precision"],
        f"{one['accuracy']:.3f} ({low:.3f} to {high:.3f})",
        f"{100 * one['flips']:.1f} %",
        f"**{drop}**" if one["drop"] > limit else drop,
        "not timed" if ratio is None else f"{ratio['value']:.2f} ({ratio['low']:.2f} to {ratio['high']:.2f})",
        "" if build is None else f"{build['seconds']:.0f} s{', earlier' if build['reused'] else ''}",
    )


def where(one: Mapping[str, Any]) -> str:
    """Tool, and runtime where it is the runtime's failure."""
    return f"{one['tool']} in {one['runtime']}" if one.get("runtime") else str(one["tool"])
