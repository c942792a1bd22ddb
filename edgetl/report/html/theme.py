"""The colours of a page: the reader's choice, or else the system's; on paper light ones."""

from __future__ import annotations

from collections.abc import Mapping

from edgetl.report.pictures.palette import DARK, LIGHT


def theme_css() -> str:
    """Custom properties for every colour, in light, in dark and in print."""
    light, dark = _properties(LIGHT), _properties(DARK)
    return (
        f":root{{color-scheme:light;{light}}}\n"
        "@media (prefers-color-scheme:dark){:root:not([data-theme=light]){color-scheme:dark;" + dark + "}}\n"
        f":root[data-theme=dark]{{color-scheme:dark;{dark}}}\n"
        "@media print{:root,:root[data-theme],:root:not([data-theme=light]){color-scheme:light;" + light + "}}\n"
    )


def _properties(colours: Mapping[str, str]) -> str:
    return "".join(f"--{role}:{colour};" for role, colour in colours.items())
