"""Promises of ``benchmarks/peers/run.py``, without running a network."""

from __future__ import annotations

from pathlib import Path

import pytest
from peers.build import Bench, Finished, Output
from peers.contenders import ACCURACY_CONTROL
from peers.material import Material
from peers.run import built

from edgetl.gates import Gates


def test_setting_that_is_needless_is_recorded_as_not_built(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain, scoped = ACCURACY_CONTROL
    stopped = Finished(plain, tmp_path, Output({}, 400.0, failed="not done after 400 s", stopped_after_s=400.0))
    made = Material(tmp_path / "absent.onnx", tmp_path / "a.npz", tmp_path / "b.npz", Gates(), tmp_path)
    done = built(scoped, [stopped], made, Bench(tmp_path, {}, {}), True)
    assert done.output.failed == "not built, because 'NNCF accuracy control' was not done after 400 s"
    assert capsys.readouterr().err == f"{scoped.name}: {done.output.failed}\n"
