"""The README's table of reproduced figures; `python -m benchmarks.records` makes it anew from the records."""

from pathlib import Path

from genlatent.reproduce import table

RECORDS = Path(__file__).parent / "results" / "records"
RUNS = Path(__file__).parent / "results" / "runs"  # of what is not finished
PAGE = Path(__file__).parents[1] / "README.md"
START, END = "<!-- records -->", "<!-- end of records -->"


def shown() -> str:
    """The page with the table as it should be."""
    before, rest = PAGE.read_text(encoding="utf-8").split(START)
    made = table.markdown(table.listed(table.records(RECORDS)))
    return f"{before}{START}\n{made}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    PAGE.write_text(shown(), encoding="utf-8")
