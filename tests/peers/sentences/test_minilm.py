"""Promises of ``benchmarks/peers/sentences/minilm.py`` and ``make.py``, with a tiny network of random weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from peers.sentences.make import embeddings
from peers.sentences.minilm import Classifier, MiniLM, Size, encoder_of, write_onnx

from edgetl.host.adapt import Head

SIZE = Size(20, 8, 2, 2, 16, 12, 2, 1e-12)


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    """By the names of ``transformers``."""
    generator = torch.Generator().manual_seed(0)
    layer = {f"attention.self.{part}": (8, 8) for part in ("query", "key", "value")}
    layer |= {"attention.output.dense": (8, 8), "intermediate.dense": (16, 8), "output.dense": (8, 16)}
    products = {f"encoder.layer.{index}.{name}": shape for index in (0, 1) for name, shape in layer.items()}
    tables = {"word": 20, "position": 12, "token_type": 2}
    shapes = {f"embeddings.{name}_embeddings.weight": (rows, 8) for name, rows in tables.items()}
    for name, (rows, columns) in products.items():
        shapes |= {f"{name}.weight": (rows, columns), f"{name}.bias": (rows,)}
    found = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    norms = [f"encoder.layer.{index}.{part}output.LayerNorm" for index in (0, 1) for part in ("attention.", "")]
    for name in ("embeddings.LayerNorm", *norms):
        found |= {f"{name}.weight": torch.ones(8), f"{name}.bias": torch.zeros(8)}
    return {**found, "pooler.dense.weight": torch.zeros(8, 8)}


@pytest.fixture(scope="module")
def encoder(weights: dict[str, torch.Tensor]) -> MiniLM:
    return encoder_of(SIZE, weights)


def sentences(n: int, tokens: int, length: int) -> dict[str, np.ndarray]:
    """``n`` of so many tokens, padded to ``length``."""
    ids = np.zeros((n, length), np.int64)
    ids[:, :tokens] = np.random.default_rng(0).integers(1, 20, (n, tokens))
    mask = (ids > 0).astype(np.int64)
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}


def test_every_weight_is_taken_from_the_file(encoder: MiniLM, weights: dict[str, torch.Tensor]) -> None:
    taken = sum(one.numel() for one in encoder.state_dict().values())
    assert taken == sum(one.numel() for name, one in weights.items() if not name.startswith("pooler"))
    assert torch.equal(encoder.layers[1].narrow.weight, weights["encoder.layer.1.output.dense.weight"])
    assert torch.equal(encoder.layers[0].mixed.bias, weights["encoder.layer.0.attention.output.dense.bias"])


def test_embeddings_have_length_one_and_padding_does_not_change_them(encoder: MiniLM) -> None:
    inputs = sentences(40, 6, 12)
    found = embeddings(encoder, inputs)
    with torch.inference_mode():
        padded = encoder(*map(torch.from_numpy, inputs.values())).numpy()
    assert found.shape == (40, 8)
    assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-5)
    assert padded == pytest.approx(found, abs=1e-5)
    assert np.abs(found[0] - found[1]).max() > 0.01


def test_embeddings_of_several_lengths_keep_their_order(encoder: MiniLM) -> None:
    several = [sentences(1, tokens, 12) for tokens in (9, 3, 12, 5) * 20]
    together = {name: np.concatenate([one[name] for one in several]) for name in several[0]}
    alone = np.concatenate([embeddings(encoder, one) for one in several])
    assert embeddings(encoder, together) == pytest.approx(alone, abs=1e-5)


def test_file_computes_the_head_of_the_embedding_in_batches_of_any_size(encoder: MiniLM, tmp_path: Path) -> None:
    rng, path = np.random.default_rng(1), tmp_path / "float.onnx"
    head = Head(rng.standard_normal((3, 8)).astype(np.float32), rng.standard_normal(3).astype(np.float32))
    write_onnx(Classifier(encoder, head), 12, path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for n in (1, 5):
        inputs = sentences(n, 7, 12)
        (logits,) = session.run(["logits"], inputs)
        assert logits == pytest.approx(embeddings(encoder, inputs) @ head.weight.T + head.bias, abs=1e-4)
