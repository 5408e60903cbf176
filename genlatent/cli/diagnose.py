"""`genlatent diagnose`: whether a trained model's chains, codes and weights can be believed."""

from typing import Annotated

import typer

from genlatent.cli import options


def diagnose(
    run: options.Run,
    examples: options.Examples,
    chains: options.Chains,
    given: options.Given = None,
    temperature: options.Temperature = None,
    method: options.Method = None,
    annealing: Annotated[int, typer.Option(min=0, help="Steps of annealed runs to look at; 0 for none.")] = 200,
    rows: Annotated[int, typer.Option(min=2, help="Test rows to ask a latent-variable model about.")] = 200,
    samples: options.Samples = 500,
    representation: options.Representation = False,
    *,
    how: options.Common,
) -> None:
    """Look for what is wrong with the model of a RUN; write RUN/figures and RUN/diagnosis.json.

    Of an energy model: do its chains agree, does its ladder mix, do annealed runs overlap. Of a latent-variable model:
    which dimensions of the code are used, and how heavy the tails of its importance weights are. Of an autoencoder, and
    others with --representation: what its codes are worth.

    Example: genlatent diagnose runs/digits-rbm --chains 16 --draws 1000

    Example: genlatent diagnose runs/digits-vae --samples 1000
    """
    from genlatent.cli.diagnosing import Asked, Looked, diagnosed
    from genlatent.cli.opening import opened
    from genlatent.cli.terminal import Terminal

    job = opened(run, how.device, how.allow_import)
    terminal = Terminal(quiet=how.quiet, as_json=how.as_json)
    asked = Asked(temperature, method, rows, samples, annealing, how.seed, representation)
    found: Looked = diagnosed(job, chains, given or [], examples, asked, terminal)
    places = found.write(run, how.seed)
    found.show(terminal)
    terminal.say(f"-> {', '.join(str(place) for place in places)}")
    terminal.result({**found.plain(run, how.seed), "figures": [str(place) for place in places[1:]]})
