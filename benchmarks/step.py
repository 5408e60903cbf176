"""Training steps of a VAE 784-400-20, against the same model written by hand, Pyro's own `SVI.step`, and pythae."""

import warnings
from typing import Any

import pyro
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.harness import Row, Settings, interleaved, main, products
from benchmarks.training import Call, bits, updates
from genlatent.latent.vae import VAE
from genlatent.numerics.matmul import fast_is_better
from genlatent.training.graph import ProductShapes
from genlatent.training.mode import compiler_found
from genlatent.training.trainer import Trainer

PIXELS, HIDDEN, LATENT = 784, 400, 20
BATCHES = (32, 128, 512)
ROWS = 10_000

# What ours may cost at most, as a share of the peer's step from batch 128 on: with the faster product, and without.
GOALS = {
    ("compiled", "torch by hand"): (0.50, 0.85),
    ("compiled", "SVI.step"): (0.40, 0.65),
    ("traced", "torch by hand"): (1.0, 1.0),
}


def benchmark(settings: Settings) -> list[Row]:
    """Training steps of a VAE 784-400-20, gathering and optimiser included, against peers in one process."""
    torch.manual_seed(settings.seed)
    data = bits(ROWS, PIXELS)
    rows = []
    for batch in BATCHES:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the peers' own making
            rows += compare(data, batch, settings)
    return rows


def compare(data: Tensor, batch: int, settings: Settings) -> list[Row]:
    """All rows of one batch size: every candidate takes turns with every other."""
    index = torch.randperm(len(data))[:batch]
    modes = ["eager", "traced", *(["compiled"] if compiler_found() else [])]
    steps = {mode: ours(data, index, mode) for mode in modes}
    calls: dict[str, Call] = {f"ours/{mode}": call for mode, (call, _) in steps.items()}
    calls["products"] = products(product_shapes(data, index), steps["traced"][1].route)
    missing: dict[str, str] = {}
    for name, peer in PEERS.items():
        try:
            calls[name] = peer(data, index)
        except ImportError as reason:
            missing[name] = f"not installed ({reason.name})"
    ms = interleaved(calls, settings.seconds(60, 20))
    rows = []
    for mode in modes:
        note = f"{steps[mode][1].route} products"
        for name in PEERS:
            goal = GOALS.get((mode, name), (None, None))[0 if fast_is_better() else 1] if batch >= 128 else None
            said = missing.get(name, note)
            rows.append(Row(f"batch {batch}", mode, ms[f"ours/{mode}"], name, ms.get(name), ms["products"], goal, said))
    return rows


def ours(data: Tensor, index: Tensor, mode: str) -> tuple[Call, Trainer]:
    """One update as a training makes it: gather, loss, gradients, Adam."""
    torch.manual_seed(0)
    return updates(VAE(PIXELS, latent=LATENT), data, index, mode=mode)


def product_shapes(data: Tensor, index: Tensor) -> list[tuple[int, int, int]]:
    """The matrix products of one step by hand, forwards and backwards."""
    model = ByHand()
    with ProductShapes() as products:
        model.loss(data[index]).backward()
    return products.shapes


class ByHand(nn.Module):
    """The same VAE as a careful user of torch would write it."""

    def __init__(self):
        super().__init__()
        self.up, self.out = nn.Linear(PIXELS, HIDDEN), nn.Linear(HIDDEN, 2 * LATENT)
        self.down, self.pixels = nn.Linear(LATENT, HIDDEN), nn.Linear(HIDDEN, PIXELS)

    def loss(self, x: Tensor) -> Tensor:
        """Negative evidence lower bound, one draw."""
        mean, log_variance = self.out(F.relu(self.up(x))).chunk(2, -1)
        z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        logits = self.pixels(F.relu(self.down(z)))
        reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        kl = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum()
        return (reconstruction + kl) / len(x)


def by_hand(data: Tensor, index: Tensor, compiled: bool = False) -> Call:
    torch.manual_seed(0)
    model = ByHand()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    loss: Any = torch.compile(model.loss) if compiled else model.loss

    def call() -> None:
        optimizer.zero_grad()
        loss(data[index]).backward()
        optimizer.step()

    return call


def by_hand_compiled(data: Tensor, index: Tensor) -> Call:
    return by_hand(data, index, compiled=True)


def svi(data: Tensor, index: Tensor) -> Call:
    torch.manual_seed(0)
    model = VAE(PIXELS, latent=LATENT)
    steps = pyro.infer.SVI(model.model, model.guide, pyro.optim.Adam({"lr": 1e-3}), pyro.infer.Trace_ELBO())
    return lambda: steps.step(data[index])


def pythae(data: Tensor, index: Tensor) -> Call:
    from pythae.data.datasets import DatasetOutput
    from pythae.models import VAE as Peer
    from pythae.models import VAEConfig

    torch.manual_seed(0)
    model = Peer(VAEConfig(input_dim=(1, 28, 28), latent_dim=LATENT, reconstruction_loss="bce"))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)

    def call() -> None:
        optimizer.zero_grad()
        model(DatasetOutput(data=data[index].view(-1, 1, 28, 28))).loss.backward()
        optimizer.step()

    return call


PEERS = {"torch by hand": by_hand, "the same, compiled": by_hand_compiled, "SVI.step": svi, "pythae": pythae}

if __name__ == "__main__":
    main("step", benchmark)
