"""`fit` learns, reports what it did, and refuses what cannot be learned before the first step."""

import copy
import math
import warnings

import pyro
import pytest
import torch

from genlatent import RBM, VAE, Autoencoder, Dataset, fit, load_data
from genlatent.errors import DataError, Diverged, RecipeError
from genlatent.networks.mlp import MLP
from genlatent.objectives.base import Loss
from genlatent.objectives.elbo import ELBO
from genlatent.objectives.reconstruction import Reconstruction
from genlatent.training.callbacks import Callback
from genlatent.training.checkpoint import weights
from genlatent.training.optimizer import Optimizer


def snapshot(model):
    return {name: tensor.detach().clone() for name, tensor in weights(model).items()}


def same(one, other):
    return all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_every_family_learns(make, digits):
    history = fit(make(), digits, epochs=15, optimizer=Optimizer("adam", 3e-3))
    losses = history.column("valid/loss")
    assert len(history.rows) == 15
    assert losses[-1] < losses[0] - 0.3
    assert {"step", "epoch", "loss", "seconds", "valid/loss"} <= history.rows[-1].keys()


@pytest.mark.parametrize("mode", ["eager", "traced"])
def test_same_seed_same_bits_whatever_the_mode(make, digits, mode):
    models = [make(), make()]
    fit(models[0], digits, steps=15, seed=4, mode="traced")
    fit(models[1], digits, steps=15, seed=4, mode=mode)
    assert same(weights(models[0]), weights(models[1]))


def test_another_seed_gives_other_numbers(make, digits):
    models = [make(), make()]
    for seed, model in enumerate(models):
        fit(model, digits, steps=5, seed=seed)
    assert not same(weights(models[0]), weights(models[1]))


def test_nothing_else_is_changed(make, digits):
    with pyro.get_param_store().scope():
        pyro.param("mine", torch.ones(2))
        torch.manual_seed(7)
        model, random = make(), torch.get_rng_state()
        before = (torch.backends.mkldnn.matmul.fp32_precision, torch.distributions.Distribution._validate_args)
        fit(model, digits, steps=5)
        assert torch.equal(torch.get_rng_state(), random)
        assert list(pyro.get_param_store().keys()) == ["mine"]
        after = (torch.backends.mkldnn.matmul.fp32_precision, torch.distributions.Distribution._validate_args)
        assert after == before
        assert not model.training


class Alternating(Callback):
    """Trains another model a little after every epoch of the first."""

    def __init__(self, other, data):
        self.other, self.data, self.seeds = other, data, []

    def log(self, trainer, row):
        self.seeds.append(trainer.epoch)
        fit(self.other, self.data, steps=3, seed=trainer.epoch)


def test_two_models_in_one_process_do_not_meet(make, digits):
    alone, beside, (other, lonely) = make(), make(), _twins()
    fit(alone, digits, epochs=3)
    between = Alternating(other, digits)
    fit(beside, digits, epochs=3, callbacks=[between])
    assert same(weights(alone), weights(beside))
    for seed in between.seeds:
        fit(lonely, digits, steps=3, seed=seed)
    assert len(between.seeds) == 3
    assert same(weights(other), weights(lonely))


def _twins():
    torch.manual_seed(5)
    one = VAE((1, 8, 8), latent=2)
    return one, copy.deepcopy(one)


def test_average_is_the_mean_of_the_last_iterates(make, digits):
    iterates = []

    class Watch(Callback):
        def tick(self, trainer):
            iterates.append({name: p.detach().clone() for name, p in trainer.model.named_parameters()})

    model = make()
    fit(model, digits, steps=10, average=0.4, callbacks=[Watch()])
    for name, parameter in model.named_parameters():
        mean = torch.stack([iterate[name] for iterate in iterates[6:]]).double().mean(0)
        assert torch.allclose(parameter.double(), mean, atol=1e-6)


def test_what_normalisations_remember_is_averaged_with_the_weights(digits, tmp_path):
    """And a run that is gone on with ends where one in a single go does."""
    iterates = []

    class Watch(Callback):
        def tick(self, trainer):
            iterates.append({name: b.detach().clone() for name, b in trainer.model.named_buffers()})

    def made():
        torch.manual_seed(3)
        return Autoencoder((1, 8, 8), latent=3, encoder=MLP((8,), normalise="batch"))

    model, again = made(), made()
    fit(model, digits, steps=10, average=0.4, callbacks=[Watch()])
    assert {"encoder.layers.1.running_mean", "encoder.layers.1.running_var"} <= set(iterates[0])
    for name, buffer in model.named_buffers():
        if name.rpartition(".")[2] in ("running_mean", "running_var"):
            mean = torch.stack([iterate[name] for iterate in iterates[6:]]).double().mean(0)
            assert torch.allclose(buffer.double(), mean, atol=1e-6)
            assert not torch.equal(buffer, iterates[-1][name])

    class Halt(Callback):
        def tick(self, trainer):
            if trainer.step == 8:
                trainer.stop("enough for now")

    assert fit(again, digits, steps=10, average=0.4, callbacks=[Halt()], run=tmp_path / "run").stopped
    fit(again, digits, steps=10, average=0.4, run=tmp_path / "run", resume=True)
    assert same(weights(model), weights(again))


def test_clipping_bounds_the_step(device):
    """Under plain gradient descent a clipped step is exactly as long as the learning rate times the bound."""
    data = load_data("digits")
    model = Autoencoder((1, 8, 8), latent=3).to(device)
    model.prepare(data.train.to(device))
    before = snapshot(model)
    fit(model, data, steps=1, clip=1e-3, optimizer=Optimizer("sgd", 0.5))
    after = snapshot(model)
    length = math.sqrt(sum(float((after[name] - before[name]).square().sum()) for name in after))
    assert length == pytest.approx(0.5e-3, rel=1e-3)


def test_early_stopping_keeps_the_best(digits):
    """A learning rate that is too high gets worse after its best judgement."""
    model = Autoencoder((1, 8, 8), latent=3)
    history = fit(model, digits, epochs=60, patience=3, optimizer=Optimizer("sgd", 0.02, momentum=0.99))
    losses = history.column("valid/loss")
    assert "has not improved in 3 judgements" in history.stopped
    assert len(losses) < 60
    assert losses.index(min(losses)) == len(losses) - 4
    rows = (model.reconstruct(digits.valid) - digits.valid).square().flatten(1).sum(1)
    assert float(rows.mean()) == pytest.approx(min(losses), rel=1e-5)


def test_lbfgs_on_full_batches(digits):
    data = load_data("digits")
    model = Autoencoder((1, 8, 8), latent=3)
    history = fit(model, data, steps=4, batch_size=len(data.train), optimizer=Optimizer("lbfgs", 1.0))
    assert history.column("loss")[-1] < 0.7 * history.column("loss")[0]
    with pytest.raises(RecipeError, match=f"set batch_size to {len(data.train)}"):
        fit(model, data, steps=1, batch_size=10, optimizer=Optimizer("lbfgs"))


def test_a_step_that_asks_to_stop_is_finished(digits):
    class Stop(Callback):
        def tick(self, trainer):
            if trainer.step == 7:
                trainer.stop("enough")

    history = fit(Autoencoder((1, 8, 8), latent=3), digits, epochs=5, callbacks=[Stop()])
    assert history.stopped == "enough"
    assert history.rows == []


class Exploding(Reconstruction):
    """A loss that is no longer a number from the middle of the training on."""

    def __call__(self, model, batch, state):
        loss = super().__call__(model, batch, state)
        bad = torch.where(batch.progress < 0.5, 0.0, torch.nan)
        return Loss(loss.value + bad, {**loss.metrics, "penalty": bad})


def test_divergence_names_term_and_step_and_leaves_finite_weights(digits, tmp_path):
    model = Autoencoder((1, 8, 8), latent=3)
    with pytest.raises(Diverged, match=r"penalty is nan at step 34; the last good checkpoint is .*checkpoints/00000"):
        fit(model, digits, steps=66, objective=Exploding(), run=tmp_path / "run", checkpoint_steps=11)
    assert all(bool(tensor.isfinite().all()) for tensor in weights(model).values())


def test_divergence_without_a_run_folder(digits):
    with pytest.raises(Diverged, match="last good weights again"):
        fit(Autoencoder((1, 8, 8), latent=3), digits, steps=66, objective=Exploding())


def test_rows_of_another_shape_with_as_many_values_are_reshaped(digits):
    fit(RBM(visible=64, hidden=5), digits, steps=2)
    with pytest.raises(DataError, match=r"takes rows of shape \(63,\), the data has rows of shape \(1, 8, 8\)"):
        fit(RBM(visible=63, hidden=5), digits, steps=2)


@pytest.mark.parametrize("make_model", [lambda: VAE((1, 8, 8), latent=2), lambda: RBM((1, 8, 8), hidden=5)])
def test_grey_pixels_under_bernoulli(make_model):
    with pytest.raises(DataError, match="binarise the data, or use ContinuousBernoulli"):
        fit(make_model(), load_data("digits"), steps=2)


def test_missing_values_need_a_model_that_knows_them():
    x = torch.rand(50, 4, generator=torch.Generator().manual_seed(0))
    x[3, 1] = torch.nan
    data = load_data(x, missing=True, name="gaps")
    with pytest.raises(DataError, match="make the model with missing=True"):
        fit(Autoencoder(4, latent=2), data, steps=2)
    fit(Autoencoder(4, latent=2, missing=True), data, steps=2)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"epochs": 1, "steps": 1}, "epochs or steps, not both"),
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"average": 1.0}, "below 1"),
        ({"keep": "worst"}, "last or best"),
        ({"resume": True}, "resume needs the run folder"),
        ({"mode": "quick"}, "eager, traced, compiled"),
    ],
)
def test_bad_options(digits, options, words):
    with pytest.raises(RecipeError, match=words):
        fit(Autoencoder((1, 8, 8), latent=2), digits, **options)


def test_arrays_are_data_too():
    x = torch.rand(200, 6, generator=torch.Generator().manual_seed(0)).numpy()
    history = fit(Autoencoder(6, latent=2), x, epochs=2)
    assert len(history.rows) == 2


def test_a_mapped_file_streams(tmp_path):
    """Rows that are read block by block: every epoch takes all of them, and the last batch alone is smaller."""
    import numpy as np

    x = np.random.default_rng(0).normal(size=(1000, 6)).astype(np.float32)
    np.save(tmp_path / "rows.npy", x)
    data = load_data(tmp_path / "rows.npy", mapped=True, block_bytes=150 * 6 * 4)
    sizes = []

    class Sizes(Callback):
        def tick(self, trainer):
            sizes.append(trainer.last_batch)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = fit(Autoencoder(6, latent=2), data, epochs=2, batch_size=64, callbacks=[Sizes()])
    per_epoch = math.ceil(len(data.train) / 64)
    assert isinstance(data, Dataset)
    assert sizes == ([64] * (per_epoch - 1) + [len(data.train) % 64]) * 2
    assert history.rows[-1]["step"] == 2 * per_epoch


def test_a_gradient_that_is_not_finite_stops_before_a_checkpoint(digits, tmp_path):
    """The loss is finite, its gradient is not: the square root of 0."""

    def cusp(model, x, code):
        return (code * 0).abs().sum(1).sqrt()

    model = Autoencoder(digits.shape, latent=3)
    with pytest.raises(Diverged, match="gradient of"):
        fit(model, digits, steps=1, objective=Reconstruction([cusp]), run=tmp_path / "run", mode="eager")
    assert all(bool(p.isfinite().all()) for p in model.parameters())


def test_an_objective_for_another_family_is_refused(digits):
    with pytest.raises(RecipeError, match="does not train a VAE, which has no 'corruption'"):
        fit(VAE(digits.shape, latent=2), digits, steps=1, objective=Reconstruction())
    with pytest.raises(RecipeError, match="does not train a Autoencoder, which has no 'guide'"):
        fit(Autoencoder(digits.shape, latent=2), digits, steps=1, objective=ELBO())
