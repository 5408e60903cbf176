"""What a report needs to know of a run."""

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from genlatent import storage
from genlatent.cli.judging import judge, known, read
from genlatent.cli.opening import RECIPE, Opened, data_of, recipe_of
from genlatent.cli.terminal import Terminal
from genlatent.report.subject import Subject
from genlatent.training.run import RunFolder, checkpoint_of, read_config

PACKAGES = ("torch", "pyro-ppl", "numpy", "arviz", "matplotlib")


def described(job: Opened, named: str | None, binarise: str, terminal: Terminal, **how: Any) -> Subject:
    """A run with its judgements, read or found, and the circumstances of its training."""
    data = data_of(job, named, binarise).to(job.device)
    plain = known(job, data, **how)
    if plain is None:
        terminal.say(f"Judging {job.path} on {data.title} ...")
        plain = judge(job, data, **how)
    history = RunFolder(job.path).read_metrics()
    name = job.path.resolve().name
    return Subject(name, job.model, data, history, read(plain), facts(job.path, history), how["seed"])


def facts(run: Path, history: list[dict[str, Any]]) -> dict[str, str]:
    """Command and environment of the training, as far as the run tells."""
    found: dict[str, str] = {}
    folder = checkpoint_of(run)
    config = read_config(folder)
    if (run / RECIPE).is_file():
        found["command"] = f"genlatent train {run / RECIPE}"
        recipe = recipe_of(run)
        found |= {"recipe": " ".join(recipe.describe.split()), "seed": str(recipe.seed)}
    if isinstance(config.get("step"), int):
        found["steps"] = f"{config['step']:,}"
    if history and "seconds" in history[-1]:
        found["duration"] = f"{history[-1]['seconds'] / 60:.1f} minutes"
    found["trained with"] = ", ".join([f"genlatent {config.get('genlatent')}", *environment(folder)])
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    found["report made with"] = f"python {platform.python_version()}, {packages}"
    return {name: text for name, text in found.items() if text}


def environment(folder: Path) -> list[str]:
    """What numbers depended on beside the settings."""
    place = folder / "trainer.json"
    if not place.is_file():
        return []
    found = storage.read_json(place)
    about = found.get("environment") if isinstance(found, dict) else None
    return [f"{name} {value}" for name, value in about.items()] if isinstance(about, dict) else []
