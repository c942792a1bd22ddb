"""Training on small real files: it learns, it stops, it goes on where it was killed."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from edgetl.errors import EdgeTLError, RecipeError
from edgetl.host.adapt import Adapted
from edgetl.host.material import load_material
from edgetl.host.prepare import adapt_backbone
from edgetl.host.request import PrepareRequest
from edgetl.host.training.checkpoint import Checkpoint
from edgetl.host.training.model import digest
from edgetl.progress import Silent, Step
from edgetl.recipe import recipe_from_data

FAST: dict[str, Any] = {"method": "finetune", "head": "random", "epochs": 3, "batch": 8, "learning_rate": 1e-3}


class Killed(Exception):
    """Stands for a signal that no process can catch."""


class Killer(Silent):
    """Progress that kills training after a number of batches."""

    def __init__(self, batches: int) -> None:
        self.left = batches

    @contextmanager
    def stage(self, title: str, total: int | None = None) -> Iterator[Step]:
        yield Fuse(self) if title == "train" else Harmless()


class Harmless:
    def advance(self, count: int = 1) -> None:
        """Nothing."""


class Fuse:
    def __init__(self, killer: Killer) -> None:
        self.killer = killer

    def advance(self, count: int = 1) -> None:
        if count != 8:  # what an earlier run did
            return
        self.killer.left -= 1
        if self.killer.left == 0:
            raise Killed


def request(photos: Path, cache: Path, **options: Any) -> PrepareRequest:
    backbone = {"name": "test_efficientnet", "weights": "random", "preprocess": {"height": 48, "width": 48}}
    adapt = options if "method" in options else {**FAST, **options}
    recipe = recipe_from_data({"name": "x", "data": {"source": str(photos)}, "backbone": backbone, "adapt": adapt})
    return PrepareRequest(recipe, photos, cache / "out", cache, threads=1)


def run(photos: Path, cache: Path, progress: Any = None, **options: Any) -> Adapted:
    asked = request(photos, cache, **options)
    return adapt_backbone(asked, load_material(asked, Silent()), progress or Silent())[1]


def fingerprint(adapted: Adapted) -> tuple[str, bytes, object]:
    return digest(adapted.trunk.state_dict()), adapted.head.weight.tobytes(), adapted.report["curve"]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"ema": 0.9, "augment": {"mixup": 0.4, "crop": 0.6}, "optimizer": "sgd"},
        {"head": "probe", "gradual": True, "layer_decay": 0.7},
        {"method": "scratch", "epochs": 3, "batch": 8},
    ],
    ids=["plain", "augmented", "probe", "scratch"],
)
def test_a_killed_run_goes_on_to_the_same_bits(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    monkeypatch.setattr(Checkpoint, "due", True)
    expected = fingerprint(run(photos, tmp_path / "whole", **options))
    for batches in (1, 4, 5):
        with pytest.raises(Killed):
            run(photos, tmp_path / "killed", Killer(batches), **options)
        assert list((tmp_path / "killed" / "training").glob("*.pt"))
    assert fingerprint(run(photos, tmp_path / "killed", **options)) == expected
    assert not list((tmp_path / "killed" / "training").glob(".*"))


def test_a_second_run_takes_the_first_one_s_weights(photos: Path, tmp_path: Path) -> None:
    first = run(photos, tmp_path)
    second = run(photos, tmp_path, Killer(1))
    assert fingerprint(first) == fingerprint(second)
    assert first.report == second.report


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


def change_a_weight(path: Path) -> None:
    """Flip one bit of a tensor; torch itself would load it."""
    with zipfile.ZipFile(path) as archive:
        largest = max(archive.infolist(), key=lambda entry: entry.file_size)
    content = bytearray(path.read_bytes())
    content[largest.header_offset + largest.file_size // 2 + 200] ^= 1
    path.write_bytes(content)
    torch.load(path, weights_only=True)


@pytest.mark.parametrize("spoil", [cut_short, change_a_weight])
def test_a_damaged_checkpoint_means_a_fresh_start(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path], None]
) -> None:
    monkeypatch.setattr(Checkpoint, "due", True)
    expected = fingerprint(run(photos, tmp_path / "whole"))
    with pytest.raises(Killed):
        run(photos, tmp_path / "killed", Killer(3))
    (path,) = (tmp_path / "killed" / "training").glob("*.pt")
    spoil(path)
    assert fingerprint(run(photos, tmp_path / "killed")) == expected


def test_the_report_says_what_was_frozen_and_what_was_learnt(photos: Path, tmp_path: Path) -> None:
    report = run(photos, tmp_path, last_stages=1).report
    assert report["frozen"]["sha256_before"] == report["frozen"]["sha256_after"]
    assert report["frozen"]["tensors"] > 10
    assert [entry["epoch"] for entry in report["curve"]] == [1, 2, 3]
    assert set(report["curve"][0]) >= {"train_loss", "validation_loss", "validation_accuracy", "learning_rate"}
    assert report["curve"][-1]["learning_rate"] < report["curve"][0]["learning_rate"]


def test_from_random_weights_it_learns_to_tell_the_classes(photos: Path, tmp_path: Path) -> None:
    report = run(photos, tmp_path, method="scratch", epochs=8, batch=8, learning_rate=3e-3).report
    assert report["curve"][-1]["train_loss"] < 0.5 * report["curve"][0]["train_loss"]


def test_fresh_trains_again_and_a_fresh_run_that_was_killed_goes_on(photos: Path, tmp_path: Path) -> None:
    expected = fingerprint(run(photos, tmp_path))
    asked = replace(request(photos, tmp_path), fresh=True)
    with pytest.raises(Killed):
        adapt_backbone(asked, load_material(asked, Silent()), Killer(1))
    _, again = adapt_backbone(asked, load_material(asked, Silent()), Silent())
    assert fingerprint(again) == expected


def test_early_stopping_ends_a_run_that_does_not_improve(photos: Path, tmp_path: Path) -> None:
    report = run(photos, tmp_path, epochs=9, patience=1, learning_rate=1e-9, ema=0.5).report
    assert len(report["curve"]) < 9


def test_a_fitted_head_comes_back_when_training_makes_it_worse(photos: Path, tmp_path: Path) -> None:
    options = {"head": "probe", "learning_rate": 1.0, "clip": 3.0, "ema": None, "optimizer": "sgd", "epochs": 1}
    report = run(photos, tmp_path, **options).report
    assert report["best_epoch"] == 0
    assert report["curve"][0]["validation_loss"] > report["start"]["validation_loss"]


def test_a_loss_that_explodes_ends_the_run_with_advice(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(EdgeTLError, match=r"the loss became (nan|inf) in epoch \d+; lower \[adapt\] learning_rate"):
        run(photos, tmp_path, learning_rate=1e12, optimizer="sgd", warmup=0.0)


@pytest.mark.parametrize("name", ["adamwww", "adahessian"])
def test_an_optimizer_that_cannot_be_used_is_refused_with_those_that_can(
    name: str, photos: Path, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match=rf"optimizer '{name}' is unknown; expected one of: .*adamw"):
        run(photos, tmp_path, optimizer=name)


def test_events_are_written_where_asked(photos: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    asked = replace(request(photos, tmp_path, epochs=1), events=tmp_path / "events")
    adapt_backbone(asked, load_material(asked, Silent()), Silent())
    (file,) = (tmp_path / "events").glob("events.out.tfevents.*")
    assert b"epoch/validation_loss" in file.read_bytes()


def test_threads_and_numerics_of_torch_are_given_back(photos: Path, tmp_path: Path) -> None:
    before = torch.get_num_threads()
    run(photos, tmp_path, epochs=1)
    assert torch.get_num_threads() == before
    assert not torch.are_deterministic_algorithms_enabled()


def test_activations_of_frozen_stages_are_kept_and_change_nothing_that_is_learnt(photos: Path, tmp_path: Path) -> None:
    kept = run(photos, tmp_path / "kept", last_stages=2)
    whole = run(photos, tmp_path / "whole", last_stages=2, keep_activations=False)
    assert kept.report["kept_activations_of"] is not None
    assert whole.report["kept_activations_of"] is None
    for one, other in zip(kept.report["curve"], whole.report["curve"], strict=True):
        assert one["train_loss"] == pytest.approx(other["train_loss"], rel=1e-3)
        assert one["validation_loss"] == pytest.approx(other["validation_loss"], rel=1e-3)


def test_a_killed_run_with_kept_activations_goes_on_to_the_same_bits(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Checkpoint, "due", True)
    expected = fingerprint(run(photos, tmp_path / "whole", last_stages=2))
    with pytest.raises(Killed):
        run(photos, tmp_path / "killed", Killer(5), last_stages=2)
    assert fingerprint(run(photos, tmp_path / "killed", last_stages=2)) == expected


def test_disk_that_is_taken_is_told_in_digits_that_mean_something(photos: Path, tmp_path: Path) -> None:
    heard = Listener()
    run(photos, tmp_path, heard, epochs=1, last_stages=2)
    (size,) = [note for note in heard.notes if "of disk while training" in note]
    assert re.search(r"up to [0-9.]*[1-9][0-9.]* MB of disk", size)


class Listener(Silent):
    """Remembers remarks."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)


@pytest.mark.parametrize(("options", "free"), [({}, 10**12), ({"last_stages": 2}, 1000)], ids=["stem", "disk"])
def test_activations_are_not_kept_of_a_stem_alone_nor_on_a_disk_that_is_nearly_full(
    options: dict[str, Any], free: int, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=free))
    assert run(photos, tmp_path, epochs=1, **options).report["kept_activations_of"] is None
