"""`genlatent diagnose`: whether a trained model's chains, codes and weights can be believed."""

from typing import Annotated

import typer

from genlatent.cli import options


def diagnose(
    run: options.Run,
    data: Annotated[
        str | None, typer.Option(help="A data set or file to ask about; what the run was trained on unless given.")
    ] = None,
    binarise: Annotated[str, typer.Option(help="Of the data that --data names: none, threshold, static, ...")] = "none",
    chains: Annotated[int, typer.Option(min=1, help="Of an energy model: how many chains.")] = 8,
    draws: Annotated[int, typer.Option(min=4, help="Of each chain, or importance samples of each row.")] = 500,
    burn_in: Annotated[int, typer.Option(min=0, help="Steps of a chain before the first draw.")] = 1000,
    thin: Annotated[int, typer.Option(min=1, help="Steps from one draw to the next.")] = 10,
    given: Annotated[
        list[str] | None, typer.Option(help="What the chains hold fixed, as for `sample`.", metavar="K=V")
    ] = None,
    temperature: Annotated[float, typer.Option(help="Of the chains; 1 is the model itself.")] = 1.0,
    method: options.Method = None,
    annealing: Annotated[int, typer.Option(min=0, help="Steps of annealed runs to look at; 0 for none.")] = 200,
    rows: Annotated[int, typer.Option(min=2, help="Test rows to ask a latent-variable model about.")] = 200,
    representation: Annotated[
        bool, typer.Option("--representation", help="Of codes: probes by labels shown, dimension, compression.")
    ] = False,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    allow_import: options.AllowImport = None,
) -> None:
    """Look for what is wrong with the model of a RUN; write RUN/figures and RUN/diagnosis.json.

    Of an energy model: do its chains agree, does its ladder mix, do annealed runs overlap. Of a latent-variable model:
    which dimensions of the code are used, and how heavy the tails of its importance weights are. Of an autoencoder, and
    others with --representation: what its codes are worth.

    Example: genlatent diagnose runs/digits-rbm --chains 16 --draws 1000
    """
    from genlatent import storage
    from genlatent.cli.diagnosing import Length, Looked, look
    from genlatent.cli.given import read_given
    from genlatent.cli.opening import opened
    from genlatent.cli.terminal import Terminal

    job = opened(run, device, allow_import)
    terminal = Terminal(quiet=quiet, as_json=as_json)
    held = job.model.refuse_unknown(read_given(given or [], job.device, job.about))
    length = Length(chains, draws, burn_in, thin)
    asked = {"data": data, "binarise": binarise, "rows": rows, "annealing": annealing, "seed": seed}
    asked["representation"] = representation
    found: Looked = look(job, length, held, terminal, temperature=temperature, method=method, **asked)
    home = run if run.is_dir() else run.parent
    plain = {"run": str(run), "seed": seed, **found.plain()}
    storage.write_json(home / "diagnosis.json", plain)
    figures = found.save(home / "figures", note={"seed": str(seed)})
    found.show(terminal)
    terminal.say(f"-> {', '.join(str(place) for place in (home / 'diagnosis.json', *figures))}")
    terminal.result({**plain, "figures": [str(place) for place in figures]})
