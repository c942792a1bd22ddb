from __future__ import annotations

import json
from pathlib import Path

import msgspec

from edgetl.result import CandidateResult, Result, read_result


def test_a_result_from_before_scope_and_batch_reads_as_single_inferences(result: Result, tmp_path: Path) -> None:
    before = json.loads(msgspec.json.encode(result))
    for candidate in before["candidates"]:
        del candidate["scope"], candidate["batch"]
    (tmp_path / "old.json").write_text(json.dumps(before))
    old = read_result(tmp_path / "old.json")
    assert old == result
    assert {(one.scope, one.batch) for one in old.candidates} == {("infer", 1)}


def test_scope_and_batch_survive_a_file(result: Result, tmp_path: Path) -> None:
    def of_eight(one: CandidateResult) -> CandidateResult:
        return msgspec.structs.replace(one, scope="end-to-end", batch=8)

    wide = msgspec.structs.replace(result, candidates=tuple(map(of_eight, result.candidates)))
    (tmp_path / "new.json").write_bytes(msgspec.json.encode(wide))
    assert read_result(tmp_path / "new.json") == wide
