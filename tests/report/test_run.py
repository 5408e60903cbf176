from html import escape

import numpy as np
import pytest
import torch

from genlatent import RBM, VAE, VQVAE, Autoencoder, ConditionalVAE, Dataset, load_data
from genlatent.distributions.likelihoods import Gaussian
from genlatent.evaluation.evaluate import evaluate
from genlatent.evaluation.record import Record
from genlatent.report.run import run_report
from genlatent.report.subject import Subject
from tests.report.checking import alone

HISTORY = [{"epoch": i, "loss": 3 / i, "valid/loss": 4 / i} for i in range(1, 4)]
MODELS = {
    "autoencoder": lambda: Autoencoder((1, 8, 8), latent=2),
    "vae": lambda: VAE((1, 8, 8), latent=2),
    "vq-vae": lambda: VQVAE((1, 8, 8), codes=2, codebook=8, embedding=3),
    "told": lambda: ConditionalVAE((1, 8, 8), condition=10, latent=2),
    "rbm": lambda: RBM((1, 8, 8), hidden=8),
}
ALWAYS = ["Model and environment", "Likelihood", "Judgements", "Training"]
SHOWN = {
    "autoencoder": ["Reconstructions", "Walks through the codes", "Filters"],
    "vae": ["Samples", "Reconstructions", "Walks through the codes", "Use of the code", "Filters"],
    "vq-vae": ["Samples", "Reconstructions", "Filters"],
    "told": ["Filters"],
    "rbm": ["Samples", "Reconstructions", "Filters", "Chains"],
}


@pytest.fixture(scope="module")
def digits(device):
    return load_data("digits", binarise="threshold").to(device)


@pytest.fixture(scope="module")
def subjects(digits, device):
    found = {}
    for name, make in MODELS.items():
        torch.manual_seed(1)
        model = make().to(device)
        records = evaluate(model, digits, samples=30)
        found[name] = Subject(name, model, digits, HISTORY, records, {"seed": "3"}, 3)
    return found


@pytest.mark.parametrize("name", MODELS)
def test_a_report_holds_what_its_family_has_and_needs_nothing_else(name, subjects):
    page = alone(run_report(subjects[name]))
    assert page.titles == [*ALWAYS, *SHOWN[name]]
    assert all(min(image.size) > 50 for image in page.images)
    assert all(np.ptp(np.asarray(image.convert("L"))) > 100 for image in page.images), "no picture is empty"


def test_every_judgement_stands_there_with_its_verdict(subjects):
    text = alone(run_report(subjects["rbm"])).text
    for record in subjects["rbm"].records:
        assert record.metric in text
        assert record.method in text
        assert record.reason in text


def test_reasons_stand_below_the_table_where_no_window_cuts_them(subjects):
    """As sentences, which wrap; a last column of sentences would lie outside a window of common width."""
    page = run_report(subjects["vae"])
    judged = page[page.index("<h2>Judgements") :]
    cells, below = judged[: judged.index("</table>")], judged[judged.index("</table>") :]
    reasons = [record for record in subjects["vae"].records if record.reason]
    assert reasons
    assert '<th scope="col">reason' not in cells
    assert all(escape(f"{record.metric}: {record.reason}") in below for record in reasons)


def test_an_autoencoder_is_said_to_have_no_likelihood(subjects):
    text = alone(run_report(subjects["autoencoder"])).text
    assert "Autoencoder has no likelihood: it is judged by reconstruction only" in text
    assert "nats" not in text


def test_equal_input_gives_equal_bytes_and_moves_nothing(subjects):
    subject = subjects["vae"]
    before = {name: value.clone() for name, value in subject.model.state_dict().items()}
    subject.model.train()
    torch.manual_seed(5)
    first = run_report(subject)
    after = torch.rand(3)
    torch.manual_seed(5)
    assert bool((after == torch.rand(3)).all())
    assert first == run_report(subject)
    assert subject.model.training
    assert all(bool((value == before[name]).all()) for name, value in subject.model.state_dict().items())


def test_a_name_from_elsewhere_is_only_text(subjects, digits):
    nasty = "<img src='http://x/y.png'>"
    record = Record(nasty, 1.0, nasty, verdict="failed", reason=nasty)
    subject = Subject(nasty, subjects["autoencoder"].model, digits, (), [record], {nasty: nasty})
    text = run_report(subject)
    assert "<img src=&#x27;" not in text
    assert text.count("<img ") == text.count("data:image/png")


def test_rows_that_are_no_images_are_points_or_lines_of_a_table():
    generator = torch.Generator().manual_seed(0)
    plane = torch.randn(60, 2, generator=generator)
    table = torch.randn(60, 3, generator=generator)
    for x, columns, pictures in ((plane, (), 1), (table, ("a", "b", "c"), 0)):
        data = Dataset(x, x[:5], x[5:], shape=x.shape[1:], support="real", name="mine", columns=columns)
        page = alone(run_report(Subject("mine", VAE(x.shape[1:], latent=2, likelihood=Gaussian()), data)))
        assert "Samples" in page.titles
        assert "Reconstructions" not in page.titles
        at = [title for title in page.titles if title != "Use of the code"]
        assert at == ["Model and environment", "Samples"]
        assert len(page.images) == pictures + 1
        assert page.tags.count("table") == 2 - pictures
