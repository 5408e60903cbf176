"""Same seed, same mode, same machine: same bits, in this process and in another; and a seed for every file of draws."""

import hashlib
import json
import os
import random
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from genlatent import evaluate, fit, registry
from genlatent.cli.sample import parameters
from genlatent.components import build
from genlatent.data.dataset import Dataset
from genlatent.data.sources import load_data
from genlatent.errors import Unsupported
from genlatent.model import Model
from genlatent.training.checkpoint import weights
from tests.endurance import records
from tests.test_models import EXAMPLES, gappy, labels

COMMAND = "pytest tests/endurance/test_determinism.py -m campaign"
NAMES = list(registry.KINDS["model"])
COMPILED = ("autoencoder", "vae", "rbm")  # one of each family: a compilation takes long
JUDGED = ("vae", "rbm", "vq-vae", "conditional-vae", "autoencoder")  # in an ordinary run; all of them in the campaign


def few() -> Dataset:
    """Forty rows of digits to learn from, binarised anew whenever they are seen, and six to judge on."""
    data = load_data("digits", binarise="dynamic")
    parts = {"train": data.train[:40], "valid": data.valid[:6], "test": data.test[:6]}
    known = (part[: len(rows)] for part, rows in zip(data.labels, parts.values(), strict=True))
    return replace(data, **parts, labels=type(data.labels)(*known))


def disturb(seed: int) -> None:
    """Move every random state that is not ours."""
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002  (the state that everybody shares)
    random.seed(seed)
    torch.rand(seed % 7 + 1)


def made(name: str) -> Model:
    """A model whose first weights are the same whenever it is made."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return build(EXAMPLES[name], "model")


def stream(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def digest(*parts) -> str:
    """The bits of tensors and the text of everything else, in short."""
    found = hashlib.blake2b(digest_size=12)
    for part in parts:
        bits = isinstance(part, torch.Tensor)
        found.update(part.detach().contiguous().numpy().tobytes() if bits else repr(part).encode())
    return found.hexdigest()


def short(model: Model, verb: str, **how: int) -> dict[str, int]:
    """What a verb takes of these."""
    known = parameters(model, verb)
    return {name: value for name, value in how.items() if name in known}


def answers(model: Model, data: Dataset, judged: bool) -> dict[str, str]:
    """What every verb answers with a generator of its own; chains are short ones."""
    x, told = data.test, labels(model, data.test)
    held = {"given": {"y": told["y"][:1]}} if model.conditional else {}
    brief = short(model, "impute", draws=4, burn_in=4, num_samples=4)
    verbs = {
        "sample": lambda: model.sample(3, generator=stream(), **short(model, "sample", steps=5)),
        "trace": lambda: model.trace(5, chains=2, burn_in=2, generator=stream(), **held)["x"],
        "encode": lambda: model.encode(x, **told),
        "reconstruct": lambda: model.reconstruct(x, **told),
        "score": lambda: model.score(x, generator=stream(), **told),
        "impute": lambda: model.impute(gappy(x), generator=stream(), **told, **brief),
        "evaluate": lambda: evaluate(model, data, samples=4, seed=5, effort=(4, 4)),
    }
    found = {}
    for verb, ask in verbs.items():
        if not (judged if verb == "evaluate" else hasattr(model, verb)):
            continue
        try:
            answer = ask()
        except Unsupported:
            continue
        found[verb] = digest(torch.as_tensor(answer) if verb != "evaluate" else answer)
    return found


def everything(name: str, mode: str, judged: bool = True) -> dict[str, str]:
    """A short training and every verb, in digests."""
    model, data = made(name), few()
    history = fit(model, data, steps=3, batch_size=16, seed=7, mode=mode)
    losses = [{name: value for name, value in row.items() if name != "seconds"} for row in history.rows]
    return {"fit": digest(*weights(model).values(), losses), **answers(model, data, judged)}


@pytest.mark.parametrize("name", NAMES)
def test_the_same_bits_whatever_ran_before(name):
    disturb(11)
    first = everything(name, "eager", name in JUDGED)
    disturb(23)
    made("vae").sample(2)
    assert everything(name, "eager", name in JUDGED) == first
    assert len(first) >= 4


@pytest.mark.parametrize("name", JUDGED)
def test_another_seed_other_bits(name):
    """Else equal bits would say nothing: what is drawn does depend on the seed."""
    model, data = made(name), few()
    fit(model, data, steps=2, batch_size=16, seed=7, mode="eager")
    other = made(name)
    fit(other, data, steps=2, batch_size=16, seed=8, mode="eager")
    assert digest(*weights(model).values()) != digest(*weights(other).values())


def test_the_same_bits_traced():
    first = everything("rbm", "traced", judged=False)
    disturb(5)
    assert everything("rbm", "traced", judged=False) == first


def shared() -> list:
    """The random states that everybody shares, but Python's own, by which the checker of annotations draws."""
    numbers = np.random.get_state()  # noqa: NPY002
    return [torch.get_rng_state().tolist(), numbers[1].tolist(), numbers[2:]]


@pytest.mark.parametrize("name", ["vae", "factor-vae"])
def test_the_shared_random_states_stay(name):
    disturb(3)
    model, data = made(name), few()
    before = shared()
    fit(model, data, steps=2, mode="eager")
    answers(model, data, judged=name in JUDGED)
    assert shared() == before


def elsewhere(names, hashing: str) -> dict[str, dict[str, str]]:
    """The same digests found by a new process, whose texts and sets hash otherwise."""
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONHASHSEED": hashing, "PYTHONPATH": str(root)}
    line = [sys.executable, "-m", "tests.endurance.test_determinism", str(torch.get_num_threads()), *names]
    done = subprocess.run(line, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_the_same_bits_in_another_process():
    names = ("rbm", "vae")
    assert elsewhere(names, "17") == {name: everything(name, "eager") for name in names}


@pytest.mark.campaign
@pytest.mark.timeout(7200)
def test_the_same_bits_of_every_model_in_every_mode():
    """With all verbs and the judgement in this process and in another; traced and compiled twice in this one."""
    start, there, digests = time.monotonic(), elsewhere(NAMES, "17"), 0
    for name in NAMES:
        here = everything(name, "eager")
        assert here == there[name], name
        digests += len(here)
        for mode in ("traced", "compiled") if name in COMPILED else ("traced",):
            first = everything(name, mode, judged=False)
            disturb(5)
            assert everything(name, mode, judged=False) == first, (name, mode)
            digests += len(first)
    found = {"models_in_two_processes": len(NAMES), "traced_twice": len(NAMES), "compiled_twice": len(COMPILED)}
    found |= {"answers_equal_to_the_last_bit": digests, "differing": 0}
    records.keep("determinism", COMMAND, (time.monotonic() - start) / 60, **found)


if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[1]))
    disturb(99)
    print(json.dumps({name: everything(name, "eager") for name in sys.argv[2:]}))
