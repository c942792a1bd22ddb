"""A result that was changed by hand, or damaged, is refused by whoever reads it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgetl.cli import run
from edgetl.device.bench.timing import Timed, latency
from edgetl.errors import InputError
from edgetl.result import Heaps, Result, read_result
from edgetl.soundness import contradictions
from edgetl.telemetry import Channel, Series, Telemetry
from edgetl.validity import Finding, Validity, judged

Document = dict[str, Any]
HUGE = 10**30


def of_first(change: Callable[[Document], object]) -> Callable[[Document], object]:
    return lambda document: change(document["candidates"][0])


def of_latency(**fields: object) -> Callable[[Document], object]:
    return of_first(lambda candidate: candidate["latency"].update(fields))


def with_sample(value: int) -> Callable[[Document], object]:
    return of_first(lambda candidate: candidate["latency"]["samples_ns"].__setitem__(3, value))


EDITS: dict[str, tuple[Callable[[Document], object], str]] = {
    "fewer samples": (of_latency(samples_ns=[2_000_000] * 20), "20 samples instead of 100"),
    "no sample": (of_latency(samples_ns=[], n=0, blocks=[]), "0 samples instead of 0"),
    "negative sample": (with_sample(-5), "a sample of -5 ns"),
    "huge sample": (with_sample(HUGE), f"a sample of {HUGE} ns"),
    "huge start": (of_latency(block_starts_ns=[0, HUGE]), "times that do not belong to its blocks"),
    "one start": (of_latency(block_starts_ns=[5]), "times that do not belong to its blocks"),
    "negative block": (of_latency(blocks=[-1, 101]), "blocks that do not add up to its 100 samples"),
    "huge blocks": (of_latency(blocks=[500, 500]), "blocks that do not add up to its 100 samples"),
    "no blocks": (of_latency(blocks=[]), "blocks that do not add up to its 100 samples"),
    "p50": (of_latency(p50_ns=1), "a p50 of 1 ns, and its samples one of"),
    "p99.9": (of_latency(p999_ns=1), r"a p99\.9 of 1 ns, and its samples one of"),
    "largest": (of_latency(max_ns=9), "a lowest or highest value that its samples do not have"),
    "cold start": (of_first(lambda one: one["cold"].update(load_ns=-1)), "a cold start that cannot be"),
    "batch": (of_first(lambda one: one.update(batch=0)), "a batch of 0"),
    "threads": (of_first(lambda one: one.update(threads=-2)), "-2 threads"),
    "verdict": (
        of_first(lambda one: one["validity"].update(verdict="valid")),
        "a verdict, valid, that does not follow from what was found",
    ),
    "begin": (lambda document: document.update(started_utc="yesterday"), "it began at 'yesterday'"),
    "twice": (lambda document: document["candidates"].append(document["candidates"][0]), "is there 2 times"),
    "selected": (lambda document: document.update(selected="nothing"), "'nothing' is selected"),
    "readings": (
        lambda document: document["telemetry"]["series"][0].update(values=[]),
        "the readings of 'zone' have other times",
    ),
}


@pytest.fixture
def whole(result: Result) -> Document:
    """A sound result as a document; its first candidate has a verdict."""
    first, *others = result.candidates
    judgement = judged((Finding("W-LOAD", "others took 77 % of the CPUs"),))
    readings = Telemetry(1, (Series(Channel("thermal", "zone", "temperature"), (1, 2), (40.0, None)),))
    candidates = (msgspec.structs.replace(first, validity=judgement), *others)
    found = msgspec.structs.replace(result, candidates=candidates, telemetry=readings, strict=())
    document: Document = json.loads(msgspec.json.encode(found))
    return document


def test_a_sound_result_is_read(whole: Document, tmp_path: Path) -> None:
    (path := tmp_path / "r.json").write_text(json.dumps(whole))
    assert read_result(path).candidates[0].validity is not None


@pytest.mark.parametrize(("edit", "words"), EDITS.values(), ids=EDITS.keys())
def test_a_result_that_contradicts_itself_is_refused(
    edit: Callable[[Document], object], words: str, whole: Document, tmp_path: Path
) -> None:
    edit(whole)
    (path := tmp_path / "r.json").write_text(json.dumps(whole))
    with pytest.raises(InputError, match=rf"r\.json' is a damaged result, or was changed by hand: .*{words}"):
        read_result(path)


@pytest.mark.parametrize("edit", ["huge sample", "fewer samples", "verdict", "batch", "threads", "twice"])
def test_report_and_compare_refuse_it_alike(
    edit: str, whole: Document, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (sound := tmp_path / "sound.json").write_text(json.dumps(whole))
    EDITS[edit][0](whole)
    (path := tmp_path / "r.json").write_text(json.dumps(whole))
    for arguments in (["report", str(path), "-o", str(tmp_path / "p.md")], ["compare", str(sound), str(path)]):
        assert run(arguments) == 2
        assert "is a damaged result" in " ".join(capsys.readouterr().err.split())


def test_older_files_do_not_say_what_was_strict_and_newer_ones_may_have_other_codes(result: Result) -> None:
    def judged_so(validity: Validity, strict: tuple[str, ...] | None) -> Result:
        first = msgspec.structs.replace(result.candidates[0], validity=validity)
        return msgspec.structs.replace(result, candidates=(first, *result.candidates[1:]), strict=strict)

    note = Finding("W-MODES", "two modes")
    assert not list(contradictions(judged_so(Validity("invalid", (note,)), None)))
    assert list(contradictions(judged_so(Validity("invalid", (note,)), ())))
    assert not list(contradictions(judged_so(Validity("invalid", (note,)), ("W-MODES",))))
    assert not list(contradictions(judged_so(Validity("degraded", (Finding("W-NEW", "new"),)), ())))


@pytest.mark.parametrize("wrong", [{"walls_ns": (5,)}, {"inferences": (0, 9)}, {"starts_ns": (0, -1)}, {}], ids=str)
def test_blocks_of_an_offline_run_belong_together(result: Result, wrong: dict[str, tuple[int, ...]]) -> None:
    heaps = msgspec.structs.replace(Heaps((0, 20), (19, 18), (9, 9)), **wrong)
    first = msgspec.structs.replace(result.candidates[0], latency=None, heaps=heaps)
    changed = msgspec.structs.replace(result, candidates=(first, *result.candidates[1:]))
    assert any("contradict each other" in reason for reason in contradictions(changed)) == bool(wrong)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(samples=st.lists(st.integers(1, 10**12), min_size=1, max_size=900), blocks=st.integers(1, 9))
def test_whatever_was_timed_is_sound(result: Result, samples: list[int], blocks: int) -> None:
    lengths = tuple(len(samples[place::blocks]) for place in range(min(blocks, len(samples))))
    found = latency(Timed(tuple(samples), lengths, 3, True), "infer")
    first = msgspec.structs.replace(result.candidates[0], latency=found)
    assert not list(contradictions(msgspec.structs.replace(result, candidates=(first, *result.candidates[1:]))))
