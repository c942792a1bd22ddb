"""Promises of :mod:`edgetl.host.repositories`: timm models by repository, pinned."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import safetensors.torch
import timm
import torch
from huggingface_hub.errors import GatedRepoError

from edgetl.artifact import sha256_of
from edgetl.bundle import Bundle
from edgetl.errors import BackboneError, RecipeError
from edgetl.host import repositories
from edgetl.host.backbones import load_backbone, reinitialised, trunk
from edgetl.host.contents import BackboneOrigin
from edgetl.host.fingerprint import preparation_key
from edgetl.host.prepare import prepare
from edgetl.host.request import PrepareRequest
from edgetl.preprocess import Preprocess
from edgetl.progress import Silent
from edgetl.recipe import BackboneChoice, recipe_from_data

REVISION = "0123456789abcdef0123456789abcdef01234567"
NAME = "hf:someone/tiny-net"
MEAN = [0.25, 0.5, 0.75]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository as timm's ``save_for_hf`` lays it out."""
    return repository(tmp_path / "tiny-net")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub's own cache with one revision in it, and no network; what is asked for beyond it fails at once."""
    repository(tmp_path / f"hub/models--someone--tiny-net/snapshots/{REVISION}")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


def repository(folder: Path, architecture: str = "test_efficientnet", seed: int = 7) -> Path:
    folder.mkdir(parents=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = timm.create_model(architecture, num_classes=3)
    safetensors.torch.save_file(module.state_dict(), folder / "model.safetensors")
    published = {
        "license": "cc-by-4.0",
        "num_classes": 3,
        "input_size": [3, 64, 64],
        "interpolation": "bilinear",
        "crop_pct": 0.9,
        "mean": MEAN,
        "std": [0.5, 0.5, 0.5],
        "first_conv": "conv_stem",
        "classifier": "classifier",
    }
    config = {"architecture": architecture, "num_classes": 3, "pretrained_cfg": published}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def weights_of(folder: Path) -> torch.Tensor:
    return safetensors.torch.load_file(folder / "model.safetensors")["conv_stem.weight"]


def test_a_folder_gives_network_weights_normalisation_and_licence(folder: Path) -> None:
    backbone = load_backbone(BackboneChoice("dir:tiny-net"), folder.parent, 0)
    assert torch.equal(backbone.module.state_dict()["conv_stem.weight"], weights_of(folder))
    assert backbone.mean == tuple(MEAN)
    assert backbone.preprocess == Preprocess(64, 64, fit="crop", crop=0.9, interpolation="bilinear")
    assert backbone.weights_sha256 == sha256_of(folder / "model.safetensors")
    assert (backbone.name, backbone.licence, backbone.revision) == ("dir:tiny-net", "cc-by-4.0", None)
    with torch.inference_mode():
        assert trunk(backbone)(torch.zeros((1, 64, 64, 3), dtype=torch.uint8)).shape[0] == 1


def test_the_same_architecture_can_be_made_again_with_random_weights(folder: Path) -> None:
    backbone = load_backbone(BackboneChoice("dir:tiny-net"), folder.parent, 0)
    fresh = reinitialised(backbone, 1)
    assert fresh.weights_sha256 != backbone.weights_sha256
    assert [stage.name for stage in fresh.stages] == [stage.name for stage in backbone.stages]


def test_a_pinned_revision_in_the_hubs_cache_needs_no_network(hub: Path) -> None:
    snapshot = next(hub.rglob(REVISION))
    choice = BackboneChoice(NAME, revision=REVISION, sha256=sha256_of(snapshot / "model.safetensors"))
    backbone = load_backbone(choice, Path(), 0)
    assert torch.equal(backbone.module.state_dict()["conv_stem.weight"], weights_of(snapshot))
    assert (backbone.name, backbone.revision) == (NAME, REVISION)
    origin = BackboneOrigin.of(backbone)
    assert origin.weights_source == f"{NAME}@{REVISION}"
    assert (origin.revision, origin.weights_sha256, origin.licence) == (REVISION, choice.sha256, "cc-by-4.0")


def test_the_hub_is_asked_for_the_pinned_revision_of_both_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def download(repository: str, file: str, *, revision: str) -> str:
        asked.append((repository, file, revision))
        return str(folder / file)

    monkeypatch.setattr(repositories, "hf_hub_download", download)
    load_backbone(BackboneChoice(NAME, revision=REVISION), Path(), 0)
    assert asked == [("someone/tiny-net", file, REVISION) for file in ("config.json", "model.safetensors")]


def test_without_network_the_error_says_what_to_do(hub: Path) -> None:
    with pytest.raises(BackboneError) as caught:
        load_backbone(BackboneChoice(NAME, revision="f" * 40), Path(), 0)
    assert f"https://huggingface.co/someone/tiny-net/tree/{'f' * 40}" in str(caught.value)
    assert 'name = "dir:FOLDER"' in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_repository_that_refuses_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> str:
        # made without the response, which no network gives here
        raise GatedRepoError.__new__(GatedRepoError, "access is restricted\nand more")

    monkeypatch.setattr(repositories, "hf_hub_download", refuse)
    with pytest.raises(BackboneError, match=r"cannot get 'hf:someone/tiny-net', revision 0123"):
        load_backbone(BackboneChoice(NAME, revision=REVISION), Path(), 0)


@pytest.mark.parametrize("name", [NAME, "dir:tiny-net"])
def test_other_weights_than_the_pinned_ones_are_refused(
    name: str, folder: Path, hub: Path, request: pytest.FixtureRequest
) -> None:
    revision = REVISION if name == NAME else None
    with pytest.raises(BackboneError, match=r"have sha256 [0-9a-f]{64}, expected 0{64} .*correct sha256"):
        load_backbone(BackboneChoice(name, revision=revision, sha256="0" * 64), folder.parent, 0)


def test_a_weights_file_can_be_pinned_too(folder: Path) -> None:
    file = "tiny-net/model.safetensors"
    right = BackboneChoice("test_efficientnet", file, sha256=sha256_of(folder / "model.safetensors"))
    assert load_backbone(right, folder.parent, 0).weights_sha256 == right.sha256
    with pytest.raises(BackboneError, match="expected 0000"):
        load_backbone(BackboneChoice("test_efficientnet", file, sha256="0" * 64), folder.parent, 0)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "config.json").unlink(), r"has no file config\.json"),
        (lambda folder: (folder / "model.safetensors").unlink(), r"has no file model\.safetensors"),
        (lambda folder: (folder / "config.json").write_text("{"), "names no architecture"),
        (lambda folder: (folder / "config.json").write_text("[1]"), "names no architecture"),
        (lambda folder: (folder / "config.json").write_text('{"model_type": "vit"}'), "names no architecture"),
        (lambda folder: (folder / "config.json").write_text('{"architecture": 5}'), "has architecture 5"),
        (lambda folder: (folder / "config.json").write_text('{"architecture": "vit_none"}'), "timm cannot make"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"PK"), "cannot read weights"),
    ],
    ids=["no config", "no weights", "half", "list", "transformers", "number", "unknown", "damaged"],
)
def test_a_folder_of_another_layout_is_refused(folder: Path, spoil: Callable[[Path], object], message: str) -> None:
    spoil(folder)
    with pytest.raises(BackboneError, match=message):
        load_backbone(BackboneChoice("dir:tiny-net"), folder.parent, 0)


@pytest.mark.parametrize(
    ("backbone", "message"),
    [
        ({"name": NAME}, r"needs revision = the 40 hex digits .*https://huggingface\.co/someone/tiny-net/commits/main"),
        ({"name": NAME, "revision": "main"}, "needs revision = the 40 hex digits"),
        ({"name": "hf:tiny-net", "revision": REVISION}, "must be hf:OWNER/REPO"),
        ({"name": "hf:../../etc/passwd", "revision": REVISION}, "must be hf:OWNER/REPO"),
        ({"name": NAME, "revision": REVISION, "weights": "random"}, "brings its own weights"),
        ({"name": NAME, "revision": REVISION, "sha256": "12"}, "sha256 must be 64"),
        ({"name": "resnet18", "revision": REVISION}, "revision belongs to a name that starts with hf:"),
        ({"name": "timm/resnet18", "sha256": "0" * 64}, r'use name = "hf:timm/resnet18" with a revision'),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_recipe_that_does_not_pin_is_refused(backbone: dict[str, str], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        recipe_from_data({"name": "n", "data": {"source": "photos"}, "backbone": backbone})


def test_the_key_of_a_preparation_follows_the_folder_and_needs_no_hub_for_a_revision(folder: Path) -> None:
    def key(**backbone: str) -> object:
        recipe = recipe_from_data({"name": "n", "data": {"source": "photos"}, "backbone": backbone})
        return preparation_key(recipe, "data", folder.parent)["weights"]

    before = key(name="dir:tiny-net")
    config = folder / "config.json"
    config.write_text(config.read_text().replace("0.9", "0.8"))
    assert key(name="dir:tiny-net") != before
    assert key(name=NAME, revision=REVISION) == REVISION


def test_revision_and_hash_travel_in_the_bundle(hub: Path, request_of: Callable[..., PrepareRequest]) -> None:
    sha256 = sha256_of(next(hub.rglob("model.safetensors")))
    backbone = {"name": NAME, "revision": REVISION, "sha256": sha256, "preprocess": {"height": 48, "width": 48}}
    request = request_of(backbone=backbone, quantize={"renderings": []}, gates={})
    prepare(request, Silent())
    bundle = Bundle.open(request.out)
    provenance = bundle.manifest.provenance
    assert (provenance.backbone, provenance.weights_sha256) == (NAME, sha256)
    assert provenance.notes["weights"]["revision"] == REVISION
    assert f"{NAME}@{REVISION}" in bundle.read("card.md").decode()
