import csv
import json

import pytest
import torch
from scipy.stats import binom

from genlatent import RBM, VAE, Autoencoder, ConditionalVAE, Dataset, load_data
from genlatent.distributions.likelihoods import ContinuousBernoulli
from genlatent.distributions.reconstructions import CrossEntropy
from genlatent.errors import DataError, RecipeError
from genlatent.evaluation.comparison import Comparison, compare
from genlatent.evaluation.differences import turned
from genlatent.evaluation.entry import Entry, entry, in_bits
from genlatent.evaluation.record import Record
from genlatent.evaluation.row_scores import RowScores
from tests.machines import rbm, skewed

QUICK = {"samples": 30, "effort": (20, 30)}


@pytest.fixture(scope="module")
def digits(device):
    return load_data("digits", binarise="threshold").to(device)


@pytest.fixture(scope="module")
def grey(device):
    return load_data("digits").to(device)


@pytest.fixture(scope="module")
def found(digits, device):
    torch.manual_seed(0)
    models = {
        "plain": Autoencoder((1, 8, 8), latent=2),
        "vae": VAE((1, 8, 8), latent=2),
        "rbm": RBM((1, 8, 8), hidden=10),
    }
    return compare({name: model.to(device) for name, model in models.items()}, digits, minutes={"rbm": 2.0}, **QUICK)


def listed(machine):
    """All states of the data layer, and the log-probability of each."""
    states = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 6)
    return states, machine.log_prob(states).detach()


def entries_of(x, **machines):
    """Exact machines judged on the same rows."""
    data = Dataset(x, x[:2], x, shape=torch.Size([6]), support="binary", name="drawn")
    found = []
    for name, machine in machines.items():
        values = machine.log_prob(x).detach()
        record = Record("log-likelihood", float(values.mean()), "exact", unit="nats", rows=len(x), data=data.title)
        found.append(Entry(name, "RBM", "energy", (record,), {"log-likelihood": RowScores(values)}, data.fingerprint))
    return tuple(found)


def test_the_interval_of_a_paired_difference_covers_the_known_one_in_nineteen_of_twenty():
    one, other = rbm(6, 3), skewed(RBM(6, 4), 0.5, seed=3)
    states, log_p = listed(one)
    p = log_p.exp()
    truth = float((p * (log_p - listed(other)[1])).sum())
    covered, tries = 0, 300
    for _ in range(tries):
        x = states[torch.multinomial(p, 200, replacement=True)]
        (difference,) = Comparison(entries_of(x, one=one, other=other)).differences
        low, high = difference.record.interval
        covered += low <= truth <= high
    assert binom.ppf(1e-4, tries, 0.93) <= covered <= binom.ppf(1 - 1e-4, tries, 0.97)


def test_the_difference_is_that_of_the_rows_and_turns_around():
    x = torch.tensor([[0.0, 1, 0, 1, 1, 0], [1, 1, 0, 0, 1, 0], [0, 0, 0, 1, 1, 1]])
    one, other = rbm(6, 3), skewed(RBM(6, 4), 0.5, seed=3)
    (difference,) = Comparison(entries_of(x, one=one, other=other)).differences
    expected = float((one.log_prob(x) - other.log_prob(x)).detach().mean())
    assert difference.record.value == pytest.approx(expected, rel=1e-9)
    back = turned(difference)
    assert (back.first, back.second, back.record.value) == ("other", "one", pytest.approx(-expected))
    assert back.record.interval == (-difference.record.interval[1], -difference.record.interval[0])
    assert turned(back) == difference


def test_what_is_slow_is_asked_of_the_models_that_have_it(digits, device):
    models = {"rbm": RBM((1, 8, 8), hidden=4), "plain": Autoencoder((1, 8, 8), latent=2)}
    found = compare({name: one.to(device) for name, one in models.items()}, digits, also=("guide", "quality"), **QUICK)
    kinds = {name: {record.metric for record in one.records} for name, one in zip(models, found.entries)}
    assert "Frechet distance" in kinds["rbm"]
    assert not kinds["plain"] & {"Frechet distance", "calibration"}
    with pytest.raises(RecipeError, match="nothing is called 'beauty'"):
        compare({"plain": models["plain"]}, digits, also=("beauty",))


def test_every_family_stands_in_one_table(found):
    header, *rows = found.table()
    assert header[:4] == (
        "model",
        "log-likelihood, nats",
        "bits per dimension",
        "reconstruction error, squared units",
    )
    assert header[-3:] == ("class", "parameters", "minutes")
    assert [row[0] for row in rows] == ["plain", "vae", "rbm"]
    by_name = {row[0]: dict(zip(header, row)) for row in rows}
    assert by_name["vae"]["log-likelihood, nats"].startswith("≥ ")
    assert by_name["vae"]["bits per dimension"].startswith("≤ ")
    assert not by_name["rbm"]["log-likelihood, nats"].startswith("≥")
    assert by_name["rbm"]["minutes"] == "2.0"
    assert by_name["rbm"]["parameters"] == f"{64 * 10 + 64 + 10}"


def test_an_autoencoder_is_judged_by_reconstruction_only(found):
    header, *rows = found.table()
    (line,) = [row for row in rows if row[0] == "plain"]
    assert line[header.index("log-likelihood, nats")] == "none, reconstruction only"
    assert any("plain: an autoencoder has no likelihood" in text for text in found.notes())
    assert {d.second for d in found.differences if d.column.kind == "log-likelihood"} == {"rbm"}


def test_cross_entropy_on_grey_pixels_is_never_called_nats(grey, device):
    models = {"coded": Autoencoder((1, 8, 8), latent=2, loss=CrossEntropy()), "other": Autoencoder((1, 8, 8), latent=2)}
    found = compare({name: model.to(device) for name, model in models.items()}, grey)
    assert "nats" not in found.csv()
    assert {column.kind for column in found.cells} == {"reconstruction error"}


def test_differences_are_told_from_the_best_of_each_column(found):
    best = {(d.column.kind, d.first) for d in found.against_best()}
    for kind, name in best:
        cells = next(cells for column, cells in found.cells.items() if column.kind == kind)
        values = {one: record.value for one, record in cells.items()}
        assert values[name] == (max if kind == "log-likelihood" else min)(values.values())


def test_two_binarisations_never_share_a_column(digits, grey, device):
    models = {"bits": Autoencoder((1, 8, 8), latent=2).to(device), "grey": Autoencoder((1, 8, 8), latent=2).to(device)}
    found = compare(models, {"bits": digits, "grey": grey})
    assert {column.data for column in found.cells} == {"digits, threshold bits", "digits, grey"}
    assert all(len(cells) == 1 for cells in found.cells.values())
    assert found.differences == []
    header = found.table()[0]
    assert "reconstruction error, squared units: digits, grey" in header


def test_different_rows_under_one_title_are_refused(digits, device):
    rows = [digits.test[:40].cpu(), digits.test[40:80].cpu()]
    data = {
        name: Dataset(x, x[:3], x, shape=digits.shape, support="binary", name="mine").to(device)
        for name, x in zip(("one", "other"), rows)
    }
    models = {name: RBM((1, 8, 8), hidden=3).to(device) for name in data}
    with pytest.raises(DataError, match="one and other were judged on different rows that are both called 'mine'"):
        compare(models, data, **QUICK)


def test_densities_and_likelihoods_given_labels_have_columns_of_their_own(digits, grey, device):
    told = ConditionalVAE((1, 8, 8), condition=10, latent=2).to(device)
    free, dense = VAE((1, 8, 8), latent=2), VAE((1, 8, 8), latent=2, likelihood=ContinuousBernoulli())
    models = {"told": told, "free": free.to(device), "dense": dense.to(device)}
    found = compare(models, {"told": digits, "free": digits, "dense": grey}, **QUICK)
    heads = {
        name: column.head for column, cells in found.cells.items() if column.kind == "log-likelihood" for name in cells
    }
    assert heads == {
        "told": "log-likelihood (given labels), nats",
        "free": "log-likelihood, nats",
        "dense": "log-likelihood (density), nats",
    }
    assert [d for d in found.differences if d.column.kind == "log-likelihood"] == []
    assert all("dense" not in cells for column, cells in found.cells.items() if column.kind == "bits per dimension")


@pytest.mark.parametrize("verdict", ["doubtful", "failed"])
def test_numbers_that_cannot_be_believed_are_marked_and_taint_their_differences(verdict):
    x = (torch.rand(30, 6) < 0.5).float()
    good, bad = entries_of(x, good=rbm(6, 3), bad=skewed(RBM(6, 4), 0.5, seed=3))
    record = Record.from_plain(bad.records[0].plain() | {"verdict": verdict, "reason": "so it is"})
    found = Comparison((good, Entry("bad", "RBM", "energy", (record,), bad.rows, bad.fingerprint)))
    _, *rows = found.table()
    assert [row[1].endswith(f" {verdict}") for row in rows] == [False, True]
    assert f"bad, log-likelihood: {verdict}, so it is" in found.notes()
    (difference,) = found.differences
    assert difference.record.verdict == verdict
    assert f"bad is {verdict}" in difference.record.reason


def test_what_a_bound_leaves_open_is_said_from_either_side():
    x = (torch.rand(30, 6) < 0.5).float()
    bound, exact = entries_of(x, bound=rbm(6, 3), exact=skewed(RBM(6, 4), 0.5, seed=3))
    record = Record.from_plain(bound.records[0].plain() | {"metric": "log-likelihood, lower bound"})
    found = Comparison((Entry("bound", "VAE", "latent", (record,), bound.rows, bound.fingerprint), exact))
    (difference,) = found.differences
    assert "at least this" in difference.record.reason
    assert "at most this" in turned(difference).record.reason


def test_bits_are_nats_of_each_value_in_another_unit():
    quoted = Record("log-likelihood", -6.9314718, "exact", unit="nats", interval=(-13.8629436, -3.4657359))
    record = in_bits(quoted, 10)
    assert (record.metric, record.unit) == ("bits per dimension", "bits")
    assert record.value == pytest.approx(1.0)
    assert record.interval == (pytest.approx(0.5), pytest.approx(2.0))


def test_records_that_are_known_are_not_found_again(digits, device):
    model = RBM((1, 8, 8), hidden=10).to(device)
    known = entry("rbm", model, digits, **QUICK)
    again = entry("rbm", model, digits, known.records, **QUICK)
    assert again.records == known.records
    assert bool((again.rows["log-likelihood"].values == known.rows["log-likelihood"].values).all())


def test_the_table_travels_as_csv_and_json(found):
    rows = list(csv.DictReader(found.csv().splitlines()))
    assert [row["model"] for row in rows] == ["plain", "vae", "rbm"]
    name = "log-likelihood, nats: digits, threshold bits, value"
    assert rows[0][name] == ""
    plain = json.loads(json.dumps(found.plain()))
    quoted = [Record.from_plain(one) for one in plain["models"]["rbm"]["records"]]
    assert float(rows[2][name]) == quoted[0].value
    assert len(plain["differences"]) == len(found.differences) == 4


def test_two_models_of_one_name_are_refused():
    one = Entry("rbm", "RBM", "energy", ())
    with pytest.raises(RecipeError, match="two models are called 'rbm'"):
        Comparison((one, one))


def test_a_comparison_is_read_as_a_table_and_shown_as_one():
    digits = load_data("digits", binarise="threshold")
    found = compare({"small": RBM(64, 2), "<large>": RBM(64, 3)}, digits)
    text = str(found)
    assert text.splitlines()[0].startswith("model    ")
    assert "<large>  " in text
    html = found._repr_html_()
    assert html.count("<table>") == 2
    assert "&lt;large&gt;" in html
