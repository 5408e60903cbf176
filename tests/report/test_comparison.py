import pytest
import torch

from genlatent import RBM, VAE, Autoencoder, load_data
from genlatent.evaluation.comparison import compare
from genlatent.report.comparison import comparison_report
from genlatent.report.subject import Subject
from tests.report.checking import alone


@pytest.fixture(scope="module")
def made(device):
    torch.manual_seed(0)
    digits = load_data("digits", binarise="threshold").to(device)
    models = {"plain": Autoencoder((1, 8, 8), latent=2), "<vae>": VAE((1, 8, 8), latent=2), "rbm": RBM((1, 8, 8), 8)}
    models = {name: model.to(device) for name, model in models.items()}
    found = compare(models, digits, samples=30)
    return found, [Subject(name, model, digits) for name, model in models.items()]


def test_a_comparison_is_one_page_with_table_differences_and_samples(made):
    found, subjects = made
    text = comparison_report(found, subjects)
    page = alone(text)
    assert page.titles == ["Table", "Differences, row by row", "Samples", "Reconstructions", "All judgements"]
    assert len(page.images) == 2 + 3 + 3, (
        "a figure of each judgement's differences, samples with real rows, and rows back"
    )
    assert "none, reconstruction only" in page.text
    assert "<vae>" in page.text
    assert "None of plain." in page.text
    for note in found.notes():
        assert note in page.text
    for one in found.entries:
        for record in one.records:
            assert record.method in page.text
    assert text == comparison_report(found, subjects)


def test_without_the_models_there_are_numbers_only(made):
    page = alone(comparison_report(made[0]))
    assert page.titles == ["Table", "Differences, row by row", "All judgements"]
