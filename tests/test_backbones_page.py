"""Promises of ``docs/backbones_page.py``."""

from __future__ import annotations

from backbones_page import page

ROW = {
    "pixels": 64,
    "parameters": 4_652_008,
    "features": 1280,
    "stages": [["blocks.2", 40, 8, True], ["blocks.3", 80, 16, False]],
    "float_mb": 13.36,
    "int8_mb": 3.81,
    "layers_quantized": 49,
    "layers_in_float": 1,
    "candidates": {
        "fp32": "passed, another was faster",
        "int8": "selected",
        "bf16": "rejected: accuracy transfer",
    },
}


def test_page_of_backbones_tells_what_a_family_gives_and_where_it_can_be_cut() -> None:
    lines = page({"lite0": ROW}).splitlines()
    row = lines.index("| `lite0` | 64 | 4.7 M | 13.4 MB | 3.8 MB | 49 of 50 | 2 of 3 |")
    assert lines[row + 1] == "", "a paragraph right below would be a row of the table"
    assert "| `lite0` | **blocks.2** 40/8, blocks.3 80/16, head 1280 |" in lines


def test_page_of_backbones_says_which_family_failed_and_why() -> None:
    text = page({"lite0": ROW, "odd": {"pixels": 64, "failed": "torch cannot export it", "selected": None}})
    assert "\n`odd` failed: torch cannot export it\n" in text
    assert text.count("`odd`") == 1
