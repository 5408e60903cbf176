"""Gibbs steps of an RBM 784 x 500, against other libraries and against their own two matrix products."""

import numpy as np
import torch
from torch import Tensor

from benchmarks.harness import Row, Settings, interleaved, main
from benchmarks.machines import Call, machine, present, repeated, routes, table, two_products
from genlatent.energy.rbm import RBM
from genlatent.numerics import integers
from genlatent.numerics.matmul import fast_matmul

CHAINS = (100, 2000)
STEPS = {100: 20, 2000: 2}  # Gibbs steps in one timed call

OVER_PRODUCTS = 1.7  # ours may cost this many times its bare products
FASTER = {  # how many times faster ours must be on many chains: by products as exact as float32, and by whole numbers
    "rbms": (1.9, 4),
    "learnergy": (1.9, 4),
    "scikit-learn": (3, 6),
    "thrml": (40, 80),
}
BY_HAND = "rand < p in torch"
BY_HAND_BFLOAT16 = "rand < p in torch, bfloat16"


def benchmark(settings: Settings) -> list[Row]:
    """Gibbs steps of an RBM 784 x 500, against other libraries and against their own two matrix products."""
    torch.manual_seed(settings.seed)
    return [row for chains in CHAINS for row in compare(machine(), chains, settings)]


@torch.no_grad()
def compare(model: RBM, chains: int, settings: Settings) -> list[Row]:
    """All rows of one number of chains: every candidate takes turns with every other."""
    v, steps = (torch.rand(chains, model.sizes["visible"]) < 0.2).float(), STEPS[chains]
    modes = {mode: ("gibbs", mode) for mode in routes()}
    bare = {mode: f"two products/{mode}" for mode in modes}
    calls = {name: two_products(chains, mode, steps) for mode, name in bare.items()}
    if integers.worthwhile():
        modes["integer"], bare["integer"] = ("integer-gibbs", "float32"), "two byte products"
        calls["two byte products"] = two_byte_products(model, v, steps)
    calls |= {f"ours/{mode}": ours(model, v, steps, *how) for mode, how in modes.items()}
    calls |= {BY_HAND: by_hand(model, v, steps), BY_HAND_BFLOAT16: by_hand(model, v, steps, torch.bfloat16)}
    found, missing = present(PEERS, model, v, steps)
    ms = interleaved(calls | found, settings.seconds(60, 15), steps)
    notes = {"scikit-learn": "computes in float64"} | missing
    peers = (BY_HAND, BY_HAND_BFLOAT16, *PEERS)
    return table(f"{chains} chains", list(modes), peers, ms, bare, notes, goals(chains, list(modes), bare))


def goals(chains: int, modes: list[str], bare: dict[str, str]) -> dict[tuple[str, str], float]:
    """Largest ratios: to the bare products always, to the peers on many chains in the modes that the library takes."""
    wanted = {(mode, bare[mode]): OVER_PRODUCTS for mode in modes if mode != "integer"}
    if chains == max(CHAINS):
        wanted |= {(routes()[-1], peer): 1 / times for peer, (times, _) in FASTER.items()}
        wanted |= {("integer", peer): 1 / times for peer, (_, times) in FASTER.items()}
    return wanted


def ours(model: RBM, v: Tensor, steps: int, method: str, route: str) -> Call:
    kernel = model.kernel(method)
    generator = torch.Generator().manual_seed(0)
    state = kernel.init(len(v), generator)
    state.layers["visible"].copy_(v)
    runner = kernel.runner(state, generator)

    def call() -> None:
        with fast_matmul(route):
            runner.advance(steps)

    return call


def two_byte_products(model: RBM, v: Tensor, steps: int) -> Call:
    """The products of a step in whole numbers: states and couplings twice as long, in bytes."""
    h = torch.ones(len(v), model.sizes["hidden"])
    work = [(integers.doubled(s), integers.halves(w), torch.empty(len(s), w.shape[1], dtype=torch.int32))
            for s, w in ((v, model.W), (h, model.W.mT.contiguous()))]  # fmt: skip

    def once() -> None:
        for s, w, out in work:
            w.product(s, out)

    return repeated(once, steps)


def by_hand(model: RBM, v: Tensor, steps: int, dtype: torch.dtype = torch.float32) -> Call:
    W, b, c = (tensor.detach().to(dtype) for tensor in (model.W, model.b, model.c))
    up, down = W, W.T.contiguous()

    def sample(field: Tensor) -> Tensor:
        return (torch.rand(field.shape) < torch.sigmoid(field)).to(dtype)

    def call() -> None:
        s = v.to(dtype)
        for _ in range(steps):
            s = sample(sample(s @ up + c) @ down + b)

    return call


def rbms(model: RBM, v: Tensor, steps: int) -> Call:
    from rbms.bernoulli_bernoulli.classes import BBRBM

    peer = BBRBM(model.W.detach(), model.b.detach(), model.c.detach())
    chains = {"visible": v, "weights": torch.ones(len(v), 1)}

    def call() -> None:
        state = chains
        for _ in range(steps):
            state = peer.sample_visibles(peer.sample_hiddens(state))

    return call


def learnergy(model: RBM, v: Tensor, steps: int) -> Call:
    from learnergy.models.bernoulli import RBM as Peer

    peer = Peer(n_visible=model.sizes["visible"], n_hidden=model.sizes["hidden"])
    peer.W.copy_(model.W)
    peer.a.copy_(model.b)

    def call() -> None:
        s = v
        for _ in range(steps):
            s = peer.visible_sampling(peer.hidden_sampling(s)[1])[1]

    return call


def sklearn(model: RBM, v: Tensor, steps: int) -> Call:
    from sklearn.neural_network import BernoulliRBM

    peer = BernoulliRBM(n_components=model.sizes["hidden"], random_state=0)
    peer.components_ = model.W.T.double().numpy(force=True)
    peer.intercept_hidden_ = model.c.double().numpy(force=True)
    peer.intercept_visible_ = model.b.double().numpy(force=True)
    start = v.double().numpy()

    def call() -> None:
        s: np.ndarray = start
        for _ in range(steps):
            s = peer.gibbs(s)

    return call


def thrml(model: RBM, v: Tensor, steps: int) -> Call:
    """Blocks of spins, one after the other, every chain mapped over, compiled."""
    import jax
    from thrml.block_management import Block
    from thrml.block_sampling import SamplingSchedule, sample_states
    from thrml.models.ising import IsingEBM, IsingSamplingProgram
    from thrml.pgm import SpinNode

    W, b, c = (tensor.detach().double() for tensor in (model.W, model.b, model.c))
    visible, hidden = ([SpinNode() for _ in range(size)] for size in W.shape)
    fields = torch.cat([b / 2 + W.sum(1) / 4, c / 2 + W.sum(0) / 4])  # with s = (spin + 1) / 2
    edges = [(one, other) for one in visible for other in hidden]
    numbers = (jax.numpy.asarray(tensor.float().numpy()) for tensor in (fields, W.flatten() / 4, torch.ones(())))
    ising = IsingEBM([*visible, *hidden], edges, *numbers)
    blocks = [Block(hidden), Block(visible)]
    program = IsingSamplingProgram(ising, blocks, [])
    schedule = SamplingSchedule(steps, 1, 1)
    start = [jax.numpy.zeros((len(v), len(hidden)), bool), jax.numpy.asarray(v.bool().numpy())]
    keys = jax.random.split(jax.random.key(0), len(v))
    run = jax.jit(jax.vmap(lambda key, s: sample_states(key, program, schedule, s, [], [Block(visible)])))
    return lambda: jax.block_until_ready(run(keys, start))


PEERS = {"scikit-learn": sklearn, "rbms": rbms, "learnergy": learnergy, "thrml": thrml}

if __name__ == "__main__":
    main("gibbs", benchmark)
