"""Rows as the page shows and takes them."""

import base64

import numpy as np
import pytest
import torch

from genlatent import VAE, load_data
from genlatent.distributions.likelihoods import Bernoulli, Categorical, Gaussian
from genlatent.distributions.likelihoods.columns import Columns as ManyKinds
from genlatent.energy.rbm import RBM
from genlatent.energy.units import Spin
from genlatent.errors import DataError
from genlatent.explorer.subject import Subject, with_rows
from genlatent.explorer.views import nearest, view_of
from tests.explorer.conftest import Page

TABLE = "age,colour,smoker\n" + "".join(f"{20 + i % 50},{'red' if i % 3 else 'blue'},{i % 2}\n" for i in range(80))


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """A model of a table of three kinds of columns with gaps, in units of its own."""
    place = tmp_path_factory.mktemp("table") / "people.csv"
    place.write_text(TABLE + ",red,1\n20,,1\n")
    data = load_data(place, support={"colour": "categorical"}, missing=True, standardise=True)
    likelihood = ManyKinds([Gaussian("learned"), Categorical(2), Bernoulli()], [[0], [1], [2]])
    model = VAE(3, latent=2, likelihood=likelihood, missing=True)
    return with_rows(Subject("people", model, data.about()), data)


@pytest.fixture(scope="module")
def page(people):
    from genlatent.explorer.app import Explorer

    explorer = Explorer(people)
    yield Page(explorer)
    explorer.worker.close()


def test_a_table_is_shown_in_the_users_words(page):
    about = page.get("/api/about").json()
    columns = about["view"]["columns"]
    assert [column["name"] for column in columns] == ["age", "colour", "smoker"]
    assert columns[1]["texts"] == ["blue", "red"]
    assert columns[0]["low"] > 15
    assert columns[0]["high"] < 75
    drawn = page.post("/api/sample", {"number": 5}).json()
    assert {cells[1] for cells in drawn["cells"]} <= {"blue", "red"}
    assert all(0 <= share <= 1 for row in drawn["shares"] for share in row)


def test_what_is_filled_in_comes_back_as_it_was(page):
    found = page.post("/api/row", {"row": [33.0, 1.0, None]}).json()
    assert found["gaps"] == 1
    assert found["impute"]["rows"][0][:2] == [33.0, 1.0]
    assert found["impute"]["cells"][0][1] == "red"
    assert "noisy" not in found


def test_a_class_that_is_not_there_becomes_the_nearest(page):
    assert page.post("/api/row", {"row": [33.0, 7.0, 1.0]}).json()["known"]["cells"][0][1] == "red"


def test_codes_of_a_table(page):
    start = page.get("/api/about").json()["latent"]["start"]
    assert len(page.post("/api/decode", {"place": start}).json()["rows"][0]) == 3
    assert len(page.post("/api/plane", {"place": start, "size": 3}).json()["rows"]) == 9


def test_gaps_of_the_examples_stay_gaps(people):
    view = view_of(people, people.rows)
    gaps = people.rows.clone()
    gaps[0, 0] = torch.nan
    shown = view.show(gaps[:1])
    assert (shown["rows"][0][0], shown["cells"][0][0], shown["shares"][0][0]) == (None, "", 0.0)


def test_points_of_a_plane_are_told_as_such():
    data = load_data("two-moons")
    view = view_of(Subject("moons", VAE(2, latent=2, likelihood=Gaussian("learned")), data.about()), data.test)
    assert view.plain()["points"]


def test_spins_are_black_and_white():
    machine = RBM((1, 2, 2), 3, visible_units=Spin())
    view = view_of(Subject("spins", machine, {}), torch.ones(3, 1, 2, 2))
    assert view.plain()["two"]
    assert view.read([0.0, 1.0, 0.4, None])[0, 0].nan_to_num(9).tolist() == [[-1.0, 1.0], [-1.0, 9.0]]
    shown = view.show(torch.tensor([[[[-1.0, 1.0], [0.0, -1.0]]]]))
    assert list(base64.b64decode(shown["images"][0])) == [0, 255, 128, 0]


def test_colours_go_channel_after_channel():
    view = view_of(Subject("colours", VAE((3, 2, 2), latent=2), {}), torch.rand(5, 3, 2, 2))
    x = torch.linspace(0, 1, 12).reshape(1, 3, 2, 2)
    assert view.plain()["channels"] == 3
    pixels = np.frombuffer(base64.b64decode(view.show(x)["images"][0]), np.uint8)
    assert (pixels == np.round(np.linspace(0, 1, 12) * 255)).all()


def test_values_without_bounds_are_shown_in_the_range_of_the_data():
    rows = torch.randn(2000, 1, 2, 2) * 3
    view = view_of(Subject("grey", VAE((1, 2, 2), latent=2, likelihood=Gaussian()), {}), rows)
    back = view.read([0.0, 0.5, 1.0, 0.5])
    assert back[0, 0, 0, 0] == pytest.approx(float(rows.quantile(0.01)), abs=0.3)
    assert view.share(back).tolist()[0] == pytest.approx([0.0, 0.5, 1.0, 0.5], abs=1e-6)


def test_a_row_of_another_length_is_refused():
    view = view_of(Subject("few", VAE((1, 2, 2), latent=2), {}), torch.zeros(3, 1, 2, 2))
    with pytest.raises(DataError, match="4 values, got 5"):
        view.read([0.0] * 5)


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("binary", 0.6, 1.0),
        ("unit", 1.5, 1.0),
        ("open-unit", 0.0, 1e-4),
        ("levels:5", 0.3, 0.25),
        ("count", -2.0, 0.0),
        ("count", 2.4, 2.0),
        ("categorical:3", 8.0, 2.0),
        ("non-negative", -1.0, 0.0),
        ("real", -7.5, -7.5),
    ],
)
def test_values_are_moved_into_the_support(kind, given, expected):
    moved = nearest(torch.tensor([given, torch.nan]), kind)
    assert moved[0] == pytest.approx(expected)
    assert moved[1].isnan()
