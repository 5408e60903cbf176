"""The contractive penalty: the code changes little where the input does."""

import functools
import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import jvp, vmap

from genlatent.errors import RecipeError
from genlatent.networks.base import Network
from genlatent.objectives.penalties import Penalty

METHODS = ("auto", "closed", "forward", "hutchinson")
JUMPS = (nn.Threshold, nn.Hardshrink)
MIXING = (nn.modules.batchnorm._BatchNorm,)


class Contractive(Penalty):
    r"""Squared Frobenius norm of the encoder's Jacobian at each row,

    .. math:: \lambda \, \bigl\| \partial f(x) / \partial x \bigr\|_F^2
              = \lambda \sum_i \| J e_i \|^2 = \lambda \, \mathbb{E}_v \| J v \|^2, \qquad \mathbb{E}[v v^\top] = I

    `closed`: for a single layer of sigmoid or tanh units, :math:`\sum_j f'(a_j)^2 \sum_i W_{ji}^2` with
    :math:`f' = h (1 - h)` or :math:`1 - h^2`. `forward`: the middle sum, one forward-mode product for each input value.
    `hutchinson`: the mean over a few random signs v. The first two are exact and draw nothing, so that L-BFGS can
    use them.

    References:
        Contractive auto-encoders: explicit invariance during feature extraction (Rifai et al., 2011)

    Args:
        weight: :math:`\lambda`.
        method: `closed`, `forward`, `hutchinson`, or `auto`: closed where it holds, otherwise forward.
        probes: number of v for each row under `hutchinson`.
    """

    def __init__(self, weight: float = 0.1, method: str = "auto", probes: int = 1):
        if not weight >= 0:
            raise RecipeError(f"weight must not be negative, got {weight}")
        if method not in METHODS:
            raise RecipeError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
        if probes < 1:
            raise RecipeError(f"probes must be at least 1, got {probes}")
        self.weight, self.method, self.probes = weight, method, probes

    def __call__(self, model: Any, x: Tensor, code: Tensor) -> Tensor:
        """The penalty of each row."""
        layer = single_layer(model.encoder) if self.method in ("auto", "closed") else None
        if layer is not None:
            norm = closed_norm(*layer, x)
        elif self.method == "hutchinson":
            norm = hutchinson_norm(model.features, x, self.probes)
        else:
            norm = forward_norm(model.features, x)
        return self.weight * norm

    def check(self, model: Any, x: Tensor) -> None:
        """Refuse encoders that have no derivative, or whose rows depend on each other."""
        if self.method == "closed" and single_layer(model.encoder) is None:
            raise RecipeError(
                "the closed form of the contractive penalty is for one layer of sigmoid or tanh units, "
                "mlp with hidden: [] and that output_activation; use method: forward"
            )
        if model.code is not None and not getattr(model.code, "smooth", False):
            raise _no_derivative(f"the code operation {type(model.code).__name__} jumps")
        for part in model.encoder.modules():
            if isinstance(part, JUMPS):
                raise _no_derivative(f"{type(part).__name__} in the encoder jumps")
            if isinstance(part, MIXING):
                raise RecipeError(
                    f"the contractive penalty takes rows one by one, {type(part).__name__} in the encoder mixes them"
                )
        self._try(model, x[:16])

    def _try(self, model: Any, x: Tensor) -> None:
        """For autograd a step function has a derivative, 0 everywhere, and under `no_grad` there is one for x alone."""
        try:
            with torch.enable_grad():
                norm = hutchinson_norm(model.features, x, 1)
        except (RuntimeError, NotImplementedError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise _no_derivative(f"autograd finds none in the encoder: {reason}") from error
        if not bool(norm.any()):
            raise _no_derivative("that of the encoder is 0 on all rows tried, as that of a step function")
        if not _reached(norm, [p for p in model.encoder.parameters() if p.requires_grad]):
            raise _no_derivative("it cannot be learned by the encoder's weights, as under no_grad")


def _reached(norm: Tensor, weights: list[nn.Parameter]) -> bool:
    """Whether a change of the weights would change the norm; so it is where there are none to learn."""
    if not norm.requires_grad:
        return not weights
    found = torch.autograd.grad(norm, weights, torch.ones_like(norm), allow_unused=True) if weights else ()
    return not weights or any(one is not None and bool(one.any()) for one in found)


def single_layer(encoder: nn.Module) -> tuple[nn.Linear, str] | None:
    """The layer, and `sigmoid` or `tanh`, where the encoder is no more than that.

    >>> single_layer(nn.Sequential(nn.Flatten(), nn.Linear(3, 2), nn.Tanh()))
    (Linear(in_features=3, out_features=2, bias=True), 'tanh')
    """
    chain = encoder.layers if isinstance(encoder, Network) and hasattr(encoder, "layers") else encoder
    if not isinstance(chain, nn.Sequential):
        return None
    parts = [part for part in chain if not isinstance(part, (nn.Flatten, nn.Identity))]
    match parts:
        case [nn.Linear() as layer, nn.Sigmoid()]:
            return layer, "sigmoid"
        case [nn.Linear() as layer, nn.Tanh()]:
            return layer, "tanh"
    return None


def closed_norm(layer: nn.Linear, activation: str, x: Tensor) -> Tensor:
    r""":math:`\sum_j f'(a_j)^2 \sum_i W_{ji}^2` of each row."""
    a = layer(x.flatten(1))
    slope = a.sigmoid() * (1 - a.sigmoid()) if activation == "sigmoid" else 1 - a.tanh().square()
    return slope.square() @ layer.weight.square().sum(1)


def forward_norm(f: Any, x: Tensor) -> Tensor:
    r""":math:`\sum_i \| J e_i \|^2` of each row, all rows at once."""
    basis = torch.eye(x[0].numel(), dtype=x.dtype, device=x.device).reshape(-1, *x.shape[1:])

    def along(direction: Tensor) -> Tensor:
        return _squared(f, x, direction.expand_as(x))

    return vmap(along, randomness="same")(basis).sum(0)


def hutchinson_norm(f: Any, x: Tensor, probes: int) -> Tensor:
    r"""The mean of :math:`\| J v \|^2` over random signs v, of each row."""
    signs = 2.0 * (torch.rand(probes, *x.shape, dtype=x.dtype, device=x.device) < 0.5).to(x.dtype) - 1.0
    return torch.stack([_squared(f, x, v) for v in signs]).mean(0)


def _squared(f: Any, x: Tensor, v: Tensor) -> Tensor:
    """Squared length of J v of each row, by forward-mode differentiation."""
    _load_rules()
    return jvp(f, (x,), (v,))[1].flatten(1).square().sum(1)


@functools.cache
def _load_rules() -> None:
    """Torch makes its rules for forward mode at their first use, by a call that it has itself deprecated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        jvp(torch.neg, (torch.ones(1),), (torch.ones(1),))


def _no_derivative(why: str) -> RecipeError:
    return RecipeError(f"the contractive penalty needs an encoder with a derivative, but {why}; use another penalty")
