"""Every registered prior and posterior at a size where everything can be summed or integrated."""

import torch

from genlatent import components, registry
from genlatent.distributions.posteriors import DiagonalNormal

# name -> constructor arguments, and the shape of one z
PRIORS = {
    "standard-normal": [({}, 2)],
    "laplace": [({"scale": 0.7}, 2)],
    "student-t": [({}, 2)],
    "gaussian-mixture": [({"components": 3}, 2)],
    "vamp": [({"pseudo_inputs": 4}, 2)],
    "flow": [
        ({"transform": "affine-coupling", "count": 2, "hidden": [8]}, 2),
        ({"transform": "spline", "count": 2}, 1),  # fine knots, which take a fine grid
    ],
    "dirichlet": [({"concentration": 1.5}, 2)],
    "logistic-normal": [({}, 2)],
    "bernoulli": [({"probability": 0.3}, 2), ({"probability": 0.3, "temperature": 0.7}, 2)],
    "categorical": [({}, 2), ({"temperature": 0.7}, 2)],
    "latent-energy": [
        ({"energy": {"name": "mlp", "hidden": [6], "activation": "silu"}, "chains": 4000}, 2),
        ({"energy": {"name": "rbm", "visible": 2, "hidden": 3}}, 2),
    ],
}
POSTERIORS = {
    "diagonal-normal": [({}, 2)],
    "low-rank-normal": [({"rank": 1}, 2)],
    "full-normal": [({}, 2)],
    "flow": [
        ({"transform": "affine-autoregressive", "count": 2, "hidden": [8]}, 2),
        ({"transform": "spline", "count": 2, "hidden": [8]}, 1),
    ],
    "laplace": [({}, 2)],
    "logistic-normal": [({}, 2)],
    "dirichlet": [({}, 2)],
    "relaxed-bernoulli": [({}, 2)],
    "concrete": [({}, 2)],
    "bernoulli": [({}, 2)],
    "categorical": [({}, 2), ({"straight_through": True}, 2)],
}


def listed(kind, examples):
    """Specifications of every registered name."""
    assert set(registry.KINDS[kind]) == set(examples), f"list every {kind}, so that it is tested"
    return [({"name": name, **arguments}, shape) for name in examples for arguments, shape in examples[name]]


def titled(example):
    return " ".join(str(value) for value in example[0].values())[:50]


def prior(example, device):
    """A prior in float64, with an encoder lent to those that need one."""
    made = components.build(example[0], "prior")
    made.bind([example[1]])
    encoder = torch.randn(5, 4, dtype=torch.float64, device=device)
    posterior = DiagonalNormal([example[1]])
    made.attach(lambda x: posterior(x @ encoder), torch.Size([5]), "real")
    return shaken(made, device)


def posterior(example, device):
    made = components.build(example[0], "posterior")
    made.bind([example[1]])
    return shaken(made, device)


@torch.no_grad()
def shaken(module, device):
    """Parameters away from where they start, so that nothing holds by symmetry."""
    module = module.double().to(device)
    for parameter in module.parameters():
        parameter.add_(0.3 * torch.randn_like(parameter))
    return module


def outputs(made, *batch, device):
    return 0.5 * torch.randn(*batch, made.num_params(made.event_shape), dtype=torch.float64, device=device)
