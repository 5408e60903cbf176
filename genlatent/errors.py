"""The exceptions that a user meets: one sentence each, saying what is wrong, where, and what to do."""

LONGEST = 2000  # characters of a sentence, whatever a file held that is quoted in it
ENDING = 400  # of them at the end, where it says what to do


def one_line(text: str) -> str:
    r"""A text on one line of bearable length, with nothing in it that a terminal would obey.

    >>> one_line("no column is called 'a\nb\x1b[31m'")
    "no column is called 'a b\\x1b[31m'"
    """
    if len(text) > LONGEST:
        text = f"{text[: LONGEST - ENDING]} ... {text[-ENDING:]}"
    text = " ".join(text.split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class GenlatentError(Exception):
    """Something the user can put right; the command line prints the sentence and exits with code 2."""

    def __str__(self) -> str:
        return one_line(super().__str__())


class DataError(GenlatentError, ValueError):
    """Data that a model, a support or a reader refuses."""


class RecipeError(GenlatentError, ValueError):
    """A recipe, a name or an argument that does not fit."""


class RunError(GenlatentError):
    """A run folder that cannot be read, written or continued."""


class Diverged(GenlatentError, ArithmeticError):
    """A number that is no longer finite; training stopped before it was saved."""


class Unsupported(GenlatentError, NotImplementedError):
    """A verb that this model does not answer."""
