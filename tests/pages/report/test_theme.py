import base64
import itertools
import re

import pytest
from matplotlib.figure import Figure

from vae_export.pages.report.theme import THEMES, draw, page_colours
from vae_export.pages.template import text_of


def luminance(colour):
    """Relative luminance of WCAG 2.2."""
    values = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    """Contrast ratio of WCAG 2.2: 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_by_hand():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, rel=0, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read(scheme):
    colours = page_colours(scheme)
    for text, ground in itertools.product(("ink", "faint", "accent", "pass", "fail"), ("paper", "panel")):
        assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_what_is_drawn_can_be_seen(theme):
    for colour in (*theme.series, theme.wrong):
        assert contrast(colour, theme.colours["panel"]) >= 3, colour


def test_both_schemes_have_the_same_variables():
    assert set(page_colours("light")) == set(page_colours("dark"))
    used = set(re.findall(r"var\(--([a-z-]+)\)", text_of("report/report.css")))
    assert used - set(page_colours("light")) == {"wide", "narrow", "natural"}


def paint(theme):
    figure = Figure(figsize=(2, 1))
    panel = figure.subplots()
    panel.plot([0, 1], color=theme.series[0])
    panel.imshow([[0, 1]])
    panel.set_title("<b>")
    return figure


def svg(uri):
    head, data = uri.split(",")
    assert head == "data:image/svg+xml;base64"
    return base64.b64decode(data).decode()


def test_a_drawing():
    one, other = draw(paint, "a line"), draw(paint, "a line")
    assert one == other
    assert (one.alt, one.width, one.height) == ("a line", 192, 96)
    light, dark = svg(one.light), svg(one.dark)
    assert THEMES[0].series[0].lower() in light
    assert THEMES[1].series[0].lower() in dark
    for text in (light, dark):
        # Text stays text, escaped; nothing is from elsewhere, and no date makes equal figures differ.
        assert "&lt;b&gt;" in text
        assert "dc:date" not in text
        assert not re.search(r"(href|url)[=(]\W*(http|file)", text)
