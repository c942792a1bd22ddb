"""Promises of :mod:`edgetl.host.data.source.coco`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgetl.errors import DataError
from edgetl.host.data.dataset import Dataset
from edgetl.host.data.source import open_source


def coco(**changes: Any) -> dict[str, Any]:
    document = {
        "info": {"year": 2026},
        "images": [{"id": 5, "file_name": "img/5.png", "width": 3}, {"id": 6, "file_name": "img/6.png"}],
        "annotations": [{"id": 1, "image_id": 5, "category_id": 20}, {"id": 2, "image_id": 6, "category_id": 10}],
        "categories": [{"id": 20, "name": "scratch"}, {"id": 10, "name": "dent"}],
    }
    return document | changes


def opened(folder: Path, document: object) -> Dataset:
    (folder / "labels.json").write_text(json.dumps(document))
    return open_source("labels.json", folder)


def test_images_have_the_category_of_their_annotation_in_the_order_of_categories(tmp_path: Path) -> None:
    dataset = opened(tmp_path, coco())
    assert dataset.classes == ("scratch", "dent")
    assert [(s.image, s.label) for s in dataset.samples] == [(tmp_path / "img/5.png", 0), (tmp_path / "img/6.png", 1)]
    assert dataset.notes == ()


def test_what_is_ignored_is_said(tmp_path: Path) -> None:
    document = coco()
    document["images"].append({"id": 7, "file_name": "7.png"})
    document["categories"].append({"id": 1, "name": "unused"})
    document["annotations"].append({"image_id": 5, "category_id": 20, "iscrowd": 1, "bbox": [1, 2, 3, 4]})
    dataset = opened(tmp_path, document)
    assert (len(dataset.samples), dataset.classes) == (2, ("scratch", "dent"))
    assert dataset.notes == (
        "labels.json: 1 boxes are ignored; only categories count",
        "labels.json: 1 annotations with iscrowd count like others",
        "labels.json: 1 images without annotation are left out",
        "labels.json: 1 categories without image are left out",
    )
    assert dataset.left_out == ((str(tmp_path / "7.png"), "no annotation"),)


def annotations(*pairs: tuple[object, object]) -> list[dict[str, object]]:
    return [{"image_id": image, "category_id": category} for image, category in pairs]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], r"labels\.json': Expected `object`"),
        ({"images": [], "annotations": []}, "missing required field `categories`.*expected images"),
        (coco(annotations=annotations((5, 20), (5, 10))), "'img/5.png' is 'scratch' and 'dent'.*come from a function"),
        (coco(annotations=annotations((5, 20), (9, 10))), "annotation 1: there is no image of id 9"),
        (coco(annotations=annotations((5, 30))), "annotation 0: there is no category of id 30"),
        (coco(annotations=annotations((5, None))), r"\$\.annotations\[0\]\.category_id"),
        (coco(annotations=[]), "images of 0 categories, expected at least two"),
        (coco(images=[{"id": 5, "file_name": "a"}, {"id": 5, "file_name": "b"}]), "id 5 is twice in images"),
        (coco(images=[{"id": 5, "file_name": "a"}, {"id": 6, "file_name": "a"}]), "file_name 'a' is twice in images"),
        (coco(categories=[{"id": 20, "name": "x"}, {"id": 10, "name": "x"}]), "two categories of one name"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, document: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        opened(tmp_path, document)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60))
def test_any_bytes_are_refused_with_the_file(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "labels.json").write_bytes(data)
    with pytest.raises(DataError, match=r"labels\.json"):
        open_source("labels.json", tmp_path)
