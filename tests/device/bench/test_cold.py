from __future__ import annotations

from pathlib import Path

import pytest

from edgetl.device.bench import cold
from edgetl.device.bench.cold import measure_cold
from edgetl.errors import BackendError
from edgetl.plugins import BACKENDS
from edgetl.runner import LoadOptions


@pytest.mark.parametrize("runtime", BACKENDS)
def test_a_cold_start_is_measured_in_parts(runtime: str, classifier: Path) -> None:
    found = measure_cold(runtime, classifier, LoadOptions(threads=1))
    assert found.import_ns is not None
    assert found.import_ns > 1_000_000, "whatever is imported takes longer than a millisecond"
    assert found.load_ns > 0
    assert found.first_inference_ns > 0
    assert found.peak_rss_bytes is not None
    assert 10_000_000 < found.peak_rss_bytes < 1_000_000_000


SLOW = """
import sys, time

class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == {runtime!r}:
            time.sleep(5)

sys.meta_path.insert(0, Slow())
"""


@pytest.mark.parametrize("runtime", BACKENDS)
def test_importing_a_runtime_is_neither_building_nor_loading(
    runtime: str, classifier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(SLOW.format(runtime=runtime))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = measure_cold(runtime, classifier, LoadOptions(threads=1))
    assert found.import_ns is not None
    assert found.import_ns > 5_000_000_000
    assert max(found.build_ns, found.load_ns, found.first_inference_ns) < 5_000_000_000, "the model is tiny"


def test_a_failing_start_quotes_its_error(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(b"no model")
    with pytest.raises(BackendError, match=r"exit code 1: .*cannot load .*damaged\.onnx"):
        measure_cold("onnxruntime", damaged, LoadOptions(threads=1))


def test_a_start_imports_nothing_from_where_the_user_stands(
    classifier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("numpy", "msgspec", "onnxruntime", "edgetl"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported from the current folder')")
    monkeypatch.chdir(tmp_path)
    assert measure_cold("onnxruntime", classifier, LoadOptions(threads=1)).load_ns > 0


def test_a_start_finds_what_a_relative_search_path_names(
    classifier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "extra").mkdir()
    (tmp_path / "extra/sitecustomize.py").write_text(f"open({str(tmp_path / 'seen')!r}, 'w').close()")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", "extra")
    measure_cold("onnxruntime", classifier, LoadOptions(threads=1))
    assert (tmp_path / "seen").exists()


def test_a_start_that_takes_long_is_told_of(classifier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[float] = []
    monkeypatch.setattr(cold, "_NEWS_S", 0.05)
    measure_cold("onnxruntime", classifier, LoadOptions(threads=1), heard.append)
    assert heard
    assert all(lasted_s >= 0.05 for lasted_s in heard)


def test_a_start_that_takes_too_long_is_ended_and_says_what_to_do(
    classifier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cold, "_TIMEOUT_S", 0.01)
    with pytest.raises(BackendError, match=r"took more than 0 minutes; choose another runtime with --runtime"):
        measure_cold("onnxruntime", classifier, LoadOptions(threads=1))
