"""Why int8 was chosen or rejected, for people: sentences first, then layers."""

from __future__ import annotations

from edgetl.report.explanation.layers import TOP, explanation_page
from edgetl.report.explanation.words import in_words

__all__ = ["TOP", "explanation_page", "in_words"]
