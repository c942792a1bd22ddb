"""JSON Schemas of every file and answer that has a field ``schema``."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from edgetl.bundle.manifest import Manifest
from edgetl.comparison import ResultComparison
from edgetl.device.bench.selftest.run import SelfTest
from edgetl.device.unpack import PreprocessDocument
from edgetl.explanation import Explanation
from edgetl.host.stages import AdaptedIndex
from edgetl.result import Result

SCHEMAS: Mapping[str, type[msgspec.Struct]] = {
    "adapted": AdaptedIndex,
    "bundle": Manifest,
    "comparison": ResultComparison,
    "explanation": Explanation,
    "preprocess": PreprocessDocument,
    "result": Result,
    "selftest": SelfTest,
}
"""By the name of the file, ``NAME.schema.json``."""


def schema_text(kind: type[msgspec.Struct]) -> str:
    """The schema of what is of that type."""
    return msgspec.json.format(msgspec.json.encode(msgspec.json.schema(kind)), indent=2).decode() + "\n"
