"""What goes wrong in a page is noticed, and nothing leaves the machine."""

from __future__ import annotations

import pytest

from tests.browser.page import ORIGIN

HTML = """<!doctype html><meta charset="utf-8"><title>Page</title><body><script>
window.run = (body) => Object.getPrototypeOf(async () => {}).constructor(body)();
</script>"""


@pytest.fixture(scope="module", params=["file", "http"])
def page(open_page, tmp_path_factory, request):
    """A page whose run(body) runs the body of a function."""
    file = tmp_path_factory.mktemp("page") / "page.html"
    file.write_text(HTML)
    return open_page(
        {"file": file.as_uri(), "http": f"{ORIGIN}/page.html"}[request.param], {"/page.html": file}
    )


def test_an_answer(page):
    logged = len(page.messages)
    assert page.call("run", "console.log('asked'); console.warn('with care'); return 42") == 42
    assert page.messages[logged:] == ["asked", "with care"]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("console.error('wrong')", "console: wrong"),
        (
            "setTimeout(() => nowhere()); await new Promise((done) => setTimeout(done))",
            "error: nowhere is not",
        ),
        ("await fetch('https://example.com/x').catch(() => {})", "left for https://example.com/x"),
        ("await fetch('http://localhost:8000/x').catch(() => {})", "left for http://localhost:8000/x"),
        (
            "await new Promise((onerror) => Object.assign(new Image(), { onerror, src: 'http://example.com/i.png' }))",
            "left for http://example.com/i.png",
        ),
        (
            "await new Promise((onopen) => Object.assign(new WebSocket('ws://example.com/'), { onopen }))",
            "left for ws://example.com/",
        ),
        ("await fetch('http://localhost/no').catch(() => {})", "404"),
    ],
    ids=["console", "exception", "fetch", "another port", "image", "socket", "not served"],
)
def test_problems_are_noticed(page, body, problem):
    with pytest.raises(AssertionError, match=problem):
        page.call("run", body)
    page.check()
