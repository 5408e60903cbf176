"""Enumerating ten classes for the unlabelled rows of an M2 784-500-50, against the same sum written by hand."""

import math
import warnings
from collections.abc import Callable

import pyro
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.harness import Row, Settings, interleaved, main, products
from genlatent.latent.semi_supervised import SemiSupervisedVAE
from genlatent.networks.mlp import MLP
from genlatent.numerics.matmul import fast_matmul
from genlatent.training.graph import ProductShapes
from genlatent.training.mode import compiler_found
from genlatent.training.step import Rows, Step

PIXELS, HIDDEN, LATENT, CLASSES = 784, 500, 50, 10
BATCH = 100
LIMIT = 1.1  # what ours may cost, as a share of the same enumeration by hand

Call = Callable[[], object]


def benchmark(settings: Settings) -> list[Row]:
    """Loss and gradients of unlabelled rows with all classes enumerated, against peers in one process."""
    torch.manual_seed(settings.seed)
    x = (torch.rand(BATCH, PIXELS) < 0.13).float()
    modes = ["traced", *(["compiled"] if compiler_found() else [])]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the compiler's own making
        ours = {mode: step(x, mode) for mode in modes}
    route = next(iter(ours.values()))[1].route
    calls: dict[str, Call] = {mode: call for mode, (call, _) in ours.items()}
    calls["products"] = products(product_shapes(x), route)
    calls["torch by hand"] = by_hand(x, route)
    calls["the same, first layers not split"] = by_hand(x, route, split=False)
    if not settings.quick:
        calls["SVI with TraceEnum_ELBO"] = svi(x)
    ms = interleaved(calls, settings.seconds(60, 20))
    return [
        Row(
            f"{CLASSES} classes, batch {BATCH}",
            mode,
            ms[mode],
            peer,
            ms[peer],
            ms["products"],
            LIMIT if peer == "torch by hand" else None,
            f"{route} products" if "SVI" not in peer else "float32 products, optimiser included",
        )
        for mode in modes
        for peer in ms
        if peer not in modes and peer != "products"
    ]


def step(x: Tensor, mode: str) -> tuple[Call, Step]:
    """One step of the engine, without the optimiser."""
    model = m2()
    made = Step(model, model.objective(), mode=mode)
    made.together.train()
    rows, generator, progress = Rows(x, None, torch.arange(len(x))), torch.Generator().manual_seed(0), torch.zeros(())

    def call() -> None:
        made(rows, progress, {}, generator)

    call()
    return call, made


def m2() -> SemiSupervisedVAE:
    torch.manual_seed(0)
    networks = {name: MLP((HIDDEN,)) for name in ("encoder", "decoder", "classifier")}
    return SemiSupervisedVAE(PIXELS, CLASSES, LATENT, **networks)


class ByHand(nn.Module):
    """The same model as a careful user of torch would write it."""

    def __init__(self, split: bool = True):
        super().__init__()
        self.split = split
        self.classify = nn.Sequential(nn.Linear(PIXELS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, CLASSES))
        self.x_up, self.y_up = nn.Linear(PIXELS, HIDDEN), nn.Linear(CLASSES, HIDDEN, bias=False)
        self.z_down, self.y_down = nn.Linear(LATENT, HIDDEN), nn.Linear(CLASSES, HIDDEN, bias=False)
        self.out, self.pixels = nn.Linear(HIDDEN, 2 * LATENT), nn.Linear(HIDDEN, PIXELS)

    def loss(self, x: Tensor) -> Tensor:
        """The negative bound on log p(x), with the class summed over."""
        log_q = self.classify(x).log_softmax(-1)
        up, down = (layer.weight.T[:, None] for layer in (self.y_up, self.y_down))
        seen = self.x_up(x) if self.split else self.x_up(x.expand(CLASSES, *x.shape))
        mean, log_variance = self.out(F.relu(seen + up)).chunk(2, -1)
        z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        logits = self.pixels(F.relu(self.z_down(z) + down))
        targets = x.expand(CLASSES, *x.shape)
        reconstruction = F.binary_cross_entropy_with_logits(logits, targets, reduction="none").sum(-1)
        kl = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(-1)
        return (log_q.T.exp() * (reconstruction + kl + log_q.T + math.log(CLASSES))).sum(0).mean()


def product_shapes(x: Tensor) -> list[tuple[int, int, int]]:
    """The matrix products of one step by hand, forwards and backwards."""
    model = ByHand()
    with ProductShapes() as found:
        model.loss(x).backward()
    return found.shapes


def by_hand(x: Tensor, route: str, split: bool = True) -> Call:
    torch.manual_seed(0)
    model = ByHand(split)
    parameters = list(model.parameters())

    def call() -> None:
        with fast_matmul(route):
            torch.autograd.grad(model.loss(x), parameters)

    return call


def svi(x: Tensor) -> Call:
    model = m2()
    loss = pyro.infer.TraceEnum_ELBO(max_plate_nesting=1)
    steps = pyro.infer.SVI(model.model, model.guide, pyro.optim.Adam({"lr": 1e-3}), loss)
    return lambda: steps.step(x)


if __name__ == "__main__":
    main("semisupervised", benchmark)
