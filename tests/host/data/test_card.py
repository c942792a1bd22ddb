"""Promises of :mod:`edgetl.host.data.card`."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from PIL import Image

from edgetl.data_card import DataCard, NearPair
from edgetl.errors import DataError
from edgetl.host.data.audit import Audit, Audited, audit
from edgetl.host.data.card import check_near_duplicates, data_card
from edgetl.host.data.dataset import Dataset, Sample
from edgetl.host.data.splits import Splits, split
from edgetl.progress import Silent
from edgetl.recipe import Data


def photo(seed: int) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (12, 12), dtype=np.uint8)
    return Image.fromarray(coarse).resize((40, 30), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def numbered(count: int, label: int, **fields: Any) -> list[Sample]:
    return [Sample(encoded(photo(1000 * label + seed)), label, **fields) for seed in range(count)]


def divided(samples: Sequence[Sample], group_near: bool = False) -> tuple[Audited, Splits]:
    how = Audit(min_per_class=2, skip_bad=True, threads=1, group_near=group_near)
    audited = audit(Dataset(("good", "bad"), tuple(samples)), how, Silent())
    return audited, split(audited.dataset, Data("unused"), 0)


def card(samples: Sequence[Sample], input_size: tuple[int, int] | None = None) -> DataCard:
    return data_card(*divided(samples), input_size)


@pytest.fixture
def leaking(tmp_path: Path) -> list[Sample]:
    """Eight images of each class, and one of train again in test, as another file format."""
    samples = [
        Sample(sample.image, sample.label, split="test" if place % 2 else "train")
        for place, sample in enumerate(numbered(8, 0) + numbered(8, 1))
    ]
    for name, place, kind in (("first.png", 0, "PNG"), ("again.jpg", 1, "JPEG")):
        (tmp_path / name).write_bytes(encoded(photo(0), kind))
        samples[place] = Sample(tmp_path / name, 0, split=samples[place].split)
    return samples


def test_counts_sizes_and_formats_are_those_of_the_images() -> None:
    wide = Sample(encoded(photo(99).resize((80, 20)).convert("RGB"), "JPEG"), 0)
    found = card([*numbered(9, 0), wide, *numbered(20, 1)])
    assert found.classes == ("good", "bad")
    assert np.sum(list(found.splits.values()), axis=0).tolist() == [10, 20]
    assert found.imbalance == 2.0
    assert (found.widths.minimum, found.widths.median, found.widths.maximum) == (40, 40, 80)
    assert (found.heights.minimum, found.aspects.maximum) == (20, 4)
    assert found.formats == {"JPEG": 1, "PNG": 29}
    assert found.modes == {"L": 29, "RGB": 1}
    assert found.warnings == ()


def test_brightness_is_that_of_the_pixels() -> None:
    levels = [10, 60, 110, 160]
    samples = []
    for label in (0, 1):
        for seed, level in enumerate(levels):
            pixels = np.clip(np.random.default_rng(8 * label + seed).normal(level, 5, (40, 40)), 0, 255)
            samples.append(Sample(encoded(Image.fromarray(pixels.astype(np.uint8))), label))
    brightness = card(samples).brightness
    assert brightness.mean == pytest.approx(np.mean(levels), abs=1)
    assert brightness.std == pytest.approx(np.std(levels), abs=1)
    assert brightness.contrast == pytest.approx(5, abs=0.5)
    assert brightness.very_dark == 2


def test_repeats_and_left_out_images_are_counted() -> None:
    samples = numbered(8, 0) + numbered(8, 1)
    found = card([*samples, samples[0], samples[0], Sample(b"not an image", 1)])
    assert (found.repeats, found.skipped) == (2, 1)
    assert sum(found.near_duplicates.across.values()) == 0


def test_near_duplicates_across_splits_are_counted_and_named_without_folders(leaking: list[Sample]) -> None:
    near = card(leaking).near_duplicates
    assert sum(near.across.values()) == 2
    assert near.across["test"] == 1
    (pair,) = near.examples
    assert isinstance(pair, NearPair)
    assert {pair.first, pair.second} == {"first.png", "again.jpg"}
    assert "test" in {pair.first_split, pair.second_split}
    assert pair.distance <= near.max_distance


class Notes(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)


def test_near_duplicates_across_splits_are_said_or_refused(leaking: list[Sample], tmp_path: Path) -> None:
    notes = Notes()
    check_near_duplicates(*divided(leaking), False, notes)
    assert "2 of 16 images look like one of another split" in notes.notes[0]
    assert str(tmp_path / "again.jpg") in notes.notes[0]
    with pytest.raises(DataError, match=r'2 of 16 images.*near_duplicates = "group".*\n.*again\.jpg'):
        check_near_duplicates(*divided(leaking), True, notes)


def test_grouping_keeps_near_duplicates_in_one_split() -> None:
    twins = [Sample(encoded(photo(seed), "JPEG"), 0) for seed in range(30)]
    samples = numbered(30, 0) + twins + numbered(30, 1)
    notes = Notes()
    check_near_duplicates(*divided(samples), False, notes)
    assert len(notes.notes) == 1
    check_near_duplicates(*divided(samples, group_near=True), True, notes)
    assert len(notes.notes) == 1


def test_grouping_refuses_given_splits_that_share_a_near_duplicate(leaking: list[Sample]) -> None:
    with pytest.raises(DataError, match=r"first\.png is given .*again\.jpg.* linked by looking alike"):
        divided(leaking, group_near=True)


def test_domains_are_counted_per_split() -> None:
    samples = numbered(8, 0, domain="mill") + numbered(8, 1, domain="lathe")
    found = card(samples).domains
    assert list(found) == ["lathe", "mill"]
    assert sum(found["mill"].values()) == sum(found["lathe"].values()) == 8


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (numbered(20, 0) + numbered(6, 1), "class 'good' has 3.3 times as many images as 'bad'"),
        (numbered(8, 0) + numbered(8, 1), r"16 of 16 images are smaller than the model's input \(32 x 41\)"),
        (
            [*numbered(8, 0), *numbered(8, 1), Sample(encoded(Image.new("L", (50, 50), 3)), 0)],
            r"1 of 17 images are very dark \(mean grey level below 20 of 255\)",
        ),
        (
            [*numbered(8, 0), *numbered(8, 1), Sample(encoded(Image.new("L", (50, 50), 90)), 0)],
            "1 of 17 images show no structure",
        ),
        (
            [*numbered(8, 0), *numbered(8, 1), Sample(encoded(photo(0), "JPEG"), 1)],
            "2 of 17 images look like one of another class",
        ),
    ],
    ids=["imbalance", "small", "dark", "flat", "labels"],
)
def test_what_spoils_numbers_is_said_in_words(samples: list[Sample], message: str) -> None:
    assert any(re.search(message, warning) for warning in card(samples, (32, 41)).warnings)


def test_a_domain_that_is_never_trained_on_is_said() -> None:
    samples = [
        Sample(s.image, s.label, split=part, domain="new" if part == "test" else "old")
        for label in (0, 1)
        for s, part in zip(numbered(9, label), ("train", "validation", "test") * 3, strict=True)
    ]
    assert any("domain 'new' has no image in train" in warning for warning in card(samples).warnings)


def test_a_card_survives_json() -> None:
    found = card(numbered(8, 0) + numbered(8, 1), (224, 224))
    assert msgspec.json.decode(msgspec.json.encode(found), type=DataCard) == found


def test_a_second_audit_makes_the_same_card_from_its_cache(tmp_path: Path) -> None:
    data = Dataset(("good", "bad"), tuple(numbered(8, 0) + numbered(8, 1)))
    how = Audit(min_per_class=2, skip_bad=False, threads=1, cache=tmp_path / "audit.json")
    cards = []
    for _ in range(2):
        audited = audit(data, how, Silent())
        cards.append(data_card(audited, split(audited.dataset, Data("unused"), 0)))
    assert cards[0] == cards[1]
