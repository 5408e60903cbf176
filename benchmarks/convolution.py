"""Training steps of a convolutional VAE of 28 x 28 images, against the same model written by hand."""

import warnings
from typing import Any

import pyro
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.harness import Row, Settings, interleaved, main
from benchmarks.training import Call, bits, updates
from genlatent.latent.vae import VAE
from genlatent.networks.convolutional import ConvDecoder, ConvEncoder
from genlatent.training.mode import compiler_found

IMAGE, LATENT, CHANNELS, HIDDEN = (1, 28, 28), 20, (32, 64), 128
BATCH, ROWS = 128, 2_000
GOAL = 0.85  # of the step by hand, once compiled


def benchmark(settings: Settings) -> list[Row]:
    """Training steps of a convolutional VAE, gathering and optimiser included, against peers in one process."""
    torch.manual_seed(settings.seed)
    x = bits(ROWS, 28 * 28).reshape(-1, *IMAGE)
    index = torch.randperm(ROWS)[:BATCH]
    modes = ["traced", *(["compiled"] if compiler_found() else [])]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the compiler's own making
        calls: dict[str, Call] = {mode: updates(vae(), x, index, mode=mode)[0] for mode in modes}
        calls |= {name: peer(x, index) for name, peer in PEERS.items()}
        ms = interleaved(calls, settings.seconds(90, 20))
    return [
        Row(f"batch {BATCH}", mode, ms[mode], peer, ms[peer], goal=goal(mode, peer)) for mode in modes for peer in PEERS
    ]


def goal(mode: str, peer: str) -> float | None:
    """The largest ratio aimed at."""
    return GOAL if (mode, peer) == ("compiled", "torch by hand") else None


def vae() -> VAE:
    torch.manual_seed(0)
    return VAE(IMAGE, LATENT, encoder=ConvEncoder(CHANNELS, HIDDEN), decoder=ConvDecoder(CHANNELS, HIDDEN))


class ByHand(nn.Module):
    """The same VAE as a careful user of torch would write it."""

    def __init__(self):
        super().__init__()
        (a, b), grid = CHANNELS, CHANNELS[1] * 7 * 7
        down = [nn.Conv2d(1, a, 3, 2, 1), nn.ReLU(), nn.Conv2d(a, b, 3, 2, 1), nn.ReLU(), nn.Flatten()]
        self.encoder = nn.Sequential(*down, nn.Linear(grid, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 2 * LATENT))
        up = [nn.ConvTranspose2d(b, a, 3, 2, 1, 1), nn.ReLU(), nn.ConvTranspose2d(a, 1, 3, 2, 1, 1)]
        dense = [nn.Linear(LATENT, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, grid), nn.ReLU(), nn.Unflatten(1, (b, 7, 7))]
        self.decoder = nn.Sequential(*dense, *up)

    def loss(self, x: Tensor) -> Tensor:
        """Negative evidence lower bound, one draw."""
        mean, log_variance = self.encoder(x).chunk(2, -1)
        z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        reconstruction = F.binary_cross_entropy_with_logits(self.decoder(z), x, reduction="sum")
        kl = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum()
        return (reconstruction + kl) / len(x)


def by_hand(x: Tensor, index: Tensor, compiled: bool = False, layout: Any = torch.contiguous_format) -> Call:
    torch.manual_seed(0)
    model = ByHand().to(memory_format=layout)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    loss: Any = torch.compile(model.loss) if compiled else model.loss

    def call() -> None:
        optimizer.zero_grad()
        loss(x[index].contiguous(memory_format=layout)).backward()
        optimizer.step()

    return call


def by_hand_compiled(x: Tensor, index: Tensor) -> Call:
    return by_hand(x, index, compiled=True)


def channels_last(x: Tensor, index: Tensor) -> Call:
    return by_hand(x, index, layout=torch.channels_last)


def svi(x: Tensor, index: Tensor) -> Call:
    model = vae()
    steps = pyro.infer.SVI(model.model, model.guide, pyro.optim.Adam({"lr": 1e-3}), pyro.infer.Trace_ELBO())
    return lambda: steps.step(x[index])


PEERS = {
    "torch by hand": by_hand,
    "the same, channels last": channels_last,
    "the same, compiled": by_hand_compiled,
    "SVI.step": svi,
}

if __name__ == "__main__":
    main("convolution", benchmark)
