"""Chromium, and playgrounds in it, for all tests of this folder."""

from __future__ import annotations

import functools

import pytest
from playwright.sync_api import sync_playwright

from tests.browser.page import Page
from tests.browser.playground_tab import PlaygroundTab
from tests.runtime.toolchain import need, need_npm_package
from vae_export.cli.main import main

ARGUMENTS = [
    # Whatever the pages' routes should miss finds no host.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    # WebGPU computed by the CPU, the same on machines with any graphics card and with none.
    "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",
]


def pytest_collection_modifyitems(items):
    """Browsers belong to the slow tests."""
    for item in items:
        if "browser" in item.path.relative_to(item.config.rootpath).parts:
            item.add_marker(pytest.mark.slow)


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


@pytest.fixture(scope="session")
def ort_web(root):
    """The folder of onnxruntime-web."""
    return need_npm_package(root, "onnxruntime-web")


@pytest.fixture(scope="session")
def make(ort_web, tmp_path_factory):
    """make(bundle, *arguments): the page that the command line makes of it."""

    def make(bundle, *arguments):
        path = tmp_path_factory.mktemp("playground") / ("folder" if "--split" in arguments else "page.html")
        command = ["playground", bundle, "-o", path, "--ort-web", ort_web, *arguments]
        assert main([str(word) for word in command]) == 0
        return path

    return make


@pytest.fixture(scope="module")
def play(make, open_page):
    """play(bundle, *arguments, **options of the browser): its page, opened from disk."""

    def play(bundle, *arguments, **options):
        return PlaygroundTab(open_page(make(bundle, *arguments).as_uri(), **options)).wait()

    return play


@pytest.fixture(scope="session")
def bundles(request, style_bundle):
    """bundles(name): the bundle of a reference model, or of a style of the gallery."""

    @functools.cache
    def bundle(name):
        if name in ("dense", "conv"):
            return request.getfixturevalue(f"{name}_result").path
        return style_bundle(name, format="onnx")

    return bundle
