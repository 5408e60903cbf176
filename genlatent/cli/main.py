"""The command `genlatent`: which verbs there are, and how it ends. Nothing heavy is imported before a verb runs."""

import re
import sys
from collections.abc import Sequence

import typer

from genlatent.cli import (
    compare,
    data,
    decode,
    demo,
    denoise,
    diagnose,
    encode,
    evaluate,
    explore,
    impute,
    info,
    interpolate,
    models,
    recipes,
    reconstruct,
    report,
    reproduce,
    sample,
    score,
    train,
    traverse,
)
from genlatent.cli.bundles import spread
from genlatent.cli.places import placed
from genlatent.errors import DataError, GenlatentError

BAD_INPUT = 2
INTERRUPTED = 130
# What a refusal calls by the names of :func:`genlatent.data.load_data` is written with `data.` on this line.
OF_DATA = re.compile(r"(?<![\w.])(binarise|categories|columns|image_size|key|labels|missing|standardise|support)=")

app = typer.Typer(
    name="genlatent",
    help="Fit, sample and honestly score energy-based and latent-variable generative models.",
    epilog="Start with: genlatent demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
VERBS = (
    *(train.train, sample.sample, evaluate.evaluate, diagnose.diagnose, demo.demo, models.models, info.info),
    *(encode.encode, decode.decode, reconstruct.reconstruct, denoise.denoise, impute.impute),
    *(score.score, traverse.traverse, interpolate.interpolate, compare.compare, report.report, explore.explore),
    reproduce.reproduce,
)
for verb in VERBS:
    app.command()(placed(spread(verb)))
app.add_typer(data.app, name="data")
app.add_typer(recipes.app, name="recipes")


def run() -> None:
    """What the console script starts."""
    sys.exit(answer(sys.argv[1:]))


def answer(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; what the user can put right is one sentence on standard error."""
    try:
        return int(app(list(arguments), standalone_mode=False) or 0)
    except KeyboardInterrupt:
        return _said("interrupted", INTERRUPTED)
    except BrokenPipeError:  # the reader has gone, `genlatent models | head` for one
        sys.stdout = None
        return 0
    except (GenlatentError, OSError) as error:
        return _said(_sentence(error), BAD_INPUT)
    except Exception as error:
        if hasattr(error, "format_message"):  # an option or argument that the parser refuses
            return _said(error.format_message(), BAD_INPUT)  # pyright: ignore[reportAttributeAccessIssue]
        if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
            return _said("more memory is needed than there is; ask for fewer rows at once", BAD_INPUT)
        if type(error).__name__ == "Abort":
            return _said("interrupted", INTERRUPTED)
        raise


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}"
    sentence = " ".join(str(error).split())
    return OF_DATA.sub(r"data.\1=", sentence) if isinstance(error, DataError) else sentence


def _said(sentence: str, code: int) -> int:
    if sentence:
        print(f"genlatent: {sentence}", file=sys.stderr)
    return code
