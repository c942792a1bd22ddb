"""Sentences as BERT's tokens: lower case, without accents, words cut into the longest pieces that a vocabulary has.

References:
    Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding", 2019; the greedy
    cut into pieces is that of Wu et al., "Google's Neural Machine Translation System", 2016.
"""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgetl.tensors import Array

_WORD_MAX = 100
"""Letters of a word; longer ones are unknown as a whole."""
_UNKNOWN, _FIRST, _LAST, _PADDING = "[UNK]", "[CLS]", "[SEP]", "[PAD]"


@dataclass(frozen=True)
class Vocabulary:
    """Pieces of words and their numbers."""

    numbers: Mapping[str, int]

    @classmethod
    def read(cls, text: str) -> Vocabulary:
        """From the lines of a ``vocab.txt``: a piece each, numbered from 0."""
        return cls({piece: number for number, piece in enumerate(text.removesuffix("\n").split("\n"))})

    def tokens(self, sentence: str, length: int) -> list[int]:
        """Numbers of the pieces of a sentence between those of its ends, ``length`` at most in all."""
        pieces = [piece for word in words(sentence) for piece in self._pieces(word)]
        return [self.numbers[piece] for piece in (_FIRST, *pieces[: length - 2], _LAST)]

    def inputs(self, sentences: Sequence[str], length: int) -> dict[str, Array]:
        """What BERT takes, ``int64 (n, length)`` each: what is shorter is padded, what is longer is cut."""
        ids = np.full((len(sentences), length), self.numbers[_PADDING], np.int64)
        mask = np.zeros_like(ids)
        for row, sentence in enumerate(sentences):
            found = self.tokens(sentence, length)
            ids[row, : len(found)], mask[row, : len(found)] = found, 1
        return {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}

    def _pieces(self, word: str) -> list[str]:
        pieces: list[str] = []
        rest, lead = word if len(word) <= _WORD_MAX else "", ""
        while rest:
            end = next((end for end in range(len(rest), 0, -1) if lead + rest[:end] in self.numbers), None)
            if end is None:
                return [_UNKNOWN]
            pieces.append(lead + rest[:end])
            rest, lead = rest[end:], "##"
        return pieces or [_UNKNOWN]


def words(sentence: str) -> list[str]:
    """What stands between spaces, with every punctuation mark and every Chinese character as a word of its own."""
    return "".join(_letters(sentence)).split()


def _letters(sentence: str) -> Iterator[str]:
    for letter in unicodedata.normalize("NFD", sentence.lower()):
        kind = unicodedata.category(letter)
        if letter.isspace():
            yield " "
        elif letter in string.punctuation or kind.startswith("P") or "\u4e00" <= letter <= "\u9fff":
            yield f" {letter} "
        elif kind != "Mn" and not kind.startswith("C") and letter != "\ufffd":
            yield letter
