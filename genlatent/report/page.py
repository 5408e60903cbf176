"""A page: its head, its style, its sections and tables."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from genlatent.evaluation.record import VERDICTS
from genlatent.report.html import Html, escaped, joined, tag, void

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1b1f24; --faint: #59636e; --line: #d5dbe1; --soft: #f4f6f8;
  --ok: #00694a; --doubtful: #8a5300; --failed: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171a; --ink: #e6e9ec; --faint: #a0a9b2; --line: #343b42;
  --soft: #1d2125; --ok: #5bd1a5; --doubtful: #f0b35a; --failed: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 68rem; padding: 1.5rem 1rem 4rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .5rem; padding-top: .6rem; border-top: 1px solid var(--line); }
p { margin: .4rem 0; max-width: 46rem; } .note, figcaption { color: var(--faint); font-size: .9rem; }
nav { display: flex; flex-wrap: wrap; gap: .2rem 1rem; margin: .8rem 0; font-size: .95rem; } a { color: inherit; }
pre { background: var(--soft); padding: .7rem; border-radius: 6px; white-space: pre-wrap; font-size: .8rem;
  margin: .5rem 0; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .88rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; overflow-wrap: normal; }
td { font-variant-numeric: tabular-nums; min-width: 5.5rem; overflow-wrap: normal; }
td.long { min-width: 16rem; }
table.facts td { overflow-wrap: anywhere; }
.wide :is(thead, tbody) :first-child:is(th, td) { position: sticky; left: 0;
  background: var(--paper); background-clip: padding-box; }
figure { margin: .6rem 0; } .beside { display: grid; gap: .6rem 1rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 18rem), 1fr)); align-items: start; }
h3 { font-size: 1rem; margin: 1rem 0 .2rem; }
.beside figure { margin: .3rem 0; }
img { display: block; max-width: 100%; height: auto; background: #fff; border-radius: 4px; }
.ok { color: var(--ok); } .doubtful { color: var(--doubtful); font-weight: 600; }
.failed { color: var(--failed); font-weight: 600; }
""".strip()


LONG = 60  # letters of a cell that should not become a tall one on a small screen


class Section(NamedTuple):
    """A heading and what stands below it."""

    title: str
    body: Html


def page(title: str, lead: Any, sections: Sequence[Section]) -> str:
    """The whole file."""
    links = (tag("a", section.title, href=f"#part-{number}") for number, section in enumerate(sections, 1))
    parts = (
        tag("section", tag("h2", section.title), section.body, id=f"part-{number}")
        for number, section in enumerate(sections, 1)
    )
    head = joined(
        void("meta", charset="utf-8"),
        void("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        tag("style", Html(STYLE)),
    )
    body = joined(tag("h1", title), lead, tag("nav", *links), tag("main", *parts))
    return f"<!doctype html>\n{tag('html', tag('head', head), tag('body', body), lang='en')}\n"


def table(rows: Sequence[Sequence[Any]]) -> Html:
    """Rows of text, the first one the header; columns that are empty throughout are left out, verdicts stand out."""
    kept = [i for i in range(len(rows[0])) if any(row[i] not in ("", "-") for row in rows[1:])]
    head = tag("tr", *(tag("th", rows[0][i], scope="col") for i in kept))
    lines = (tag("tr", *(cell(row[i]) for i in kept)) for row in rows[1:])
    return tag("div", tag("table", tag("thead", head), tag("tbody", *lines)), class_="wide")


def cell(text: Any) -> Html:
    """A cell whose last word, where that is a verdict, has its colour."""
    value, space, last = str(text).rpartition(" ")
    if isinstance(text, Html) or last not in VERDICTS:
        return tag("td", text, class_="long" if len(str(text)) > LONG else None)
    return tag("td", escaped(value + space), tag("span", last, class_=last))


def pairs(values: Sequence[tuple[str, Any]]) -> Html:
    """Names and values."""
    lines = (tag("tr", tag("th", name, scope="row"), tag("td", value)) for name, value in values)
    return tag("div", tag("table", tag("tbody", *lines), class_="facts"), class_="wide")


def note(text: str) -> Html:
    """A sentence in small print."""
    return tag("p", text, class_="note")
