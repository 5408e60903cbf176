import subprocess
import sys

import arviz as az
import numpy as np
import pytest
import torch

from genlatent import RBM, ConditionalRBM, DeepBeliefNet, fit, load_data, save
from genlatent.energy.units import Gaussian
from genlatent.sampling.draws import Draws

SHORT = ["--chains", 3, "--draws", 40, "--burn-in", 5, "--thin", 2]


def test_the_command_line_writes_chains_that_arviz_opens(runs, tmp_path):
    launch = [sys.executable, "-c", "from genlatent.cli.main import run; run()"]
    length = ["--chains", "4", "--draws", "50", "--burn-in", "10", "--thin", "2"]
    rest = ["--temperature", "1.5", "--seed", "3", "--out", "chains.nc"]
    command = [*launch, "sample", str(runs / "digits-rbm"), *length, *rest]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = az.from_netcdf(str(tmp_path / "chains.nc"))
    assert found.posterior["x"].shape == (4, 50, 1, 8, 8)
    assert found.posterior["hidden"].shape == (4, 50, 12)
    assert float(az.rhat(found, var_names="energy")["energy"]) > 0.9
    kept = {name: found.attrs[name] for name in ("burn_in", "thin", "seed", "model", "temperature")}
    assert kept == {"burn_in": 10, "thin": 2, "seed": 3, "model": "RBM", "temperature": 1.5}
    assert [path.name for path in tmp_path.iterdir()] == ["chains.nc"]
    assert "R-hat" in done.stdout
    assert "verdict" in done.stdout


def chains(place):
    return az.from_netcdf(str(place)).posterior


def test_a_name_that_ends_in_nc_is_enough(runs, tmp_path, ask):
    said = ask("sample", runs / "digits-rbm", "--draws", 20, "--out", tmp_path / "x.nc", "--json")
    assert said.code == 0, said.err
    assert (said.json["chains"], said.json["draws"], said.json["burn_in"]) == (8, 20, 1000)
    assert [record["metric"] for record in said.json["records"]] == ["R-hat", "effective draws"]
    assert chains(tmp_path / "x.nc").sizes["draw"] == 20


def test_chains_without_a_name_go_to_chains_nc(runs, tmp_path, monkeypatch, ask):
    monkeypatch.chdir(tmp_path)
    assert ask("sample", runs / "digits-rbm", *SHORT).code == 0
    assert chains("chains.nc").sizes["chain"] == 3


def test_the_seed_decides_the_chains(runs, tmp_path, ask):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        ask("sample", runs / "digits-rbm", *SHORT, "--seed", seed, "--out", tmp_path / f"{name}.nc")
    a, b, c = (chains(tmp_path / f"{name}.nc")["x"].values for name in "abc")
    assert (a == b).all()
    assert (a != c).any()


@pytest.mark.parametrize("method", ["gibbs", "tempering", "tempered-transitions"])
def test_a_method_moves_the_chains(method, runs, tmp_path, ask):
    said = ask("sample", runs / "digits-rbm", *SHORT, "--method", method, "--out", tmp_path / "x.nc", "--json")
    assert said.code == 0, said.err
    assert said.json["method"] == az.from_netcdf(str(tmp_path / "x.nc")).attrs["method"] == method
    said = ask("sample", runs / "digits-rbm", "-n", 3, "--steps", 5, "--method", method, "--out", tmp_path / "x.npy")
    assert said.code == 0, said.err


def test_a_temperature_reaches_kept_chains(runs, tmp_path, ask):
    energies = {}
    for temperature in (1, 20):
        extra = [*SHORT, "--temperature", temperature, "--out", tmp_path / "x.nc"]
        assert ask("sample", runs / "digits-rbm", *extra).code == 0
        energies[temperature] = float(chains(tmp_path / "x.nc")["energy"].mean())
    assert energies[20] > energies[1] + 3


def half(shape=(1, 8, 8)):
    image = np.full((1, 8, 8), np.nan, dtype=np.float32)
    image[:, :4] = np.arange(32).reshape(1, 4, 8) % 2
    return image.reshape(shape)


@pytest.mark.parametrize("shape", [(1, 8, 8), (8, 8), (64,), (1, 64), (1, 1, 8, 8)])
def test_half_an_image_is_held_in_whatever_shape_it_comes(shape, runs, tmp_path, ask):
    np.save(tmp_path / "half.npy", half(shape))
    given = ["--given", f"x={tmp_path / 'half.npy'}"]
    said = ask("sample", runs / "digits-rbm", *SHORT, *given, "--out", tmp_path / "x.nc")
    assert said.code == 0, said.err
    x = chains(tmp_path / "x.nc")["x"].values
    assert (x[..., :4, :] == half()[:, :4]).all()
    assert x[..., 4:, :].std(axis=(0, 1)).max() > 0


def test_half_an_image_may_be_a_table(runs, tmp_path, ask):
    header = ",".join(f"x{i}" for i in range(64))
    cells = ",".join("" if np.isnan(value) else str(int(value)) for value in half().ravel())
    (tmp_path / "half.csv").write_text(f"{header}\n{cells}\n")
    given = ["--given", f"x={tmp_path / 'half.csv'}"]
    said = ask("sample", runs / "digits-rbm", "-n", 5, "--steps", 5, *given, "--out", tmp_path / "x.npy")
    assert said.code == 0, said.err
    assert (np.load(tmp_path / "x.npy")[:, :, :4] == half()[:, :4]).all()


def test_chains_with_rows_of_their_own_are_written_but_not_compared(runs, tmp_path, ask):
    np.save(tmp_path / "halves.npy", np.stack((half(), half(), np.nan * half())))
    given = ["--given", f"x={tmp_path / 'halves.npy'}", "--out", tmp_path / "x.nc"]
    said = ask("sample", runs / "digits-rbm", *SHORT, *given)
    assert said.code == 0, said.err
    assert "No diagnosis: every chain has a x of its own" in said.out
    assert chains(tmp_path / "x.nc").sizes["chain"] == 3


def test_standardised_columns_are_given_in_their_own_units(tmp_path, ask):
    table = tmp_path / "people.csv"
    rows = np.random.default_rng(0).normal((170, 70), (10, 8), size=(60, 2))
    table.write_text("height,weight\n" + "\n".join(f"{a:.3f},{b:.3f}" for a, b in rows) + "\n")
    fit(RBM(2, 3, Gaussian()), load_data(str(table), standardise=True), epochs=1, run=str(tmp_path / "run"))
    (tmp_path / "half.csv").write_text("height,weight\n200,\n")
    given = ["--given", f"x={tmp_path / 'half.csv'}", "--steps", 5, "-n", 4]
    said = ask("sample", tmp_path / "run", *given, "--out", tmp_path / "x.csv")
    assert said.code == 0, said.err
    header, *lines = (tmp_path / "x.csv").read_text().split()
    assert header == "height,weight"
    assert {round(float(line.split(",")[0]), 2) for line in lines} == {200.0}
    assert len({line.split(",")[1] for line in lines}) == 4


@pytest.mark.parametrize(
    ("run", "arguments", "reason"),
    [
        ("digits-vae", ["--chains", 3], "VAE is sampled without chains to keep"),
        ("digits-autoencoder", ["--out", "x.nc"], "Autoencoder is sampled without chains to keep"),
        ("digits-vae", ["--method", "gibbs"], "VAE is sampled without a method"),
        ("digits-rbm", ["--chains", 3, "-n", 5], "leave -n and --steps out"),
        ("digits-rbm", ["--chains", 3, "--out", "x.png"], "x.png: chains are written as .nc"),
        ("digits-rbm", ["--chains", 0], "--chains"),
        ("digits-rbm", ["--draws", 9, "--method", "magic"], "no method of sampling is called 'magic'"),
        ("digits-rbm", ["--draws", 9, "--temperature", 0], "temperature must be above 0"),
        ("digits-rbm", ["--draws", 9, "--given", "y=3"], "cannot be conditioned on 'y'"),
        ("digits-rbm", ["--draws", 9, "--given", "x=nowhere.csv"], "nowhere.csv: there is no such file"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_no_file(run, arguments, reason, runs, tmp_path, monkeypatch, ask):
    monkeypatch.chdir(tmp_path)
    said = ask("sample", runs / run, *arguments)
    assert said.code == 2
    assert reason in said.err
    assert said.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_deep_belief_net_has_no_chains_to_keep(tmp_path, ask):
    save(DeepBeliefNet(6, (4, 3)), tmp_path / "saved")
    said = ask("sample", tmp_path / "saved", "--chains", 3, "--out", tmp_path / "x.nc")
    assert (said.code, "DeepBeliefNet is sampled without chains" in said.err) == (2, True)


def test_chains_of_a_conditional_machine_are_compared_under_one_condition(tmp_path, ask):
    torch.manual_seed(0)
    save(ConditionalRBM(6, 4, condition=3), tmp_path / "saved")
    where = ["--out", tmp_path / "x.nc"]
    said = ask("sample", tmp_path / "saved", *SHORT, "--given", "y=1", "--temperature", 2, *where)
    assert said.code == 0, said.err
    assert "of the energy" in said.out
    assert "give one" in ask("sample", tmp_path / "saved", *SHORT, *where).err


def test_too_few_draws_are_written_without_a_verdict(runs, tmp_path, ask):
    said = ask("sample", runs / "digits-rbm", "--draws", 2, "--burn-in", 0, "--out", tmp_path / "x.nc", "--json")
    assert said.code == 0
    assert said.json["records"] == []
    assert "fewer than 4" in said.json["reason"]


def test_a_broken_place_leaves_nothing(tmp_path, runs, ask):
    (tmp_path / "file").write_text("in the way")
    said = ask("sample", runs / "digits-rbm", *SHORT, "--out", tmp_path / "file" / "x.nc")
    assert said.code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_attributes_of_chains_are_kept():
    data = Draws({"v": torch.zeros(2, 5)}).to_arviz(model="RBM")
    assert (data.attrs["model"], data.attrs["thin"]) == ("RBM", 1)
