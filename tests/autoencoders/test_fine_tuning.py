"""A softmax layer on the code of any model."""

import pytest
import torch

from genlatent import RBM, VAE, Autoencoder, DeepBeliefNet, FineTune, StackedAutoencoder, fit, load, load_data, save
from genlatent.autoencoders.codes import KSparse
from genlatent.autoencoders.masked import MaskedAutoencoder
from genlatent.data.corruptions import Masking
from genlatent.data.dataset import Dataset
from genlatent.distributions.posteriors import FullNormal
from genlatent.errors import DataError, Unsupported
from genlatent.evaluation.evaluate import evaluate
from genlatent.latent.conditional import ConditionalVAE
from genlatent.latent.vq import VQVAE
from genlatent.training.optimizer import Optimizer
from genlatent.training.pretraining import pretrain

BASES = {
    "vae": lambda: VAE((1, 8, 8), latent=6),
    "vae with a full covariance": lambda: VAE((1, 8, 8), latent=4, posterior=FullNormal()),
    "rbm": lambda: RBM((1, 8, 8), 16),
    "dbn": lambda: DeepBeliefNet((1, 8, 8), (12, 10)),
    "autoencoder": lambda: Autoencoder((1, 8, 8), latent=10),
    "k-sparse": lambda: Autoencoder((1, 8, 8), latent=10, code=KSparse(5)),
    "masked": lambda: MaskedAutoencoder((1, 8, 8), width=16, layers=1),
}


@pytest.fixture(scope="module")
def digits(device):
    return load_data("digits", binarise="threshold").to(device)


@pytest.fixture(params=BASES)
def base(request, device):
    return BASES[request.param]().to(device)


def test_the_features_are_the_codes(base, digits, device):
    x = digits.test[:7]
    with torch.no_grad():
        features = FineTune(base, 10).to(device).encoder(x)
    assert torch.allclose(features, base.encode(x).flatten(1), atol=1e-6)


def test_every_encoder_is_trained_by_labels(base, digits, device):
    model = FineTune(base, 10).to(device)
    before = {name: p.clone() for name, p in base.named_parameters()}
    code = base.encode(digits.test)
    history = fit(model, digits, epochs=5, optimizer=Optimizer(learning_rate=1e-2))
    assert history.column("valid/loss")[-1] < history.column("valid/loss")[0]
    assert not torch.equal(model.encode(digits.test), code)
    assert all(torch.equal(p, before[name]) for name, p in base.named_parameters()), "a copy is trained"


def test_frozen_it_is_a_probe(digits, device):
    base = BASES["vae"]().to(device)
    model = FineTune(base, 10, frozen=True).to(device)
    fit(model, digits, epochs=3)
    assert torch.equal(model.encode(digits.test), base.encode(digits.test))
    assert bool(model.head.weight.any())


def test_a_stack_is_trained_greedily_first(digits, device):
    model = FineTune(StackedAutoencoder((1, 8, 8), (12, 6)), 10).to(device)
    code = model.encode(digits.test)
    assert len(pretrain(model, digits, steps=5)) == 2
    assert not torch.equal(model.encode(digits.test), code)
    with pytest.raises(Unsupported, match="VAE is no stack of layers"):
        pretrain(FineTune(VAE((1, 8, 8)), 10).to(device), digits)


def test_its_accuracy_is_judged(digits, device):
    model = FineTune(BASES["rbm"](), 10).to(device)
    accuracy = evaluate(model, digits)[-1]
    assert accuracy.metric == "accuracy"
    assert accuracy.value == float((model.predict(digits.test) == digits.labels.test).double().mean())


def test_inputs_are_spoilt_while_classes_are_learned_and_at_no_other_time(digits, device):
    base = BASES["autoencoder"]().to(device)
    plain, model = FineTune(base, 10).to(device), FineTune(base, 10, corruption=Masking(1.0)).to(device)
    torch.nn.init.normal_(model.head.weight)
    plain.load_state_dict(model.state_dict())
    x = digits.test[:7]
    assert torch.equal(model.logits(x), plain.logits(torch.zeros_like(x)))
    for verb in ("predict_proba", "predict", "encode", "score"):
        assert torch.equal(getattr(model, verb)(x), getattr(plain, verb)(x))
    assert torch.equal(model.eval().logits(x), plain.logits(x))


def test_masked_while_learning_it_is_traced_and_rebuilt(digits, tmp_path, device):
    model = FineTune(StackedAutoencoder((1, 8, 8), (20, 10)), 10, corruption=Masking(0.2), dropout=0.1).to(device)
    pretrain(model, digits, steps=5)
    history = fit(model, digits, epochs=4, optimizer=Optimizer(learning_rate=1e-2), mode="traced")
    assert history.column("valid/loss")[-1] < history.column("valid/loss")[0]
    save(model, tmp_path / "model")
    found = load(tmp_path / "model").to(device)
    assert found.corruption.p == 0.2
    assert found.dropout == 0.1
    assert torch.equal(found.predict_proba(digits.test), model.predict_proba(digits.test))


def test_saved_and_loaded_it_answers_the_same(base, digits, tmp_path, device):
    model = FineTune(base, 10).to(device)
    fit(model, digits, steps=2)
    save(model, tmp_path / "model")
    found = load(tmp_path / "model").to(device)
    assert torch.equal(found.predict_proba(digits.test), model.predict_proba(digits.test))


def test_codes_that_cannot_be_trained_on():
    with pytest.raises(Unsupported, match="VQVAE has no code with a derivative"):
        FineTune(VQVAE((1, 8, 8), codes=2, codebook=8, embedding=3), 10)
    with pytest.raises(Unsupported, match="codes that depend on the label"):
        FineTune(ConditionalVAE((1, 8, 8), condition=10), 10)


def test_grey_rows_under_a_binary_model_are_refused(device):
    grey = load_data("digits").to(device)
    assert isinstance(grey, Dataset)
    with pytest.raises(DataError, match="binari"):
        fit(FineTune(BASES["rbm"](), 10).to(device), grey, steps=1)
