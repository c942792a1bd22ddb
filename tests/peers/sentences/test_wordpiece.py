"""Promises of ``benchmarks/peers/sentences/wordpiece.py``, with a vocabulary of a few pieces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from peers.sentences.wordpiece import Vocabulary, words

VOCABULARY = Vocabulary.read("[PAD]\n[UNK]\n[CLS]\n[SEP]\nun\n##aff\n##able\n##a\ncafe\n!\n_\n")
PAD, UNKNOWN, FIRST, LAST, UN, AFF, ABLE, A, CAFE, BANG, LINE = range(11)


@pytest.mark.parametrize(
    ("sentence", "pieces"),
    [
        ("unaffable", [UN, AFF, ABLE]),
        ("Unaa", [UN, A, A]),
        ("unbelievable", [UNKNOWN]),
        ("CAFÉ!", [CAFE, BANG]),
        ("cafe_cafe", [CAFE, LINE, CAFE]),
        ("un" + "a" * 99, [UNKNOWN]),
        ("", []),
    ],
    ids=["the longest piece first", "case", "a rest without a piece", "accents", "punctuation", "too long", "empty"],
)
def test_word_is_cut_into_the_longest_pieces_that_there_are(sentence: str, pieces: list[int]) -> None:
    assert VOCABULARY.tokens(sentence, 16) == [FIRST, *pieces, LAST]


def test_words_are_told_apart_by_space_punctuation_and_chinese_characters() -> None:
    assert words("It's\t3€, 你好\u200b ok\x00") == ["it", "'", "s", "3€", ",", "你", "好", "ok"]


def test_short_sentences_are_padded_and_long_ones_cut_before_their_end() -> None:
    inputs = VOCABULARY.inputs(["cafe", "un un un un un un"], 5)
    assert inputs["input_ids"].tolist() == [[FIRST, CAFE, LAST, PAD, PAD], [FIRST, UN, UN, UN, LAST]]
    assert inputs["attention_mask"].tolist() == [[1, 1, 1, 0, 0], [1] * 5]
    assert not inputs["token_type_ids"].any()
    assert {array.dtype for array in inputs.values()} == {np.dtype(np.int64)}


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=40))
def test_any_text_becomes_tokens_of_the_vocabulary(text: str) -> None:
    found = VOCABULARY.tokens(text, 12)
    assert (found[0], found[-1]) == (FIRST, LAST)
    assert len(found) <= 12
    assert set(found) <= set(range(len(VOCABULARY.numbers)))
