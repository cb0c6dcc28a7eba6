"""A report in a browser: on a desk and in a hand, in the light and in the dark."""

from __future__ import annotations

import pytest

from tests.browser.contrast import CONTRASTS
from vae_export.pages.report.report import make_report

SIZES = {"desk": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}


@pytest.fixture(scope="module", params=["dense", "lower", "signals", "several latents"])
def file(request, bundle_of, tmp_path_factory):
    """A report."""
    folder = tmp_path_factory.mktemp("report")
    if request.param in ("dense", "lower"):
        bundle = request.getfixturevalue(f"{request.param}_result").path
    else:
        bundle = bundle_of(request.param)
    report = make_report(bundle, rounds=2, progress=lambda _: None)
    (folder / "report.html").write_text(report.html)
    return folder / "report.html"


@pytest.fixture(scope="module", params=["light", "dark"])
def scheme(request):
    return request.param


@pytest.fixture(scope="module", params=list(SIZES))
def size(request):
    return request.param


@pytest.fixture(scope="module")
def page(open_page, file, scheme, size):
    return open_page(file.as_uri(), color_scheme=scheme, viewport=SIZES[size])


def test_it_opens_with_all_its_pictures(page):
    pictures = page.tab.evaluate(
        "[...document.images].map((one) => [one.naturalWidth, one.alt, one.clientWidth])"
    )
    assert len(pictures) > 10
    assert all(natural > 0 and alt and shown > 0 for natural, alt, shown in pictures)
    page.check()
    # Nothing but itself, and what it carries.
    assert page.messages == []
    assert {url.split(":")[0] for url in page.requests} <= {"file", "data"}
    assert sum(url.startswith("file:") for url in page.requests) == 1


def test_it_fits(page, size):
    assert page.tab.evaluate("document.scrollingElement.scrollWidth") <= SIZES[size]["width"]
    # What is wider can be scrolled by itself, with the keyboard too.
    assert page.tab.evaluate(
        """[...document.querySelectorAll("main *")].every((one) =>
        one.getBoundingClientRect().right <= innerWidth || one.closest(".scroll")?.tabIndex === 0)"""
    )


def test_it_can_be_read(page):
    found = page.tab.evaluate(CONTRASTS)
    assert len(found) > 100
    assert [one for one in found if one[0] < 4.5] == []


def test_figures_are_drawn_for_the_colour_scheme(page, scheme):
    sources = page.tab.evaluate(
        """[...document.querySelectorAll("picture")].map((one) =>
        [one.querySelector("img").currentSrc, one.querySelector("source").srcset])"""
    )
    assert len(sources) >= 4
    assert all((current == dark) == (scheme == "dark") for current, dark in sources)


def test_links_lead_somewhere(page):
    assert page.tab.evaluate(
        """[...document.querySelectorAll("a")].every((one) => document.getElementById(one.hash.slice(1)))"""
    )


def test_the_keyboard_comes_first_to_what_skips(open_page, file):
    page = open_page(file.as_uri())
    page.tab.keyboard.press("Tab")
    assert page.tab.evaluate("document.activeElement.textContent") == "Skip to the verdict"
    assert page.tab.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
