"""HTML without a template: what is not markup already is escaped, so that no text can become any."""

import html
from typing import Any


class Html(str):
    """Text that is markup, and is not escaped again."""


def escaped(text: Any) -> Html:
    """Text as markup that shows it.

    >>> escaped("a < b"), escaped(Html("<b>a</b>"))
    ('a &lt; b', '<b>a</b>')
    """
    return text if isinstance(text, Html) else Html(html.escape(str(text), quote=True))


def joined(*parts: Any) -> Html:
    """Parts after each other; `None` is nothing."""
    return Html("".join(escaped(part) for part in parts if part is not None))


def tag(name: str, /, *parts: Any, **attributes: Any) -> Html:
    """An element; an attribute `class_` is `class`, one that is `None` is left out.

    >>> tag("p", "1 < 2", class_="note")
    '<p class="note">1 &lt; 2</p>'
    """
    pairs = ((key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items() if value is not None)
    head = "".join(f' {key}="{escaped(value)}"' for key, value in pairs)
    return Html(f"<{name}{head}>{joined(*parts)}</{name}>")


def void(name: str, /, **attributes: Any) -> Html:
    """An element that holds nothing, such as an image."""
    return Html(tag(name, **attributes).removesuffix(f"</{name}>"))
