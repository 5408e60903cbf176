"""Gibbs steps of an RBM 784 x 500, against other libraries and against their own two matrix products."""

from collections.abc import Callable

import numpy as np
import torch

from benchmarks.harness import Row, Settings, interleaved, main, products
from genlatent.energy.rbm import RBM
from genlatent.numerics.matmul import fast_is_better, fast_matmul

VISIBLE, HIDDEN = 784, 500
CHAINS = (100, 2000)
STEPS = {100: 20, 2000: 2}  # Gibbs steps in one timed call

OVER_PRODUCTS = 1.7  # ours may cost this many times its bare products
OVER_RBMS = 1 / 1.8  # and must be 1.8 times faster than rbms on many chains

Call = Callable[[], object]


def benchmark(settings: Settings) -> list[Row]:
    """Gibbs steps of an RBM 784 x 500, against other libraries and against their own two matrix products."""
    torch.manual_seed(settings.seed)
    rows = []
    for chains in CHAINS:
        model = RBM(VISIBLE, HIDDEN)
        with torch.no_grad():
            model.visible_hidden_weight.normal_(0, 0.05)
            model.visible_bias.fill_(-1.0)
        rows += compare(model, chains, settings)
    return rows


@torch.no_grad()
def compare(model: RBM, chains: int, settings: Settings) -> list[Row]:
    """All rows of one number of chains: every candidate takes turns with every other."""
    v = (torch.rand(chains, VISIBLE) < 0.2).float()
    routes = ["float32", *(["fast"] if fast_is_better() else [])]
    calls: dict[str, Call] = {}
    for route in routes:
        calls[f"ours/{route}"] = ours(model, v, route)
        calls[f"two products/{route}"] = two_products(chains, route)
    calls["rand < p in torch"] = by_hand(model, v)
    missing = {}
    for name, peer in PEERS.items():
        try:
            calls[name] = peer(model, v)
        except ImportError as reason:
            missing[name] = f"not installed ({reason.name})"
    steps = STEPS[chains]
    ms = interleaved(calls, settings.seconds(60, 20), steps)
    return [*against_products(chains, routes, ms), *against_peers(chains, routes, ms, missing)]


def against_products(chains: int, routes: list[str], ms: dict[str, float]) -> list[Row]:
    """Ours on each route, against the bare products of the same route."""
    rows = []
    for route in routes:
        ours, bare = ms[f"ours/{route}"], ms[f"two products/{route}"]
        rows.append(Row(f"{chains} chains", route, ours, "two products", bare, bare, OVER_PRODUCTS))
    return rows


def against_peers(chains: int, routes: list[str], ms: dict[str, float], missing: dict[str, str]) -> list[Row]:
    """Ours against everything else; both routes compute in float32."""
    rows = []
    for route in routes:
        for name in ("rand < p in torch", *PEERS):
            note = missing.get(name, "computes in float64" if name == "scikit-learn" else "")
            ours, bare = ms[f"ours/{route}"], ms[f"two products/{route}"]
            goal = OVER_RBMS if name == "rbms" and chains == max(CHAINS) else None
            rows.append(Row(f"{chains} chains", route, ours, name, ms.get(name), bare, goal, note))
    return rows


def ours(model: RBM, v: torch.Tensor, route: str) -> Call:
    kernel = model.gibbs()
    generator = torch.Generator().manual_seed(0)
    state = kernel.init(len(v), generator)
    state.layers["visible"].copy_(v)
    runner = kernel.runner(state, generator)

    def call() -> None:
        with fast_matmul(route):
            runner.advance(STEPS[len(v)])

    return call


def two_products(chains: int, route: str) -> Call:
    once = products([(chains, VISIBLE, HIDDEN), (chains, HIDDEN, VISIBLE)], route)

    def call() -> None:
        for _ in range(STEPS[chains]):
            once()

    return call


def by_hand(model: RBM, v: torch.Tensor) -> Call:
    W, b, c = model.W.detach(), model.b.detach(), model.c.detach()

    def sample(field: torch.Tensor) -> torch.Tensor:
        return (torch.rand_like(field) < torch.sigmoid(field)).float()

    def call() -> None:
        s = v
        for _ in range(STEPS[len(v)]):
            s = sample(sample(s @ W + c) @ W.T + b)

    return call


def rbms(model: RBM, v: torch.Tensor) -> Call:
    from rbms.bernoulli_bernoulli.classes import BBRBM

    peer = BBRBM(model.W.detach(), model.b.detach(), model.c.detach())
    chains = {"visible": v, "weights": torch.ones(len(v), 1)}

    def call() -> None:
        state = chains
        for _ in range(STEPS[len(v)]):
            state = peer.sample_visibles(peer.sample_hiddens(state))

    return call


def learnergy(model: RBM, v: torch.Tensor) -> Call:
    from learnergy.models.bernoulli import RBM as Peer

    peer = Peer(n_visible=VISIBLE, n_hidden=HIDDEN)
    peer.W.copy_(model.W)
    peer.a.copy_(model.b)

    def call() -> None:
        s = v
        for _ in range(STEPS[len(v)]):
            s = peer.visible_sampling(peer.hidden_sampling(s)[1])[1]

    return call


def sklearn(model: RBM, v: torch.Tensor) -> Call:
    from sklearn.neural_network import BernoulliRBM

    peer = BernoulliRBM(n_components=HIDDEN, random_state=0)
    peer.components_ = model.W.T.double().numpy(force=True)
    peer.intercept_hidden_ = model.c.double().numpy(force=True)
    peer.intercept_visible_ = model.b.double().numpy(force=True)
    start = v.double().numpy()

    def call() -> None:
        s: np.ndarray = start
        for _ in range(STEPS[len(v)]):
            s = peer.gibbs(s)

    return call


PEERS = {"scikit-learn": sklearn, "rbms": rbms, "learnergy": learnergy}

if __name__ == "__main__":
    main("gibbs", benchmark)
