import pytest

from genlatent.report.html import Html, escaped, joined, tag, void
from genlatent.report.page import Section, cell, page, pairs, table
from tests.report.checking import Page, alone

NASTY = "<script>alert('1')</script> & \"quoted\""


def test_text_never_becomes_markup():
    for made in (tag("p", NASTY), tag("p", title=NASTY), joined(NASTY), escaped(NASTY)):
        assert "<script" not in made
        assert "&lt;script&gt;" in made
    assert tag("p", tag("b", "x")) == "<p><b>x</b></p>"
    assert isinstance(tag("p"), Html)


def test_attributes_are_written_and_left_out():
    assert tag("td", class_="wide", id=None) == '<td class="wide"></td>'
    assert void("meta", name="viewport") == '<meta name="viewport">'


def test_a_page_of_anything_is_whole_and_alone():
    body = joined(table([(NASTY, "b"), (NASTY, "1 failed")]), pairs([(NASTY, NASTY)]))
    read = alone(page(NASTY, NASTY, [Section(NASTY, body)]))
    assert NASTY in read.text
    assert read.titles == [NASTY]
    assert "viewport" in page("a", "", [])
    assert "prefers-color-scheme: dark" in page("a", "", [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-1.0 failed", '<td>-1.0 <span class="failed">failed</span></td>'),
        ("ok", '<td><span class="ok">ok</span></td>'),
        ("nothing failed here", "<td>nothing failed here</td>"),
    ],
)
def test_a_verdict_at_the_end_of_a_cell_stands_out(text, expected):
    assert cell(text) == expected


def test_columns_without_anything_are_left_out():
    assert "empty" not in table([("name", "empty"), ("a", "-"), ("b", "")])
    assert Page(table([("name",), ("a",)])).tags.count("tr") == 2
