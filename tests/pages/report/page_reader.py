"""What is in a page, for those who cannot look at it."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "link", "source", "img", "br", "input"}
INLINE = {"a", "b", "code", "span"}


class PageReader(HTMLParser):
    """Reads a page, and fails if its elements are not closed in their order.

    Attributes:
        elements: (tag, attributes) in their order.
        text: all of the body.
    """

    def __init__(self, html):
        super().__init__()
        self.elements, self._open, self._text = [], [], []
        self.feed(html)
        self.close()
        assert self._open == []
        self.text = " ".join("".join(self._text).split())

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag
        if tag not in INLINE:
            self._text.append(" ")

    def handle_data(self, data):
        if not {"style", "title"} & set(self._open):
            self._text.append(data)

    def of(self, *tags):
        """Attributes of all elements of these tags."""
        return [attributes for tag, attributes in self.elements if tag in tags]

    def levels(self):
        """Of the headings."""
        return [int(tag[1]) for tag, _ in self.elements if tag in {"h1", "h2", "h3", "h4", "h5", "h6"}]
