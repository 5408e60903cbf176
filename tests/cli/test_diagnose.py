import json
import shutil

import pytest
from PIL import Image

from genlatent import RBM, save
from genlatent.evaluation.record import Record

SHORT = ["--chains", 3, "--draws", 40, "--burn-in", 5, "--thin", 1, "--annealing", 5]


@pytest.fixture
def run(runs, tmp_path, request):
    return shutil.copytree(runs / request.param, tmp_path / "run")


@pytest.mark.parametrize("run", ["digits-rbm"], indirect=True)
def test_chains_of_a_machine_are_judged_and_drawn(run, ask):
    said = ask("diagnose", run, *SHORT, "--seed", 4)
    assert said.code == 0, said.err
    for word in ("R-hat", "effective draws", "magnetisation hidden", "projections", "verdict", "figures/chains.png"):
        assert word in said.out
    assert {path.name for path in (run / "figures").iterdir()} == {"chains.png", "annealing.png"}
    assert Image.open(run / "figures" / "chains.png").text["seed"] == "4"
    kept = json.loads((run / "diagnosis.json").read_text())
    assert [Record.from_plain(values).metric for values in kept["records"]] == ["R-hat", "effective draws"]
    assert set(kept["variables"]) >= {"energy", "free_energy", "projections"}
    assert ask("diagnose", run, *SHORT, "--seed", 4, "--json").json["records"] == kept["records"]


@pytest.mark.parametrize("run", ["digits-rbm"], indirect=True)
def test_a_ladder_is_looked_at(run, ask):
    said = ask("diagnose", run, *SHORT, "--annealing", 0, "--method", "tempering", "--json")
    assert said.code == 0, said.err
    metrics = [values["metric"] for values in said.json["records"]]
    assert metrics == ["R-hat", "effective draws", "least swap rate", "round trips of a chain"]
    assert {path.name for path in (run / "figures").iterdir()} == {"chains.png", "ladder.png"}


@pytest.mark.parametrize("run", ["digits-vae"], indirect=True)
def test_codes_and_weights_of_a_latent_model(run, ask):
    said = ask("diagnose", run, "--samples", 30, "--rows", 20, "--json")
    assert said.code == 0, said.err
    records = {values["metric"]: values for values in said.json["records"]}
    assert list(records) == ["active units", "KL(q(z|x) || p(z))", "k-hat"]
    assert {values["rows"] for values in records.values()} == {20}
    assert {path.name for path in (run / "figures").iterdir()} == {"latents.png"}


@pytest.mark.parametrize(
    ("run", "wished"),
    [("digits-autoencoder", []), ("digits-vae", ["--representation", "--samples", 30, "--rows", 20])],
    indirect=["run"],
)
def test_codes_are_asked_what_they_are_worth(run, wished, ask):
    said = ask("diagnose", run, *wished, "--json")
    assert said.code == 0, said.err
    found = [values["metric"] for values in said.json["records"]]
    for words in ("accuracy, linear probe, 10 labels", "accuracy, nearest neighbours, 1000 labels"):
        assert words in found
    assert any(metric.startswith("intrinsic dimension") for metric in found)
    assert any(metric.startswith("distortion at") for metric in found)


@pytest.mark.parametrize("run", ["digits-vae"], indirect=True)
def test_options_of_chains_are_refused_without_chains(run, ask):
    for wrong in (["--method", "tempering"], ["--draws", 100], ["--burn-in", 0], ["--temperature", 2]):
        said = ask("diagnose", run, *wrong)
        assert (said.code, f"has no chains; leave {wrong[0]} out" in said.err) == (2, True)


def test_a_model_saved_without_a_recipe_is_watched_along_its_own_directions(tmp_path, ask):
    save(RBM(visible=(1, 4, 4), hidden=3), tmp_path / "saved")
    said = ask("diagnose", tmp_path / "saved", *SHORT, "--json")
    assert said.code == 0, said.err
    assert "projections" in said.json["variables"]


@pytest.mark.parametrize("run", ["digits-rbm"], indirect=True)
def test_too_few_draws_to_compare_are_refused_before_they_are_made(run, ask):
    said = ask("diagnose", run, "--draws", 3)
    assert (said.code, "--draws 3" in said.err) == (2, True)
