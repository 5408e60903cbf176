"""The demo from start to end, and the samples of its recipes before a judge who has seen real digits only."""

import csv
import json
import resource
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

pytestmark = pytest.mark.timeout(1800)  # for the first test of each kind, which waits for three demos

SEEDS = (0,)  # each costs a demo
DRAWS = 1000
SURE = 0.9

LEFT = {
    "chains.csv",
    "chains.png",
    "loss.png",
    "rbm",
    "rbm-samples.png",
    "real.png",
    "records.csv",
    "records.json",
    "vae",
    "vae-samples.png",
}


def genlatent(*arguments):
    command = [sys.executable, "cli.py", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=800)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def demos(tmp_path_factory):
    """One demo for each seed; the first one alone and its processor's time taken, which no neighbour changes."""
    place = tmp_path_factory.mktemp("demos")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = genlatent("demo", "--out", place / "0", "--seed", 0)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    for seed in SEEDS[1:]:
        genlatent("demo", "--out", place / str(seed), "--seed", seed, "-q")
    return SimpleNamespace(place=place, said=said, seconds=seconds)


def real():
    """Real digits in black and white, as the samples are shown, and what they are."""
    x, y = load_digits(return_X_y=True)
    return x >= 8, y


def classifier():
    return MLPClassifier((256, 256), max_iter=1000, random_state=0)


@pytest.fixture(scope="module")
def judge():
    """A classifier that has seen all real digits, and no other."""
    return classifier().fit(*real())


def drawn(demos, name, seed):
    place = demos.place / f"{name}-{seed}.npy"
    genlatent("sample", demos.place / str(seed) / name, "-n", DRAWS, "--seed", seed, "--out", place, "-q")
    return np.load(place).reshape(DRAWS, 64)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rbm", "vae"])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_judge_finds_all_ten_digits_and_is_sure_of_four_fifths(name, seed, demos, judge):
    p = judge.predict_proba(drawn(demos, name, seed))
    sure = p.max(1) > SURE
    assert set(p.argmax(1)[sure]) == set(range(10))
    assert sure.mean() >= 0.8


def test_the_judge_is_right_and_sure_about_real_digits_that_it_has_not_seen():
    x, y = real()
    p = classifier().fit(x[:1400], y[:1400]).predict_proba(x[1400:])
    assert (p.argmax(1) == y[1400:]).mean() > 0.85
    assert 0.8 < (p.max(1) > SURE).mean() < 0.99


def test_the_judge_is_not_sure_of_just_anything(judge):
    rates = real()[0].mean(0)
    for nonsense in (np.full(64, 0.4), rates):
        x = np.random.default_rng(0).random((1000, 64)) < nonsense
        assert (judge.predict_proba(x).max(1) > SURE).mean() < 0.7


@pytest.mark.slow
def test_the_demo_leaves_what_it_promises_and_says_so(demos):
    place = demos.place / "0"
    assert {path.name for path in place.iterdir()} == LEFT
    for name in (path for path in LEFT if path.endswith(".png")):
        assert Image.open(place / name).text["seed"] == "0"
        assert name in demos.said
    rows = list(csv.DictReader((place / "records.csv").read_text().splitlines()))
    assert {row["model"] for row in rows} == {"rbm", "vae"}
    assert {row["data"] for row in rows} == {"digits, threshold bits"}
    assert {"R-hat", "effective draws", "log-likelihood, lower bound"} <= {row["metric"] for row in rows}
    assert set(json.loads((place / "records.json").read_text())) == {"rbm", "vae"}
    assert "What to try next" in demos.said


@pytest.mark.slow
def test_the_demo_takes_less_than_three_minutes(demos):
    assert demos.seconds < 180


@pytest.mark.slow
def test_what_it_says_to_try_next_works(demos):
    tried = [line.strip() for line in demos.said.splitlines() if line.startswith("  genlatent sample")]
    assert len(tried) == 2
    for line in tried:
        verb, run, *rest = line.split()[1:]
        rest[rest.index("--out") + 1] = str(demos.place / "tried.png")
        genlatent(verb, run, *rest)


def test_a_folder_that_no_demo_wrote_is_left_alone(tmp_path, ask):
    (tmp_path / "thesis.tex").write_text("precious")
    said = ask("demo", "--out", tmp_path)
    assert said.code == 2
    assert "no demo wrote" in said.err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
