"""Promises of :mod:`edgetl.host.data.near` and :mod:`edgetl.host.data.fingerprint`."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from edgetl.host.data.fingerprint import fingerprint
from edgetl.host.data.near import MAX_DISTANCE, NearDuplicates, near_duplicates


def photo(seed: int) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (12, 12), dtype=np.uint8)
    return Image.fromarray(coarse).resize((160, 120), Image.Resampling.BICUBIC)


def bits_between(one: Image.Image, other: Image.Image) -> int:
    first, second = fingerprint(one), fingerprint(other)
    assert first is not None
    assert second is not None
    return (first ^ second).bit_count()


def reencoded(image: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=50)
    return Image.open(buffer).convert("L")


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "edit",
    [reencoded, lambda image: image.resize((97, 80)), lambda image: ImageEnhance.Brightness(image).enhance(0.7)],
    ids=["re-encoded", "scaled", "darkened"],
)
def test_an_edited_picture_stays_near(seed: int, edit: object) -> None:
    assert bits_between(photo(seed), edit(photo(seed))) <= MAX_DISTANCE  # type: ignore[operator]


def test_other_pictures_and_turned_ones_are_far() -> None:
    assert min(bits_between(photo(one), photo(other)) for one in range(8) for other in range(one)) > MAX_DISTANCE
    assert bits_between(photo(0), photo(0).transpose(Image.Transpose.ROTATE_90)) > MAX_DISTANCE


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_picture_of_one_grey_has_no_fingerprint(level: int) -> None:
    assert fingerprint(Image.new("L", (40, 30), level)) is None


@st.composite
def clustered(draw: st.DrawFn) -> list[int | None]:
    """Numbers of which many are a few bits apart, and places without one."""
    values: list[int | None] = []
    for _ in range(draw(st.integers(1, 4))):
        centre = draw(st.integers(0, 2**64 - 1))
        for flipped in draw(st.lists(st.lists(st.integers(0, 63), max_size=6), min_size=1, max_size=6)):
            value = centre
            for bit in flipped:
                value ^= 1 << bit
            values.append(value)
    return values + [None] * draw(st.integers(0, 2))


def every_pair(values: list[int | None]) -> set[tuple[int, int]]:
    return {
        (i, j)
        for j, b in enumerate(values)
        for i, a in enumerate(values[:j])
        if a is not None and b is not None and (a ^ b).bit_count() <= MAX_DISTANCE
    }


def found_pairs(near: NearDuplicates) -> set[tuple[int, int]]:
    joined = {(one, other) for one, other in near.pairs.tolist()}
    node = near.node.tolist()
    return {
        (i, j)
        for j in range(len(node))
        for i in range(j)
        if node[i] >= 0 and (node[i] == node[j] or tuple(sorted((node[i], node[j]))) in joined)
    }


@settings(max_examples=60, deadline=None)
@given(clustered())
def test_exactly_the_near_ones_are_found(values: list[int | None]) -> None:
    near = near_duplicates(values)
    assert found_pairs(near) == every_pair(values)
    assert len({tuple(pair) for pair in near.pairs.tolist()}) == len(near.pairs)


@settings(max_examples=60, deadline=None)
@given(clustered(), st.data())
def test_across_and_examples_see_only_other_parts(values: list[int | None], data: st.DataObject) -> None:
    part = np.array(data.draw(st.lists(st.integers(0, 2), min_size=len(values), max_size=len(values))), np.int64)
    near = near_duplicates(values)
    crossing = {(i, j) for i, j in every_pair(values) if part[i] != part[j]}
    assert set(np.flatnonzero(near.across(part)).tolist()) == {place for pair in crossing for place in pair}
    examples = near.examples(part, 5)
    assert {tuple(sorted(example[:2])) for example in examples} <= crossing
    assert bool(examples) == bool(crossing)
    assert all((values[i] ^ values[j]).bit_count() == distance for i, j, distance in examples)  # type: ignore[operator]


@settings(max_examples=40, deadline=None)
@given(clustered())
def test_links_connect_what_is_near(values: list[int | None]) -> None:
    leader = list(range(len(values)))

    def root(place: int) -> int:
        return place if leader[place] == place else root(leader[place])

    for one, other in near_duplicates(values).links():
        leader[root(one)] = root(other)
    assert all(root(i) == root(j) for i, j in every_pair(values))


def test_nothing_is_near_nothing() -> None:
    near = near_duplicates([None, None])
    assert list(near.links()) == []
    assert not near.across(np.array([0, 1])).any()
    assert near.examples(np.array([0, 1]), 3) == ()


def test_a_crowd_is_connected_without_comparing_each_with_each() -> None:
    rng = np.random.default_rng(0)
    crowd = [1 << int(a) | 1 << int(b) for a, b in rng.integers(0, 64, (1500, 2))]
    near = near_duplicates(crowd)
    part = np.arange(1500) % 2
    assert near.across(part).all()
    assert len(near.pairs) < 20 * 1500
