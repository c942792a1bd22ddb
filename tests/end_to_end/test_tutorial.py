"""The tutorial's blocks, in their order, in an empty folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# ([\w.]+\.\w+)\n")
MARK = "Every block on this page is run by"
PAGES = tuple(page for page in sorted((ROOT / "docs").rglob("*.md")) if MARK in page.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Reader:
    """Somebody who does what a page says, in a folder of their own."""

    folder: Path
    environment: dict[str, str]

    def follow(self, language: str, block: str) -> str:
        """Write a block that begins with the name of a file; run any other. What it printed."""
        named = FILE.match(block)
        if named:
            (self.folder / named[1]).write_text(block, encoding="utf-8")
            return ""
        if language == "python":
            return self.run([sys.executable, "-c", block])
        assert language == "console", f"nobody can follow a block of {language}"
        lines = [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]
        return "".join(self.run(["bash", "-ec", line]) for line in lines if not line.startswith("pip "))

    def run(self, words: list[str]) -> str:
        done = subprocess.run(words, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{words[-1]}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    """With ``edgetl`` and ``python`` of this interpreter on the path."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, program in (("python", ""), ("edgetl", "-m edgetl.cli ")):
        path = programs / name
        path.write_text(f'#!/bin/sh\nexec {sys.executable} {program}"$@"\n')
        path.chmod(0o755)
    (tmp_path / "work").mkdir()
    known = {"EDGETL_CACHE": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT)}
    return Reader(tmp_path / "work", os.environ | known | {"PATH": f"{programs}:{os.environ['PATH']}"})


def test_a_page_is_marked_as_run() -> None:
    assert ROOT / "docs/tutorial.md" in PAGES


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_can_be_followed_from_top_to_bottom(page: Path, reader: Reader) -> None:
    printed = {block: reader.follow(language, block) for language, block in FENCE.findall(page.read_text("utf-8"))}
    if page.stem == "explain":
        told, _ = (said for block, said in printed.items() if "--explain" in block)
        assert "of the noise that int8 brings to the features" in " ".join(told.split()), "wherever lines end"
        assert "Ranges of their results (x86-vnni)" in told
        assert "Layer by layer (x86-vnni)" in (reader.folder / "stripes.md").read_text()
    if page.stem == "tutorial":
        assert (reader.folder / "washers.md").read_text().startswith("# washers, version 1\n\nPassed: ")
        assert "washers, version 1</h1>" in (reader.folder / "washers.html").read_text()
        assert (reader.folder / "washers_files/confusion.svg").exists()
        assert (reader.folder / "washers.report_files/confusion.svg").exists()
        (predicted,) = (said for block, said in printed.items() if block.startswith("import edgetl\n"))
        assert [line.split()[0] for line in predicted.splitlines()] == ["good", "chipped"]
        (refused,) = (said for block, said in printed.items() if "deploy strict.toml" in block)
        assert refused.endswith("exit code 3\n")
        assert (reader.folder / "tuned.edgetl").exists()
        assert " was kept." in (reader.folder / "tuned.report.md").read_text()
