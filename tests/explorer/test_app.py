"""The questions of the page to models of many families, and what they answer."""

import base64
import time

import numpy as np
import pytest
import torch

from genlatent import load_data
from genlatent.components import build
from genlatent.evaluation.collapse import active_records
from genlatent.explorer.app import Explorer
from tests.explorer import subjects
from tests.explorer.conftest import Page, explorer_of
from tests.test_models import EXAMPLES

FAMILIES = ["vae", "conditional-vae", "semi-supervised-vae", "stacked-vae", "ladder-vae", "vq-vae", "autoencoder"]
MACHINES = ["rbm", "dbm", "boltzmann-machine", "classification-rbm", "conditional-rbm", "neural-energy", "joint-energy"]
OTHERS = ["dbn", "sparse-coding", "fine-tune", "generative-autoencoder"]


def images(answer, number=None):
    """The pixels of an answer, all of them from 0 to 255."""
    found = [np.frombuffer(base64.b64decode(text), np.uint8) for text in answer["images"]]
    assert all(len(pixels) == 64 for pixels in found)
    assert number is None or len(found) == number
    return np.stack(found)


@pytest.mark.parametrize("name", [*FAMILIES, *MACHINES, *OTHERS])
def test_every_model_answers_about_a_row(page, told, row, name):
    about, condition = told(name).about, told(name).condition
    answer = page(name).post("/api/row", {"row": row, "condition": condition})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["gaps"] == 32
    for verb in {"reconstruct", "denoise", "impute"} & set(about["verbs"]):
        images(found[verb], 1)
    if "impute" in about["verbs"]:
        known = np.array([value is not None for value in row])
        assert (images(found["impute"])[0][known] == 255 * np.array(row, dtype=float)[known]).all()
    if "predict_proba" in about["verbs"]:
        assert sum(found["classes"]) == pytest.approx(1, abs=1e-2)


@pytest.mark.parametrize("name", [*FAMILIES, "rbm", "dbm", *OTHERS])
def test_a_code_follows_its_place(page, told, name):
    asked = told(name)
    wish = {"place": asked.start, "condition": asked.condition}
    one = page(name).post("/api/decode", wish)
    assert one.status_code == 200, one.text
    images(one.json(), 1)
    plane = page(name).post("/api/plane", wish | {"first": 0, "second": 1, "size": 3}).json()
    images(plane, 9)


@pytest.mark.parametrize("name", ["vae", "rbm", "conditional-rbm"])
def test_a_code_that_was_encoded_decodes_to_the_reconstruction(page, told, name):
    condition = told(name).condition
    row = {"row": [float(i % 5 == 0) for i in range(64)], "condition": condition}
    found = page(name).post("/api/row", row).json()
    code = {"place": found["encode"]["place"], "origin": found["encode"]["origin"], "condition": condition}
    decoded = page(name).post("/api/decode", code).json()
    assert abs(images(decoded).astype(int) - images(found["reconstruct"])).max() <= 1


@pytest.mark.parametrize("name", [*FAMILIES[:5], *MACHINES, "dbn", "generative-autoencoder"])
def test_samples(page, name):
    answer = page(name).post("/api/sample", {"number": 3, "steps": 5, "seed": 4})
    images(answer.json(), 3)
    assert answer.json() == page(name).post("/api/sample", {"number": 3, "steps": 5, "seed": 4}).json()


@pytest.mark.parametrize("name", ["conditional-vae", "semi-supervised-vae", "classification-rbm", "conditional-rbm"])
def test_samples_of_a_class(page, name):
    wish = {"number": 2, "condition": [3], "steps": 5}
    images(page(name).post("/api/sample", wish).json(), 2)
    refused = page(name).post("/api/sample", wish | {"condition": [10]})
    assert (refused.status_code, "0 to 9" in refused.json()["error"]) == (422, True)


@pytest.mark.parametrize("name", ["vae", "conditional-vae", "semi-supervised-vae", "stacked-vae", "ladder-vae", "draw"])
def test_means_given_codes_are_what_draws_scatter_about(page, told, name):
    """Pixels of draws are black or white; over many of them their share of ink is that of the means."""
    assert told(name).about["sample"]["means"]
    condition = {"condition": [1]} if told(name).about["condition"]["classes"] else {}
    draws, means = [], []
    for seed in range(8):
        draws.append(images(page(name).post("/api/sample", {"number": 64, "seed": seed, **condition}).json(), 64))
        means.append(images(page(name).post("/api/sample", {"number": 64, "means": True, **condition}).json(), 64))
    assert set(np.unique(draws)) == {0, 255}
    assert len(np.unique(means)) > 2
    difference = np.mean(draws) / 255 - np.mean(means) / 255
    assert abs(difference) < 4 * 0.5 / np.sqrt(8 * 64 * 8)  # as if an image were eight pixels that know of each other


@pytest.mark.parametrize("name", ["conditional-vae", "semi-supervised-vae"])
def test_one_code_in_every_class(page, told, name):
    start = told(name).start
    found = images(page(name).post("/api/classes", {"place": start}).json(), 10)
    for label in (0, 7):
        one = images(page(name).post("/api/decode", {"place": start, "condition": [label]}).json())
        assert (found[label] == one[0]).all()
    assert page("vae").post("/api/classes", {"place": told("vae").start}).status_code == 422


def test_an_autoencoder_has_no_samples(page, told):
    assert told("autoencoder").about["sample"] is None
    refused = page("autoencoder").post("/api/sample", {})
    assert (refused.status_code, "no distribution" in refused.json()["error"]) == (422, True)


@pytest.mark.parametrize("name", MACHINES)
def test_chains_hold_what_is_painted(page, told, row, name):
    asked = told(name)
    for method in asked.about["chains"]["methods"]:
        wish = {"number": 3, "method": method, "given": row, "condition": asked.condition}
        started = page(name).post("/api/chains", wish).json()
        move = {"steps": 10, "given": row, "condition": asked.condition}
        moved = page(name).post(f"/api/chains/{started['session']}", move).json()
        held = np.array([value is not None for value in row])
        assert (images(moved, 3)[:, held] == 255 * np.array(row, dtype=float)[held]).all(), method
        assert moved["steps"] == moved["done"] > 0
        assert np.array(moved["energies"]).shape == (3, moved["done"])
        page(name).ask("DELETE", f"/api/chains/{started['session']}")


def test_chains_go_on_from_where_they_are_when_their_target_changes(page):
    rbm = page("rbm")
    session = rbm.post("/api/chains", {"number": 4}).json()["session"]
    before = rbm.post(f"/api/chains/{session}", {"steps": 5}).json()
    after = rbm.post(f"/api/chains/{session}", {"steps": 0, "temperature": 3.0}).json()
    assert (images(before) == images(after)).all()
    assert (before["watch"]["draws"], after["watch"]["draws"]) == (5, 0)
    freed = rbm.post(f"/api/chains/{session}", {"steps": 0, "given": [1.0] + [None] * 63}).json()
    assert (images(freed)[:, 0] == 255).all()
    assert (images(freed)[:, 1:] == images(after)[:, 1:]).all()


def test_the_energies_are_those_of_the_states(page):
    rbm = page("rbm")
    session = rbm.post("/api/chains", {"number": 4}).json()["session"]
    moved = rbm.post(f"/api/chains/{session}", {"steps": 3}).json()
    chains = rbm.explorer.sessions.get(session)
    energy = rbm.explorer.player.model.energy(chains._runner.state.layers)
    assert np.allclose(np.array(moved["energies"])[:, -1], energy.detach().numpy(), atol=2e-3)


def test_temperature_reaches_the_chains():
    """A cold machine is more often in its likelier states: the mean of its energy is lower."""
    page, found = Page(explorer_of("rbm")), {}
    with torch.no_grad():
        page.explorer.player.model.visible_bias.uniform_(-2, 2, generator=torch.Generator().manual_seed(0))
    for temperature in (0.2, 5.0):
        session = page.post("/api/chains", {"number": 36, "temperature": temperature}).json()["session"]
        moved = page.post(f"/api/chains/{session}", {"steps": 20, "temperature": temperature}).json()
        found[temperature] = np.array(moved["energies"])[:, -1].mean()
    assert found[0.2] < found[5.0] - 10
    page.explorer.worker.close()


def test_chains_of_independent_pixels_agree_after_a_while(page):
    """An untrained machine mixes at once."""
    rbm = page("rbm")
    session = rbm.post("/api/chains", {"number": 16}).json()["session"]
    for _ in range(60):
        moved = rbm.post(f"/api/chains/{session}", {"steps": 25}).json()
    assert moved["watch"]["seen"] < moved["watch"]["draws"] < moved["steps"] + 1
    assert 0.99 < moved["watch"]["rhat"] < 1.06
    assert moved["watch"]["ess"] > 1000


def test_examples_come_with_their_codes_and_classes(page):
    found = page("vae").get("/api/examples").json()
    assert len(found["images"]) == len(found["classes"]) == len(found["places"]) == 250
    assert set(found["classes"]) == set(range(10))
    assert page("conditional-vae").get("/api/examples").json()["conditions"][0] == [float(found["classes"][0])]


def test_a_model_without_its_data_is_played_with_all_the_same():
    explorer = explorer_of("rbm", rows=False)
    try:
        assert not explorer.about["examples"]
        assert explorer.about["latent"] is not None
        assert len(explorer.examples["images"]) == 64
    finally:
        explorer.worker.close()


def test_asking_moves_no_weight_and_no_random_number(page, told, row):
    vae = page("vae")
    before = {name: value.clone() for name, value in vae.explorer.player.model.state_dict().items()}
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    vae.post("/api/row", {"row": row})
    vae.post("/api/sample", {"number": 2})
    vae.post("/api/decode", {"place": told("vae").start})
    assert (torch.rand(3) == expected).all()
    assert all((before[name] == value).all() for name, value in vae.explorer.player.model.state_dict().items())


def test_loss_and_report_pages(page):
    assert page("vae").get("/api/history").json() == [{"epoch": 1, "loss": None}]
    answer = page("vae").get("/report/")
    assert (answer.text, "sandbox" in answer.headers["content-security-policy"]) == ("<p>report</p>", True)
    assert "loss.js" in page("vae").get("/loss.html").text


def test_an_answer_takes_no_longer_than_a_blink(page, told):
    wish = {"place": told("vae").start}
    page("vae").post("/api/decode", wish)
    begun = time.perf_counter()
    page("vae").post("/api/decode", wish)
    assert time.perf_counter() - begun < 0.5


@pytest.mark.parametrize("name", list(EXAMPLES))
def test_the_page_of_every_model_can_be_built(name):
    """What each registered model can do is found without an error, and something can be done with each."""
    from genlatent.explorer.capabilities import capabilities
    from genlatent.explorer.player import Player
    from genlatent.explorer.subject import Subject, with_rows

    torch.manual_seed(0)
    data = load_data("digits", binarise="threshold")
    subject = with_rows(Subject(name, build(EXAMPLES[name], "model"), data.about()), data)
    found = capabilities(Player(subject))
    assert found["view"]["kind"] == "image"
    assert found["verbs"]


def test_as_many_codes_are_used_as_an_evaluation_finds_active():
    subject = subjects.collapsed()
    page = Page(Explorer(subject))
    used = [axis["used"] for axis in page.get("/api/about").json()["latent"]["axes"]]
    (record,) = active_records(subject.model, subject.rows)
    assert used == [True, False, False]
    assert record.value == sum(used)
    page.explorer.worker.close()


def test_numbers_that_a_model_is_told_have_names_and_ranges():
    page = Page(Explorer(subjects.dials()))
    about = page.get("/api/about").json()["condition"]
    assert (about["classes"], about["required"]) == ([], True)
    assert [one["name"] for one in about["values"]] == ["light", "side"]
    assert all(one["low"] < one["start"] < one["high"] for one in about["values"])
    one, other = (page.post("/api/decode", {"place": [0.0, 0.0], "condition": [light, 0.0]}) for light in (0.1, 0.9))
    assert one.json()["images"] != other.json()["images"]
    assert page.post("/api/sample", {"number": 2, "condition": [0.5, 0.0]}).status_code == 200
    wrong = page.post("/api/sample", {"number": 2, "condition": [0.5]})
    assert (wrong.status_code, "has 2 values" in wrong.json()["error"]) == (422, True)
    page.explorer.worker.close()
