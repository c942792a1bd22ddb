"""Models laid out as timm publishes them on the Hugging Face hub: ``config.json`` and ``model.safetensors``.

Found without torch. Only safetensors are taken, because loading other formats could run code.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, HFValidationError

from edgetl.artifact import sha256_of
from edgetl.errors import BackboneError
from edgetl.host.weights import WeightsFile
from edgetl.recipe import FOLDER, HUB, BackboneChoice

CONFIG, WEIGHTS = "config.json", "model.safetensors"
_SITE = "https://huggingface.co"


@dataclass(frozen=True)
class Repository:
    """A folder that timm can make a model from."""

    name: str
    """For reports: without the folders of this machine."""
    folder: Path
    weights: WeightsFile
    source: str
    """Where the weights came from, with the revision where there is one."""


def find_repository(choice: BackboneChoice, base: Path) -> Repository | None:
    """The repository that a backbone's name means; ``None`` for the name of a timm model.

    Args:
        base: what a ``dir:`` path is relative to, usually the folder of the recipe.

    Raises:
        BackboneError: it cannot be downloaded, or is not laid out as timm's are.
    """
    if choice.name.startswith(HUB):
        folder = _download(choice)
        name, source = choice.name, f"{choice.name}@{choice.revision}"
    elif choice.name.startswith(FOLDER):
        folder = base / Path(choice.name.removeprefix(FOLDER)).expanduser()
        name, source = f"{FOLDER}{folder.resolve().name}", WEIGHTS
    else:
        return None
    for file in (CONFIG, WEIGHTS):
        if not (folder / file).is_file():
            raise BackboneError(
                f"backbone {choice.name!r} has no file {file} (looked in {str(folder)!r}); expected a folder laid out "
                f"as timm's repositories are, with {CONFIG} and {WEIGHTS}"
            )
    architecture_in(folder)
    weights = folder / WEIGHTS
    return Repository(name, folder, WeightsFile(weights, sha256_of(weights), None), source)


def repository_key(choice: BackboneChoice, base: Path) -> str | None:
    """What the content of a repository hangs on; ``None`` for the name of a timm model.

    The revision where there is one, so that work done before is found without network.
    """
    if choice.name.startswith(HUB):
        return choice.revision
    found = find_repository(choice, base)
    return None if found is None else f"{sha256_of(found.folder / CONFIG)} {found.weights.sha256}"


def architecture_in(folder: Path) -> str:
    """The name by which timm knows the network of a repository.

    Raises:
        BackboneError: ``config.json`` does not say it.
    """
    path = folder / CONFIG
    try:
        found = json.loads(path.read_bytes())
        architecture = found["architecture"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BackboneError(
            f"{str(path)!r} names no architecture ({type(error).__name__}: {error}); expected a model saved by timm; "
            "models of other libraries must come as a timm model, or as ONNX with edgetl prepare --onnx"
        ) from error
    if not isinstance(architecture, str):
        raise BackboneError(f"{str(path)!r} has architecture {architecture!r}; expected the name of a timm model")
    return architecture


def _download(choice: BackboneChoice) -> Path:
    """The folder of a revision in the hub's own cache; without network when it is there already."""
    owner = choice.name.removeprefix(HUB)
    page = f"{_SITE}/{owner}/tree/{choice.revision}"
    try:
        files = [Path(hf_hub_download(owner, file, revision=choice.revision)) for file in (CONFIG, WEIGHTS)]
    except (EntryNotFoundError, HFValidationError, OSError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise BackboneError(
            f"cannot get {choice.name!r}, revision {choice.revision}, from the hub ({reason}); expected {CONFIG} and "
            f"{WEIGHTS} at {page}; without network download both files into a folder elsewhere, copy it here and set "
            f'name = "{FOLDER}FOLDER" in [backbone]'
        ) from error
    return files[0].parent
