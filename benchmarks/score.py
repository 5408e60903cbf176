"""The log-likelihood of MNIST-sized rows with 1000 importance samples each, against pythae's `get_nll`.

Both use the same weights of a VAE 784-400-20, in float32. pythae is asked with its default of 100 draws at a time and
with all 1000 at once; asked for fewer draws than fit in one batch it would take a whole batch all the same, so 1000 is
the least number at which both do the same work in both settings. Times are for one row.

`model.score` is the verb; `traced` and `compiled` are what judging uses, one graph for all blocks. A row with the
decoder in bfloat16 is there only where that is faster, with its bias: the mean difference over the same codes.
"""

import copy
import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.harness import Row, Settings, interleaved, main, products
from genlatent.evaluation.importance import Blocks
from genlatent.latent.vae import VAE
from genlatent.numerics.logspace import effective_sample_size, log_mean_exp
from genlatent.numerics.matmul import choose
from genlatent.training.mode import compiler_found

PIXELS, HIDDEN, LATENT = 784, 400, 20
ROWS, SAMPLES = 10_000, 1000
GOAL = 1 / 3.5  # of the peer's time

Call = Callable[[], object]


def benchmark(settings: Settings) -> list[Row]:
    """Scores of MNIST-sized rows by 1000 importance samples each, on the same weights, in one process."""
    torch.manual_seed(settings.seed)
    model = VAE((1, 28, 28), latent=LATENT).eval()
    data = (torch.rand(ROWS, 1, 28, 28) < 0.13).float()
    timed = data[: 8 if settings.quick else 32]
    calls: dict[str, Call] = {mode: ours(model, data, timed, mode) for mode in modes()}
    calls["score"] = lambda: model.score(timed, num_samples=SAMPLES)
    calls["bfloat16"] = ours(rounded(model), data, timed, modes()[-1])
    calls["products"] = limit(len(timed))
    missing = ""
    try:
        calls |= {name: peer(model, timed, size) for name, size in PEERS.items()}
    except ImportError as reason:
        missing = f"not installed ({reason.name})"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the peer's own making
        ms = interleaved(calls, settings.seconds(60, 5), calls=len(timed))
        said = missing or agreement(calls, model, timed)
    names = {mode: mode for mode in modes()} | {"score": "eager, model.score"}
    if ms["bfloat16"] < ms[modes()[-1]]:
        names["bfloat16"] = f"{modes()[-1]}, decoder in bfloat16"
    notes = {"bfloat16": f"; {bias(calls):+.3f} nats against float32, same codes"}
    return [
        Row(
            f"{SAMPLES} draws a row",
            shown,
            ms[mode],
            name,
            ms.get(name),
            ms["products"],
            GOAL if mode in ("compiled", "score") and not missing else None,
            f"{said}; {ROWS} rows take {ms[mode] * ROWS / 1000:.0f} s{notes.get(mode, '')}",
        )
        for mode, shown in names.items()
        for name in PEERS
    ]


def modes() -> tuple[str, ...]:
    """Modes of ours that this machine has."""
    return ("traced", "compiled") if compiler_found() else ("traced",)


def ours(model: VAE, data: Tensor, timed: Tensor, mode: str) -> Call:
    """The mean estimate of some rows, in blocks as large as they are for all of the data."""
    blocks, generator = Blocks(model, data, SAMPLES, mode=mode), torch.Generator()
    return lambda: log_mean_exp(blocks(timed, generator.manual_seed(0))).mean()


class Rounded(nn.Module):
    """A network that computes in bfloat16 between inputs and outputs in float32."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network.bfloat16()

    def forward(self, z: Tensor) -> Tensor:
        """`(*batch, latent)` -> `(*batch, *event)`."""
        return self.network(z.bfloat16()).float()


def rounded(model: VAE) -> VAE:
    """The same model with its decoder in bfloat16."""
    found = copy.deepcopy(model)
    found.decoder = Rounded(found.decoder)
    return found


def bias(calls: Mapping[str, Call]) -> float:
    """How far the estimate in bfloat16 lies above the one in float32."""
    one, other = (float(calls[name]()) for name in ("bfloat16", modes()[-1]))  # pyright: ignore[reportArgumentType]
    return one - other


def limit(rows: int) -> Call:
    """The bare products of a decoder that sees every draw."""
    pairs = 8 * 63  # one block
    shapes = [(pairs, LATENT, HIDDEN), (pairs, HIDDEN, PIXELS)]
    once, times = products(shapes, choose(shapes)), round(rows * SAMPLES / pairs)

    def call() -> None:
        for _ in range(times):
            once()

    return call


def peer(model: VAE, timed: Tensor, at_once: int) -> Call:
    """pythae's estimate with our weights in its model."""
    from pythae.models import VAE as Peer
    from pythae.models import VAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder

    class Encoder(BaseEncoder):
        def __init__(self):
            super().__init__()
            self.network = model.encoder

        def forward(self, x: Tensor) -> Any:
            mean, log_variance = self.network(x).chunk(2, -1)
            return ModelOutput(embedding=mean, log_covariance=log_variance)

    class Decoder(BaseDecoder):
        def __init__(self):
            super().__init__()
            self.network = model.decoder

        def forward(self, z: Tensor) -> Any:
            return ModelOutput(reconstruction=self.network(z).sigmoid())

    config = VAEConfig(input_dim=(1, 28, 28), latent_dim=LATENT, reconstruction_loss="bce")
    theirs = Peer(config, Encoder(), Decoder()).eval()

    def call() -> object:
        with torch.no_grad():
            return theirs.get_nll(timed, n_samples=SAMPLES, batch_size=at_once)

    return call


PEERS = {"pythae": 100, "pythae, 1000 at once": 1000}


def agreement(calls: dict[str, Call], model: VAE, timed: Tensor) -> str:
    """Both estimates, and the standard error of their difference."""
    found = [float(calls[name]()) for name in (modes()[-1], "pythae")]  # pyright: ignore[reportArgumentType]
    size = effective_sample_size(model.log_weights(timed, SAMPLES))
    error = math.sqrt(2 * float((1 / size - 1 / SAMPLES).sum())) / len(timed)
    return f"{found[0]:.3f} and {found[1]:.3f} nats, their difference known to {error:.3f}"


if __name__ == "__main__":
    main("score", benchmark)
