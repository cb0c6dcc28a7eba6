"""Light and dark themes: figures are drawn once in the colours of each."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from vae_export.pages.template import data_uri, text_of

__all__ = ["THEMES", "WIDTH", "Drawing", "Theme", "draw"]

# Inches: the width of a phone of 360 pixels, where texts keep their size.
WIDTH = 3.3
PIXELS_PER_INCH = 96


@dataclass(frozen=True)
class Theme:
    """A colour scheme.

    Attributes:
        name: "light" or "dark".
        colours: the variables of page.css by name.
        series: colours of series, from the palette of Okabe & Ito (2008), safe for all colour vision;
            darkened or lightened for contrast with the page.
        errors: colour map of errors, from none, near the page's colour, to large.
        wrong: colour of values that are not finite.
    """

    name: str
    colours: Mapping[str, str]
    series: tuple[str, ...]
    errors: str
    wrong: str

    @property
    def style(self) -> Any:
        """Parameters for `matplotlib.rc_context`, whose type differs between versions."""
        ink, faint = self.colours["ink"], self.colours["faint"]
        return {
            "axes.edgecolor": self.colours["line"],
            "axes.facecolor": "none",
            "axes.labelcolor": faint,
            "axes.labelsize": 8,
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlecolor": ink,
            "axes.titlesize": 8,
            "figure.facecolor": "none",
            "font.size": 8,
            "legend.labelcolor": ink,
            "patch.linewidth": 0,
            "savefig.facecolor": "none",
            # Text as text, in the reader's font; fixed ids, so that equal figures have equal bytes.
            "svg.fonttype": "none",
            "svg.hashsalt": "vae-export",
            "text.color": ink,
            "xtick.color": self.colours["line"],
            "xtick.labelcolor": faint,
            "xtick.labelsize": 7.5,
            "ytick.color": self.colours["line"],
            "ytick.labelcolor": ink,
            "ytick.labelsize": 7.5,
        }


def page_colours(scheme: str) -> dict[str, str]:
    """The variables of page.css in a colour scheme."""
    light, dark = re.findall(r":root \{(.*?)\}", text_of("page.css"), re.DOTALL)
    own = {"light": light, "dark": dark}[scheme]
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", own))


THEMES = (
    Theme("light", page_colours("light"), ("#0072B2", "#D55E00", "#009E73", "#B65A8F"), "YlGnBu", "#D55E00"),
    Theme("dark", page_colours("dark"), ("#56B4E9", "#E69F00", "#2FC79A", "#CC79A7"), "YlGnBu_r", "#E69F00"),
)


@dataclass(frozen=True)
class Drawing:
    """A figure as SVG in each theme.

    Attributes:
        light, dark: data URIs.
        alt: alternative text.
        width, height: CSS pixels.
    """

    light: str
    dark: str
    alt: str
    width: int
    height: int


def draw(paint: Callable[[Theme], Figure], alt: str) -> Drawing:
    """Draw a figure in both themes.

    Args:
        paint: makes the figure; Matplotlib's defaults are those of the theme.
        alt: alternative text.
    """
    found = []
    for theme in THEMES:
        with matplotlib.rc_context(theme.style):
            figure = paint(theme)
            file = io.BytesIO()
            figure.savefig(file, format="svg", metadata={"Creator": None, "Date": None})
        found.append(data_uri(file.getvalue(), "image/svg+xml"))
    width, height = (round(inches * PIXELS_PER_INCH) for inches in figure.get_size_inches())
    light, dark = found
    return Drawing(light, dark, alt, width, height)
