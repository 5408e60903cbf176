"""Reads a page as a browser would, without one."""

import base64
import io
from html.parser import HTMLParser

from PIL import Image

VOID = ("meta", "img")
FETCHING = ("src", "href", "srcset", "data", "action", "poster", "background")


class Page(HTMLParser):
    """Tags in order; refuses what is not closed, and everything that a browser would fetch."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.images, self.words, self.titles = [], [], [], [], []
        self.feed(text)
        assert self.open == [], f"not closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        for name, value in attrs:
            if name in FETCHING:
                assert value.startswith(("data:image/png;base64,", "#")), f"{tag} {name}={value[:60]}"
        if tag == "img":
            given = dict(attrs)
            assert given["alt"]
            self.images.append(Image.open(io.BytesIO(base64.b64decode(given["src"].partition(",")[2]))))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)
        if self.open and self.open[-1] == "h2":
            self.titles.append(data)

    @property
    def text(self):
        return " ".join(self.words)


def alone(text):
    """The page, after making sure that it needs nothing beside itself."""
    page = Page(text)
    assert not {"script", "link", "iframe", "object", "embed", "base", "form"} & set(page.tags)
    for word in ("http:", "https:", "url(", "@import", "javascript:"):
        assert word not in text, word
    return page
