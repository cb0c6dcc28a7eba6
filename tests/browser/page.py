"""Pages in a browser that is cut off from the network."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

# What is served there never leaves the browser. Pages of this host may use WebCrypto and WebGPU.
ORIGIN = "http://localhost"
# The system's own table need not know them all, and browsers refuse scripts and streams of other types.
CONTENT_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
}
CALL_TIMEOUT = 60_000
# What a page shows after it was asked for.
ANSWER_TIMEOUT = 15_000

CALL = """([name, argument, timeout]) => Promise.race([
  window[name](argument),
  new Promise((_, reject) => setTimeout(() => reject(new Error(`${name}: no answer in ${timeout} ms`)), timeout)),
])"""


class Page:
    """One page, open; what goes wrong in it is an error at the next call.

    Files (file:) are open to it, of http only what is served here: every other request is refused and noted.

    Args:
        browser: Playwright's.
        url: where it is.
        served: path below `ORIGIN` -> file, or folder with all that is in it.
        options: for Playwright's new_context.

    Attributes:
        tab: Playwright's page; `check` after what is done through it.
        messages: what the page wrote to its console.
        requests: what it asked for, itself first.
    """

    def __init__(self, browser, url, served, **options):
        self._served = served
        self._problems = []
        self.messages = []
        self.requests = []
        self._context = browser.new_context(service_workers="block", **options)
        self._context.route("**/*", self._answer)
        self._context.route_web_socket("**/*", lambda socket: self._refuse(socket.url))
        self.tab = self._context.new_page()
        self.tab.set_default_timeout(ANSWER_TIMEOUT)
        self.tab.on("console", self._note)
        self.tab.on("pageerror", lambda error: self._problems.append(f"error: {error}"))
        self.tab.on("crash", lambda _: self._problems.append("the page crashed"))
        self.tab.goto(url)

    def call(self, name, argument=None):
        """What a function of the page returns, or the promise it returns."""
        try:
            return self.tab.evaluate(CALL, [name, argument, CALL_TIMEOUT])
        finally:
            self.check()

    def check(self):
        """Fail if anything has gone wrong since the last check."""
        problems, self._problems = self._problems, []
        assert not problems, "\n".join(problems)

    def close(self):
        """Close it, after a last check."""
        try:
            self.check()
        finally:
            self._context.close()

    def _answer(self, route):
        url = route.request.url
        self.requests.append(url)
        if urlsplit(url).scheme == "file":
            route.continue_()
        elif not url.startswith(f"{ORIGIN}/"):
            self._refuse(url)
            route.abort()
        elif file := self._file(unquote(urlsplit(url).path)):
            route.fulfill(path=file, content_type=CONTENT_TYPES.get(file.suffix, "application/octet-stream"))
        else:
            route.fulfill(status=404)

    def _file(self, path):
        for prefix, place in self._served.items():
            if path == prefix or path.startswith(f"{prefix}/"):
                file = place / path[len(prefix) :].lstrip("/")
                return file if file.is_file() else None
        return None

    def _refuse(self, url):
        self._problems.append(f"left for {url}")

    def _note(self, message):
        self.messages.append(message.text)
        if message.type == "error":
            self._problems.append(f"console: {message.text}")
