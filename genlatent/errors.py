"""The exceptions that a user meets: one sentence each, saying what is wrong, where, and what to do."""


class GenlatentError(Exception):
    """Something the user can put right; the command line prints the sentence and exits with code 2."""


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
