"""Chromium, for all tests of this folder."""

from __future__ import annotations

import pytest
from playwright.sync_api import sync_playwright

from tests.browser.page import Page
from tests.runtime.toolchain import need

ARGUMENTS = [
    # Whatever the pages' routes should miss finds no host.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    # WebGPU computed by the CPU, the same on machines with any graphics card and with none.
    "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",
]


# Not for the whole run: while Playwright runs, its event loop is this thread's, and others could not run theirs.
@pytest.fixture(scope="package")
def browser():
    """The browser of the system; Playwright's own is not downloaded."""
    chromium = need("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def open_page(browser):
    """open_page(url, served, **options): a `Page`, closed with the module's last test; what went wrong by then fails it."""
    pages = []

    def open_page(url, served=None, **options):
        pages.append(Page(browser, url, served or {}, **options))
        return pages[-1]

    yield open_page
    for page in pages:
        page.close()
