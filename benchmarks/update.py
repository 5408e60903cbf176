"""Updates of Boltzmann machines, against other libraries and against the bare matrix products of the same update."""

import warnings

import torch
from torch import Tensor

from benchmarks.harness import Row, Settings, interleaved, main, products
from benchmarks.training import Call, bits, updates
from genlatent.energy.dbm import DeepBoltzmannMachine
from genlatent.energy.rbm import RBM
from genlatent.numerics.matmul import fast_is_better
from genlatent.objectives.contrastive import ContrastiveDivergence
from genlatent.training.mode import compiler_found
from genlatent.training.optimizer import Optimizer
from genlatent.training.trainer import Trainer

ROWS, BATCH, RATE = 10_000, 100, 0.1
VISIBLE, HIDDEN, DEEP = 784, 500, (500, 1000)
SWEEPS = 10  # of mean field, in the deep machine

# What ours may cost: of a peer's update, in float32 by either route, and of the deep machine's own bare products.
GOALS = {"scikit-learn": 1 / 1.8, "rbms": 1 / 2, "learnergy": 1 / 2}
OVER_PRODUCTS = 1.5


def benchmark(settings: Settings) -> list[Row]:
    """Updates of an RBM and of a deep machine by persistent contrastive divergence, the optimiser's step included."""
    torch.manual_seed(settings.seed)
    x = bits(ROWS, VISIBLE)
    index = torch.randperm(ROWS)[:BATCH]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the compiler's and the peers' own making
        return [*restricted(x, index, settings), *deep(x, index, settings)]


def restricted(x: Tensor, index: Tensor, settings: Settings) -> list[Row]:
    """PCD-1 with as many chains as rows: every candidate takes turns with every other."""
    made = {variant: ours(RBM(VISIBLE, HIDDEN), x, index, *variant) for variant in variants()}
    calls: dict[str, Call] = {f"ours/{mode}/{route}": call for (mode, route), (call, _) in made.items()}
    calls |= {f"products/{route}": products(FIVE, route) for route in routes()}
    missing: dict[str, str] = {}
    for name, peer in PEERS.items():
        try:
            calls[name] = peer(x, index)
        except ImportError as reason:
            missing[name] = f"not installed ({reason.name})"
    ms = interleaved(calls, settings.seconds(60, 15))
    rows = []
    for mode, route in made:
        mine, bare = ms[f"ours/{mode}/{route}"], ms[f"products/{route}"]
        for name, does in DOES.items():
            note = missing.get(name, f"{route} products; the peer {does}")
            goal = GOALS[name] if mode == "compiled" else None
            rows.append(Row("RBM 784-500, PCD-1", mode, mine, name, ms.get(name), bare, goal, note))
    return rows


FIVE = [  # chains: v from h, h from v; data: h from v; and the two halves of the gradient
    (BATCH, HIDDEN, VISIBLE),
    (BATCH, VISIBLE, HIDDEN),
    (BATCH, VISIBLE, HIDDEN),
    (VISIBLE, BATCH, HIDDEN),
    (VISIBLE, BATCH, HIDDEN),
]


def deep(x: Tensor, index: Tensor, settings: Settings) -> list[Row]:
    """A deep machine: mean field with the data clamped, chains over all layers."""
    chosen = [v for v in variants() if not (settings.quick and v == ("compiled", "float32"))]
    made = {variant: ours(DeepBoltzmannMachine(VISIBLE, DEEP), x, index, *variant) for variant in chosen}
    calls: dict[str, Call] = {f"ours/{mode}/{route}": call for (mode, route), (call, _) in made.items()}
    calls |= {f"products/{route}": products(deep_products(), route) for route in routes()}
    ms = interleaved(calls, settings.seconds(60, 15))
    rows = []
    for mode, route in made:
        mine, bare = ms[f"ours/{mode}/{route}"], ms[f"products/{route}"]
        note = f"{route} products, {SWEEPS} sweeps of mean field"
        work, peer = "DBM 784-500-1000, PCD-1", f"its {len(deep_products())} products"
        rows.append(Row(work, mode, mine, peer, bare, bare, OVER_PRODUCTS, note))
    return rows


def deep_products() -> list[tuple[int, int, int]]:
    """Products of one update, each as often as it has to be done."""
    below, above = (BATCH, VISIBLE, DEEP[0]), (BATCH, DEEP[0], DEEP[1])
    mean_field = [below] + SWEEPS * [above, (BATCH, DEEP[1], DEEP[0])]
    chains = [below, (BATCH, DEEP[1], DEEP[0]), (BATCH, DEEP[0], VISIBLE), above]
    gradient = 2 * [(VISIBLE, BATCH, DEEP[0]), (DEEP[0], BATCH, DEEP[1])]
    return mean_field + chains + gradient


def routes() -> list[str]:
    """The routes of products that there are."""
    return ["float32", *(["fast"] if fast_is_better() else [])]


def variants() -> list[tuple[str, str]]:
    """Modes and routes."""
    modes = ["traced", *(["compiled"] if compiler_found() else [])]
    return [(mode, route) for mode in modes for route in routes()]


def ours(model: RBM | DeepBoltzmannMachine, x: Tensor, index: Tensor, mode: str, route: str) -> tuple[Call, Trainer]:
    """One update as a training makes it; plain gradient descent, as the peers do."""
    objective = ContrastiveDivergence(chains=BATCH, sweeps=SWEEPS)
    return updates(model, x, index, objective=objective, optimizer=Optimizer("sgd", RATE), mode=mode, route=route)


def sklearn(x: Tensor, index: Tensor) -> Call:
    from sklearn.neural_network import BernoulliRBM

    peer = BernoulliRBM(HIDDEN, learning_rate=RATE, batch_size=BATCH, random_state=0)
    rows = x[index].double().numpy()
    return lambda: peer.partial_fit(rows)


def rbms(x: Tensor, index: Tensor) -> Call:
    from rbms.bernoulli_bernoulli.classes import BBRBM

    peer = BBRBM(0.01 * torch.randn(VISIBLE, HIDDEN), torch.zeros(VISIBLE), torch.zeros(HIDDEN))
    for parameter in peer.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer = torch.optim.SGD(peer.parameters(), RATE, maximize=True)
    state, weights = peer.init_chains(BATCH), torch.ones(ROWS, 1)

    @torch.no_grad()
    def call() -> None:
        nonlocal state
        batch = peer.init_chains(BATCH, weights=weights[index], start_v=x[index])
        optimizer.zero_grad(set_to_none=False)
        state = peer.sample_state(chains=state, n_steps=1, beta=1.0)
        peer.compute_gradient(data=batch, chains=state, centered=True)
        peer.normalize_grad()
        optimizer.step()

    return call


def learnergy(x: Tensor, index: Tensor) -> Call:
    from learnergy.models.bernoulli import RBM as Peer

    peer = Peer(VISIBLE, HIDDEN, learning_rate=RATE)

    def call() -> None:
        rows = x[index]
        chains = peer.gibbs_sampling(rows)[-1].detach()
        cost = peer.energy(rows).mean() - peer.energy(chains).mean()
        peer.optimizer.zero_grad()
        cost.backward()
        peer.optimizer.step()

    return call


PEERS = {"scikit-learn": sklearn, "rbms": rbms, "learnergy": learnergy}
DOES = {
    "scikit-learn": "computes in float64, uncentred",
    "rbms": "draws the hidden layer of the data too",
    "learnergy": "does CD-1, uncentred; its measures of each batch are left out",
}

if __name__ == "__main__":
    main("update", benchmark)
