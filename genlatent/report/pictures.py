"""Figures inside the page itself."""

import base64
from typing import Any

from genlatent.plots.writing import png
from genlatent.report.html import Html, joined, tag, void


def picture(drawn: Any, text: str, caption: str = "") -> Html:
    """A figure as PNG in the page; equal figures give equal bytes.

    Args:
        drawn: the figure, or axes of it.
        text: what it shows, for those who do not see it.
        caption: below it.
    """
    address = f"data:image/png;base64,{base64.b64encode(png(drawn)).decode('ascii')}"
    image = void("img", src=address, alt=text)
    return tag("figure", joined(image, tag("figcaption", caption) if caption else None))
