"""The step engine: every mode gives the gradient that autograd gives, and leaves everything else alone."""

import pyro
import pytest
import torch
from torch import nn

from genlatent import VAE, Autoencoder, SemiSupervisedVAE
from genlatent.errors import RecipeError
from genlatent.objectives.base import Loss, Objective
from genlatent.objectives.contrastive import ContrastiveDivergence
from genlatent.objectives.iwae import IWAE
from genlatent.objectives.semi_supervised import SemiSupervisedELBO
from genlatent.training.graph import compiled, traced
from genlatent.training.mode import choose, compiler_found
from genlatent.training.step import Rows, Step


class Squares(Objective):
    """Mean squared distance of a linear map from its input, with a buffer that counts and a state that adds up."""

    def __call__(self, model, batch, state):
        value = (model.linear(batch.x) - batch.x).square().sum(-1).mean()
        total = state["total"] + batch.x.sum()
        return Loss(value, {"progress": batch.progress}, {"total": total}, {"seen": model.seen + len(batch.x)})


class Linear(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 3)
        self.unused = nn.Linear(2, 2)
        self.register_buffer("seen", torch.zeros(()))


def rows_of(data, device, count=40):
    return Rows(data.train.to(device), None, torch.arange(count, device=device))


def first_outcome(make, data, device, mode, seed=3):
    model = make()
    objective = model.objective()
    model.prepare(data.train.to(device))
    step = Step(model, objective, observe=data.observe, mode=mode, matmul="float32")
    step.together.train()
    torch.manual_seed(2)
    state = objective.init(model, data.train.to(device))
    generator = torch.Generator(device=device).manual_seed(seed)
    progress = torch.tensor(0.3, device=device)
    first = step(rows_of(data, device), progress, state, generator)
    return first, step(rows_of(data, device), progress, first.state, generator)


def assert_alike(one, other, tolerance):
    assert torch.allclose(one.value, other.value, rtol=tolerance, atol=tolerance)
    assert one.gradients.keys() == other.gradients.keys()
    for name, gradient in one.gradients.items():
        assert torch.allclose(gradient, other.gradients[name], rtol=tolerance, atol=tolerance), name
    for name, value in (one.state | one.buffers).items():
        assert torch.allclose(value, (other.state | other.buffers)[name], rtol=tolerance, atol=tolerance), name


def test_traced_equals_eager(make, digits, device):
    """Two steps in a row, so that the graph is seen to draw fresh numbers and to pass its state on."""
    for eager, replayed in zip(*(first_outcome(make, digits, device, mode) for mode in ("eager", "traced"))):
        assert_alike(eager, replayed, 1e-6)


@pytest.mark.slow
@pytest.mark.skipif(not compiler_found(), reason="there is no C++ compiler")
def test_compiled_equals_eager(make, digits, device):
    for eager, machine in zip(*(first_outcome(make, digits, device, mode) for mode in ("eager", "compiled"))):
        assert_alike(eager, machine, 1e-5)


def test_graph_draws_fresh_numbers(digits, device):
    model = VAE((1, 8, 8), latent=2).to(device)
    step = Step(model, model.objective(), observe=digits.observe, mode="traced")
    generator, progress = torch.Generator(device=device), torch.zeros((), device=device)
    values = [step(rows_of(digits, device), progress, {}, generator).value for _ in range(2)]
    assert values[0] != values[1]


@pytest.mark.parametrize("mode", ["eager", "traced"])
def test_gradient_buffers_and_state_of_a_known_step(mode, device):
    torch.manual_seed(0)
    model = Linear().to(device)
    x = torch.randn(10, 3, device=device)
    step = Step(model, Squares(), mode=mode)
    index = torch.tensor([1, 4, 4], device=device)
    outcome = step(Rows(x, None, index), torch.tensor(0.5, device=device), {"total": torch.zeros((), device=device)})
    expected = (model.linear(x[index]) - x[index]).square().sum(-1).mean()
    expected.backward()
    assert torch.allclose(outcome.value, expected)
    assert torch.allclose(outcome.gradients["model.linear.weight"], model.linear.weight.grad)
    assert "model.unused.weight" not in outcome.gradients
    assert outcome.metrics["progress"] == 0.5
    assert torch.allclose(outcome.state["total"], x[index].sum())
    assert outcome.buffers["model.seen"] == 3
    assert model.seen == 0, "the step returns buffers, it does not write them"


def test_another_shape_gets_a_graph_of_its_own(digits, make, device):
    model = make()
    step = Step(model, model.objective(), observe=digits.observe, mode="traced")
    progress, state = torch.zeros((), device=device), model.objective().init(model, digits.train.to(device))
    for count in (40, 17, 40):
        assert step(rows_of(digits, device, count), progress, state).value.isfinite()
    assert len(step.programs) == 2


def switches():
    """Everything of the process that a step might move."""
    return (
        torch.distributions.Distribution._validate_args,
        list(pyro.get_param_store().keys()),
        torch.backends.mkldnn.matmul.fp32_precision,
        torch.get_rng_state().tolist(),
        torch.get_num_threads(),
    )


@pytest.mark.parametrize("mode", ["eager", "traced"])
def test_global_state_stays(make, digits, device, mode):
    with pyro.get_param_store().scope():
        pyro.param("mine", torch.ones(2))
        model = make()
        step = Step(model, model.objective(), observe=digits.observe, mode=mode, matmul="bfloat16")
        state, draws = model.objective().init(model, digits.train.to(device)), torch.Generator(device=device)
        before = switches()
        step(rows_of(digits, device), torch.zeros((), device=device), state, draws)
        assert switches() == before


class Hidden(Objective):
    """Uses a layer that the model does not own."""

    def __init__(self):
        self.layers = [nn.Linear(3, 3)]

    def __call__(self, model, batch, state):
        return Loss(self.layers[0](model.linear(batch.x)).square().mean())


def test_a_parameter_that_is_not_registered_is_refused():
    with pytest.raises(RecipeError, match="not one of its parameters"):
        Step(Linear(), Hidden(), mode="traced")(Rows(torch.ones(4, 3), None, torch.arange(4)), torch.zeros(()), {})


class Branching(Objective):
    def __call__(self, model, batch, state):
        value = model.linear(batch.x).square().mean()
        return Loss(value * 2 if float(value.detach()) > 1 else value)


def test_what_cannot_be_traced_runs_eagerly_with_one_warning():
    step = Step(Linear(), Branching(), mode="traced")
    arguments = (Rows(torch.ones(4, 3), None, torch.arange(4)), torch.zeros(()), {})
    with pytest.warns(UserWarning, match="runs eagerly"):
        first = step(*arguments)
    assert step.mode == "eager"
    assert step(*arguments).value == first.value


class Strange(nn.Module):
    """Parameters whose gradients come in another order than their own, or as one number for all."""

    def __init__(self):
        super().__init__()
        self.turned = nn.Parameter(torch.ones(4, 3).mT)
        self.summed = nn.Parameter(torch.zeros(5))


class Plain(Objective):
    def __call__(self, model, batch, state):
        return Loss((model.turned * batch.x[:3, :4]).sum() + model.summed.sum())


@pytest.mark.parametrize("mode", ["eager", "traced"])
def test_gradients_lie_in_memory_as_their_parameters_do(mode):
    model, x = Strange(), torch.arange(24.0).reshape(6, 4)
    outcome = Step(model, Plain(), mode=mode)(Rows(x, None, torch.arange(6)), torch.zeros(()), {})
    for name, gradient in outcome.gradients.items():
        assert gradient.stride() == dict(model.named_parameters())[name.removeprefix("model.")].stride()
    assert torch.equal(outcome.gradients["model.turned"], x[:3])
    assert torch.equal(outcome.gradients["model.summed"], torch.ones(5))


def test_a_mistake_is_reported_where_it_was_made():
    class Wrong(Objective):
        def __call__(self, model, batch, state):
            return Loss(model.linear(batch.x[:, :2]).sum())

    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        Step(Linear(), Wrong(), mode="traced")(Rows(torch.ones(4, 3), None, torch.arange(4)), torch.zeros(()), {})


def test_without_a_compiler_the_graph_is_replayed(monkeypatch):
    def no_compiler(*args):
        raise RuntimeError("No working C++ compiler found")

    monkeypatch.setattr("genlatent.training.graph.compiled", no_compiler)
    step = Step(Linear(), Squares(), mode="compiled")
    arguments = (Rows(torch.ones(4, 3), None, torch.arange(4)), torch.zeros(()), {"total": torch.zeros(())})
    with pytest.warns(UserWarning, match="No working C"):
        assert step(*arguments).value.isfinite()
    assert step.mode == "traced"


def test_graph_and_machine_code_of_a_function_agree():
    def flat(x, w):
        return [(x @ w).relu().detach().sum(), torch.rand_like(x)]

    x, w = torch.randn(3, 4), torch.randn(4, 2)
    graph = traced(flat, [x, w])
    assert not [node for node in graph.graph.nodes if "detach" in str(node.target)]
    results = []
    for run in (flat, graph, *([compiled(graph, [x, w])] if compiler_found() else [])):
        torch.manual_seed(5)
        results.append(run(x, w))
    for total, noise in results[1:]:
        assert torch.allclose(total, results[0][0])
        assert torch.equal(noise, results[0][1])


def test_unknown_mode():
    with pytest.raises(RecipeError, match="eager, traced, compiled"):
        Step(Linear(), Squares(), mode="fast")


def test_auto_compiles_long_trainings_only():
    large = nn.Linear(784, 400)
    assert choose("auto", large, 128, 100, torch.device("cpu")) == "traced"
    long = choose("auto", large, 128, 1_000_000, torch.device("cpu"))
    assert long == ("compiled" if compiler_found() else "traced")
    assert choose("eager", large, 128, 1_000_000, torch.device("cpu")) == "eager"


def test_the_work_of_chains_and_of_several_draws_is_counted():
    model = SemiSupervisedVAE((4,), classes=7, latent=2)
    assert VAE((4,), latent=2).objective().rows(model, 128) == 128
    assert IWAE(particles=5).rows(model, 128) == 640
    assert SemiSupervisedELBO().rows(model, 100) == 700
    assert SemiSupervisedELBO(top=3, particles=2).rows(model, 100) == 600
    machine = ContrastiveDivergence(chains=500)
    assert machine.rows(model, 200) == 800, "4 + 20 products of 100 rows, three of which are there and back"
    assert ContrastiveDivergence(persistent=False, steps=2).rows(model, 30) == 80


MODES = [
    "eager",
    "traced",
    pytest.param("compiled", marks=pytest.mark.skipif(not compiler_found(), reason="no compiler")),
]


@pytest.mark.parametrize("mode", MODES)
def test_the_running_averages_of_torch_s_batch_norm_move_in_training_alone(mode, device):
    """From 0 and 1 they go a tenth of the way to the mean and the unbiased variance of a batch."""
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.BatchNorm1d(3))
    model = Autoencoder((1, 2, 2), latent=3, encoder=encoder).to(device)
    x = torch.rand(20, 1, 2, 2, device=device)
    seen = encoder[:2](x).detach()
    step = Step(model, model.objective(), mode=mode, matmul="float32")

    def moved(training):
        step.together.train(training)
        outcome = step(Rows(x, None, torch.arange(20, device=device)), torch.zeros((), device=device), {})
        return {name.rpartition(".")[2]: value for name, value in outcome.buffers.items()}

    torch.testing.assert_close(moved(True)["running_mean"], 0.1 * seen.mean(0))
    torch.testing.assert_close(moved(True)["running_var"], 0.9 + 0.1 * seen.var(0))
    assert not moved(False)
