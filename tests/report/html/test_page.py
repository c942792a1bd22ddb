"""The page as a whole: well formed, closed to the outside, and nothing of a report becomes markup."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from edgetl.bundle import Bundle
from edgetl.report.document import Chapter, Section, Subject, report
from edgetl.report.html.page import to_html
from edgetl.report.measured import in_detail
from edgetl.report.page import Column, Table
from edgetl.report.pictures.svg import readable
from edgetl.result import Result

HOSTILE = "</script><script>alert(1)</script><!-- \" onload='x' -->&lt;\x00\ud800]]>"


def test_page_is_well_formed(chapters: tuple[Chapter, ...], checked: Any) -> None:
    page = checked(to_html(chapters))
    assert page.faults == []
    assert page.all("html") == [{"lang": "en"}]
    assert [one["content"] for one in page.all("meta") if one.get("name") == "viewport"]


def test_bundles_and_several_devices_share_a_page(
    tiny_bundle: Path, full: Result, result: Result, checked: Any
) -> None:
    manifest = Bundle.open(tiny_bundle).manifest
    subjects = [Subject("ab" * 32, manifest, (full, result)), Subject("cd" * 32, manifest, (full,))]
    page = checked(to_html(report(subjects, in_detail)))
    assert page.faults == []
    assert len(page.all("h1")) == 2
    assert {"#c1", "#c2", "#c2-s1"} <= {one["href"] for one in page.all("a")}


def test_nothing_comes_from_elsewhere(chapters: tuple[Chapter, ...], checked: Any) -> None:
    written = to_html(chapters)
    assert not re.search(r"https?:|url\(|@import|[\"'(=]\s*//", written)
    page = checked(written)
    assert not {"link", "img", "iframe", "object", "embed", "base", "form"} & {tag for tag, _ in page.elements}
    for tag, attributes in page.elements:
        assert not {"src", "srcset", "style", "action"} & set(attributes), tag
        assert not [name for name in attributes if name.startswith("on")], tag


def test_policy_allows_only_the_style_and_the_script_of_the_page(chapters: tuple[Chapter, ...], checked: Any) -> None:
    page = checked(to_html(chapters))
    (policy,) = [one["content"] for one in page.all("meta") if one.get("http-equiv") == "Content-Security-Policy"]
    style, data, script = (content for _, content in page.code)
    assert msgspec.json.decode(data)
    for source, content in (("style-src", style), ("script-src", script)):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{source} 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(HOSTILE)
@given(st.text(st.characters(), min_size=1, max_size=60))
def test_names_stay_words(full: Result, checked: Any, name: str) -> None:
    chosen = msgspec.structs.replace(full.candidates[1], name=name, runtime=name)
    rejected = msgspec.structs.replace(full.candidates[0], rejected_because=name)
    bundle = msgspec.structs.replace(full.bundle, name=name)
    nasty = msgspec.structs.replace(full, bundle=bundle, candidates=(chosen, rejected), selected=name)
    (chapter,) = report([Subject("ab" * 32, None, (nasty,))], in_detail)
    page = checked(to_html([chapter]))
    assert page.faults == []
    assert len(page.all("script")) == 2
    assert readable(name) in page.text
    facts = next(iter(msgspec.json.decode(page.code[1][1]).values()))["marks"][0]
    assert facts["title"] == readable(name)


def test_table_says_what_each_cell_belongs_to(checked: Any) -> None:
    rows = (("a", "1"), ("b", "2"))
    table = Table("Speeds", (Column("Name"), Column("Speed", "right")), rows, ("A remark.",))
    page = checked(to_html([Chapter("t", (), (Section("s", (table,)),))]))
    assert [one["scope"] for one in page.all("th")] == ["col", "col", "row", "row"]
    assert "Speeds" in page.text
    assert "A remark." in page.text
    assert len(page.all("caption")) == 1
    assert page.all("details") == []


def test_long_table_opens_when_it_is_asked_for(checked: Any) -> None:
    rows = tuple((f"class {place}",) for place in range(40))
    page = checked(to_html([Chapter("t", (), (Section("s", (Table("", (Column("Class"),), rows),)),))]))
    assert len(page.all("details")) == 1
    assert "s (40 rows)" in page.text


def test_every_drawing_has_a_title_and_a_description(chapters: tuple[Chapter, ...], checked: Any) -> None:
    page = checked(to_html(chapters))
    drawings = page.all("svg")
    assert len(drawings) == 6
    for drawing in drawings:
        assert drawing["role"] in ("img", "group")
        assert {drawing["aria-labelledby"], drawing["aria-describedby"]} <= set(page.ids)


def test_every_mark_is_reached_by_keyboard_and_says_all(chapters: tuple[Chapter, ...], checked: Any) -> None:
    page = checked(to_html(chapters))
    marks = [one for one in page.all("g") if one.get("class") == "mark"]
    assert all(one["tabindex"] == "0" and one["role"] == "img" for one in marks)
    labels = [one["aria-label"] for one in marks]
    rejected = next(one for one in labels if one.startswith("int8/onnxruntime") and "verdict" in one)
    for words in ("runtime: onnxruntime", "precision: int8", "rejected: accuracy: it loses 2.6 points", "W-THROTTLED"):
        assert words in rejected


def test_page_says_why_and_under_what_conditions(chapters: tuple[Chapter, ...], checked: Any) -> None:
    text = checked(to_html(chapters)).text
    for words in (
        "rejected: accuracy: it loses 2.6 points",
        "W-THROTTLED was seen; do something about it",
        "no sensor tells power here",
        "energy_uj can be read by root only",
        "inference alone; single-stream",
        "governor schedutil changes clocks",
        "Example CPU",
        "<b>x</b>/never/timed/2t",
    ):
        assert words in text


@pytest.mark.parametrize("optional", ["state", "telemetry", "scenario"])
def test_result_of_an_older_version_is_shown_as_far_as_it_goes(optional: str, full: Result, checked: Any) -> None:
    older = msgspec.structs.replace(full, **{optional: None})
    page = checked(to_html(report([Subject("ab" * 32, None, (older,))], in_detail)))
    assert page.faults == []
    assert ("scenario not stated" in page.text) == (optional == "scenario")


def test_result_without_anything_new_is_shown(result: Result, checked: Any) -> None:
    page = checked(to_html(report([Subject("ab" * 32, None, (result,))], in_detail)))
    assert page.faults == []
    assert "power was not measured" in page.text
