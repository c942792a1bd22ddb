"""all-MiniLM-L6-v2 (Apache-2.0) in torch: BERT's encoder, the mean over tokens, and a linear head behind it.

References:
    Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding", 2019; Wang et
    al., "MiniLM: Deep Self-Attention Distillation for Task-Agnostic Compression", 2020; the mean over tokens is that of
    Reimers and Gurevych, "Sentence-BERT", 2019.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import msgspec
import torch
from torch import Tensor, nn

from edgetl.host.adapt import Head

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
OUTPUT = "logits"
_OPSET = 17
_HIDDEN = -1e4
"""Added to what attention gives to padding, before the softmax."""
_LAYER = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "mixed": "attention.output.dense",
    "mixed_norm": "attention.output.LayerNorm",
    "widen": "intermediate.dense",
    "narrow": "output.dense",
    "narrow_norm": "output.LayerNorm",
}
"""Parts of a layer here, and what files of weights call them."""


class Size(msgspec.Struct, frozen=True):
    """What ``config.json`` says of the network, by its names."""

    vocab_size: int
    hidden_size: int
    num_attention_heads: int
    num_hidden_layers: int
    intermediate_size: int
    max_position_embeddings: int
    type_vocab_size: int
    layer_norm_eps: float


class Layer(nn.Module):
    """Attention between tokens, then two products for each token, with a sum and a normalisation behind both."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        width = size.hidden_size
        self.heads, self.depth = size.num_attention_heads, width // size.num_attention_heads
        self.query, self.key, self.value, self.mixed = (nn.Linear(width, width) for _ in range(4))
        self.mixed_norm, self.narrow_norm = (nn.LayerNorm(width, eps=size.layer_norm_eps) for _ in range(2))
        self.widen, self.narrow = nn.Linear(width, size.intermediate_size), nn.Linear(size.intermediate_size, width)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        query, key, value = (self._split(part(x)) for part in (self.query, self.key, self.value))
        weights = torch.softmax(query @ key.transpose(-1, -2) / self.depth**0.5 + bias, -1)
        mixed = (weights @ value).transpose(1, 2).reshape(-1, int(x.shape[1]), self.heads * self.depth)
        x = self.mixed_norm(x + self.mixed(mixed))
        return self.narrow_norm(x + self.narrow(nn.functional.gelu(self.widen(x))))

    def _split(self, x: Tensor) -> Tensor:
        # as a number, here and elsewhere: else the file works out its fixed sizes for every sample
        return x.view(-1, int(x.shape[1]), self.heads, self.depth).transpose(1, 2)


class MiniLM(nn.Module):
    """From ``int64 (n, tokens)`` each of numbers, mask and kinds of tokens to ``float32 (n, width)`` of length 1."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.word = nn.Embedding(size.vocab_size, size.hidden_size)
        self.place = nn.Embedding(size.max_position_embeddings, size.hidden_size)
        self.kind = nn.Embedding(size.type_vocab_size, size.hidden_size)
        self.norm = nn.LayerNorm(size.hidden_size, eps=size.layer_norm_eps)
        self.layers = nn.ModuleList(Layer(size) for _ in range(size.num_hidden_layers))

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        places = torch.arange(int(input_ids.shape[1]))[None]
        x = self.norm(self.word(input_ids) + self.place(places) + self.kind(token_type_ids))
        bias = (1.0 - attention_mask[:, None, None, :].float()) * _HIDDEN
        for layer in self.layers:
            x = layer(x, bias)
        mask = attention_mask[..., None].float()
        mean = (x * mask).sum(1) / mask.sum(1)
        return mean / torch.linalg.vector_norm(mean, dim=1, keepdim=True)


class Classifier(nn.Module):
    """The embedding of a sentence, and a linear head on it."""

    def __init__(self, encoder: MiniLM, head: Head) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(head.weight.shape[1], head.weight.shape[0])
        self.head.load_state_dict({"weight": torch.from_numpy(head.weight), "bias": torch.from_numpy(head.bias)})

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        return self.head(self.encoder(input_ids, attention_mask, token_type_ids))


def encoder_of(size: Size, weights: Mapping[str, Tensor]) -> MiniLM:
    """The encoder with the weights of a BERT, by the names that ``transformers`` gives them; others are left."""
    embeddings = {"word": "word_embeddings", "place": "position_embeddings", "kind": "token_type_embeddings"}
    parts = {own: f"embeddings.{theirs}" for own, theirs in embeddings.items()} | {"norm": "embeddings.LayerNorm"}
    for index in range(size.num_hidden_layers):
        parts |= {f"layers.{index}.{own}": f"encoder.layer.{index}.{theirs}" for own, theirs in _LAYER.items()}
    encoder = MiniLM(size)
    names = {name: name.rpartition(".") for name in encoder.state_dict()}
    encoder.load_state_dict({name: weights[f"{parts[part]}.{kind}"] for name, (part, _, kind) in names.items()})
    return encoder.eval()


def write_onnx(classifier: Classifier, length: int, path: Path) -> None:
    """Export for sentences of ``length`` tokens in batches of any size.

    By torch's older exporter, because most ONNX files of such networks come from it, and the fusions of other tools
    know what it writes.
    """
    example = torch.ones((2, length), dtype=torch.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            classifier.eval(),
            (example, example, example * 0),
            str(path),
            input_names=list(INPUTS),
            output_names=[OUTPUT],
            dynamic_axes={name: {0: "N"} for name in (*INPUTS, OUTPUT)},
            opset_version=_OPSET,
            dynamo=False,
        )
