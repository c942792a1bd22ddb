"""Promises of CSV and Parquet tables as data sources."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgetl.errors import DataError, MissingExtra
from edgetl.host.data.dataset import Dataset
from edgetl.host.data.source import open_source

pyarrow = pytest.importorskip("pyarrow", reason="extra parquet")
write_table = pytest.importorskip("pyarrow.parquet", reason="extra parquet").write_table


def csv(folder: Path, text: str | bytes, name: str = "list.csv") -> Dataset:
    (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
    return open_source(name, folder)


def parquet(folder: Path, **columns: list[object]) -> Dataset:
    write_table(pyarrow.table(columns), folder / "list.parquet")
    return open_source("list.parquet", folder)


FULL = "path,label,split,weight,group,domain\na/1.png,ok,train,,part 1,mill\nb/2.png,bad,VAL,0.5,,\n"


def test_a_csv_row_becomes_a_sample_with_a_path_beside_the_table(tmp_path: Path) -> None:
    dataset = csv(tmp_path, FULL)
    first, second = dataset.samples
    assert dataset.classes == ("bad", "ok")
    assert (first.image, first.label, first.split, first.weight) == (tmp_path / "a/1.png", 1, "train", 1.0)
    assert (first.group, first.domain) == ("part 1", "mill")
    assert (second.label, second.split, second.weight, second.group, second.domain) == (
        0,
        "validation",
        0.5,
        None,
        None,
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(",", ";"),
        lambda text: text.replace(",", "\t"),
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\n\n"),
        lambda text: text.replace(",", " , "),
    ],
    ids=["semicolons", "tabs", "byte order mark", "Windows", "empty lines", "blanks"],
)
def test_what_spreadsheets_write_reads_the_same(tmp_path: Path, change: object) -> None:
    assert csv(tmp_path, change(FULL)) == csv(tmp_path, FULL)  # type: ignore[operator]


def test_quoted_cells_may_hold_the_delimiter_and_a_line_break(tmp_path: Path) -> None:
    dataset = csv(tmp_path, 'path,label\n"a,b.png",x\n"c\nd.png",y\n')
    assert [sample.image for sample in dataset.samples] == [tmp_path / "a,b.png", tmp_path / "c\nd.png"]


def test_labels_that_are_numbers_are_in_numerical_order(tmp_path: Path) -> None:
    assert csv(tmp_path, "path,label\na,10\nb,9\nc,0\n").classes == ("0", "9", "10")


def test_other_columns_are_named_in_a_note(tmp_path: Path) -> None:
    assert csv(tmp_path, "path,label,spilt\na,1,train\nb,2,test\n").notes == ("list.csv: not used: 'spilt'",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"first line: there is no column 'path' \(it has: none\)"),
        ("file,label\na,b\n", r"list\.csv', first line: there is no column 'path' \(it has: 'file', 'label'\)"),
        ("path|label\na|b\n", "no column 'path'"),
        ("path,label,label\na,b,c\n", "column 'label' is there twice"),
        ("path,label\n", "has no rows"),
        ("path,label\na,b\nc,b\n", r"one label \('b'\), expected at least two"),
        ("path,label\na,b\nc\n", r"list\.csv', line 3: 1 cells, expected 2"),
        ("path,label\n\n\na,b,c\n", "line 4: 3 cells"),
        ('path,label\n"a\nb",x\nc\n', "line 4: 1 cells"),
        ("path,label\na,b\n ,c\n", "line 3: path is empty"),
        ("path,label\na,\n", "line 2: label is empty"),
        ("path,label,split\na,x,dev\n", "line 2: split is 'dev'; expected one of: train, val"),
        ("path,label,split\na,x,train\nb,y,\n", "line 3: this row has no split, unlike the first"),
        ("path,label,split\na,x,\nb,y,test\n", "line 3: this row has a split, unlike the first"),
        ("path,label,weight\na,x,-1\n", "line 2: weight is '-1'; expected a number above 0"),
        ("path,label,weight\na,x,many\n", "line 2: weight is 'many'"),
        ("path,label,weight\na,x,nan\n", "line 2: weight is 'nan'"),
        ("path,label\na,x\nb,y\na,x\n", "line 4: path 'a' is in line 2 already"),
        ("path,label\na,x\na,y\n", "line 3: path 'a' is 'y' here and 'x' in line 2.*come from a function"),
        ('path,label\na,"x\n', r"line 2: unexpected end of data"),
        ('path,label\n"a"b,x\n', "line 2: .*expected after"),
        ("path,label\na,x\nß,y\n".encode("latin-1"), "line 3: byte 0xdf is not UTF-8; save the table as UTF-8"),
    ],
)
def test_a_wrong_csv_is_refused_with_its_line(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        csv(tmp_path, text)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(max_size=80), st.text("path,label;\t\"'\n\r 01\0", max_size=60).map("path,label\n".__add__)))
def test_any_bytes_are_read_or_refused(tmp_path: Path, text: str | bytes) -> None:
    try:
        dataset = csv(tmp_path, text)
    except DataError as error:
        refused = str(error)
    else:
        refused, samples = "", dataset.samples
        assert len(dataset.classes) >= 2
        assert len({sample.image for sample in samples}) == len(samples)
    assert "list.csv" in refused or not refused


def test_parquet_says_the_same_as_csv(tmp_path: Path) -> None:
    dataset = parquet(
        tmp_path,
        path=["a/1.png", "b/2.png"],
        label=["ok", "bad"],
        split=["train", "val"],
        weight=[None, 0.5],
        group=["part 1", None],
        domain=["mill", None],
    )
    assert dataset == csv(tmp_path, FULL)


def test_whole_numbers_and_categories_are_labels_in_parquet(tmp_path: Path) -> None:
    assert parquet(tmp_path, path=["a", "b"], label=[10, 9]).classes == ("9", "10")
    coded = pyarrow.array(["x", "y"]).dictionary_encode()
    assert parquet(tmp_path, path=["a", "b"], label=coded).classes == ("x", "y")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"path": ["a"], "class": ["x"]}, r"list\.parquet', first line: there is no column 'label'"),
        ({"path": ["a", "b"], "label": ["x", None]}, "row 2: label is empty"),
        ({"path": ["a"], "label": [1.5]}, r"row 1: label is 1.5 \(float\), expected text or a whole number"),
        ({"path": ["a"], "label": [["x", "y"]]}, r"row 1: label is \['x', 'y'\] \(list\)"),
        ({"path": ["a"], "label": ["x"], "weight": [0.0]}, "row 1: weight is '0.0'"),
    ],
)
def test_a_wrong_parquet_table_is_refused_with_its_row(
    tmp_path: Path, columns: dict[str, list[object]], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        parquet(tmp_path, **columns)


def test_what_is_not_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.parquet").write_text("path,label\n")
    with pytest.raises(DataError, match=r"list\.parquet' cannot be read as Parquet"):
        open_source("list.parquet", tmp_path)


def test_missing_pyarrow_is_named_with_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "list.parquet").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtra, match=r"pip install 'edgetl\[parquet\]'"):
        open_source("list.parquet", tmp_path)
