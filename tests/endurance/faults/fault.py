"""One planted fault: a few words of the package that are changed, and the tests that ought to notice."""

from pathlib import Path
from typing import NamedTuple

PACKAGE = "genlatent"


class Fault(NamedTuple):
    """A change of one place of the package that makes it tell lies without stopping it."""

    name: str
    file: str  # in the package
    old: str  # occurs once in the file
    new: str
    tests: tuple[str, ...]  # by their ids, without the leading `tests/`

    @property
    def path(self) -> str:
        """The file from the root of the project."""
        return f"{PACKAGE}/{self.file}"

    def planted(self, root: Path) -> str:
        """The text of the file with the fault in it."""
        text = (root / self.path).read_text()
        if text.count(self.old) != 1:
            raise ValueError(f"{self.name}: {text.count(self.old)} times in {self.path}, not once: {self.old!r}")
        return text.replace(self.old, self.new)


class Verdict(NamedTuple):
    """What became of a fault."""

    name: str
    caught: str | None  # the test that failed with an assertion
    said: str  # the first line of that assertion, or of whatever else went wrong
    passed: int  # tests that noticed nothing
    seconds: float


def fault(name: str, file: str, old: str, new: str, *tests: str) -> Fault:
    """A fault as the tables write it."""
    return Fault(name, file, old, new, tests)
