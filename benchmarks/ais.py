"""Steps of annealed importance sampling of an RBM 784 x 500, against other libraries and two matrix products."""

from collections.abc import Callable

import torch

from benchmarks.harness import Row, Settings, interleaved, main, products
from genlatent.energy.rbm import RBM
from genlatent.numerics.matmul import fast_is_better, fast_matmul
from genlatent.sampling.annealing import Annealing
from genlatent.sampling.schedule import uniform

VISIBLE, HIDDEN = 784, 500
RUNS = (100, 1000)
TEMPERATURES = 10_000  # of the schedule, of which a timed call does a few
STEPS = {100: 20, 1000: 4}

OVER_PRODUCTS = 2.0  # ours may cost this many times its bare products
OVER_RBMS = 1 / 3  # and must be 3 times faster than rbms on many runs

Call = Callable[[], object]


def benchmark(settings: Settings) -> list[Row]:
    """Steps of annealed importance sampling of an RBM 784 x 500, against other libraries and two matrix products."""
    torch.manual_seed(settings.seed)
    rows = []
    for runs in RUNS:
        model = RBM(VISIBLE, HIDDEN)
        with torch.no_grad():
            model.visible_hidden_weight.normal_(0, 0.05)
            model.visible_bias.fill_(-1.0)
            model.base()["visible"].fill_(-1.4)
        rows += compare(model, runs, settings)
    return rows


@torch.no_grad()
def compare(model: RBM, runs: int, settings: Settings) -> list[Row]:
    """All rows of one number of runs: every candidate takes turns with every other."""
    routes = ["float32", *(["fast"] if fast_is_better() else [])]
    calls: dict[str, Call] = {}
    for route in routes:
        calls[f"ours/{route}"] = ours(model, runs, route)
        calls[f"two products/{route}"] = two_products(runs, route)
    calls["by hand in torch"] = by_hand(model, runs)
    missing = {}
    for name, peer in PEERS.items():
        try:
            calls[name] = peer(model, runs)
        except ImportError as reason:
            missing[name] = f"not installed ({reason.name})"
    ms = interleaved(calls, settings.seconds(60, 15), STEPS[runs])
    rows = []
    for route in routes:
        mine, bare = ms[f"ours/{route}"], ms[f"two products/{route}"]
        rows.append(Row(f"{runs} runs", route, mine, "two products", bare, bare, OVER_PRODUCTS))
        for name in ("by hand in torch", *PEERS):
            goal = OVER_RBMS if name == "rbms" and runs == max(RUNS) else None
            rows.append(Row(f"{runs} runs", route, mine, name, ms.get(name), bare, goal, missing.get(name, "")))
    return rows


def ours(model: RBM, runs: int, route: str) -> Call:
    kernel = Annealing(model, uniform(TEMPERATURES))
    generator = torch.Generator().manual_seed(0)
    start = kernel.init(runs, generator)
    runner = kernel.runner(start, generator)

    def call() -> int:
        """Some steps more, from the start where the schedule would end; how many are done."""
        nonlocal runner
        if runner.state.done + STEPS[runs] > kernel.steps:
            runner = kernel.runner(start, generator)
        with fast_matmul(route):
            runner.advance(STEPS[runs])
        return runner.state.done

    return call


def two_products(runs: int, route: str) -> Call:
    once = products([(runs, VISIBLE, HIDDEN), (runs, HIDDEN, VISIBLE)], route)

    def call() -> None:
        for _ in range(STEPS[runs]):
            once()

    return call


def by_hand(model: RBM, runs: int) -> Call:
    """The loop as one writes it down: one product for the weights and the next draw, one for the way back."""
    W, b, c, a = model.W.detach(), model.b.detach(), model.c.detach(), model.base()["visible"]
    v = (torch.rand(runs, VISIBLE) < a.sigmoid()).float()
    log_w, done = torch.zeros(runs, dtype=torch.float64), 0

    def sample(field: torch.Tensor) -> torch.Tensor:
        return (torch.rand_like(field) < field.sigmoid()).float()

    def call() -> None:
        nonlocal v, done
        for _ in range(STEPS[runs]):
            before, after = done / TEMPERATURES, (done + 1) / TEMPERATURES
            field = v @ W + c
            change = torch.nn.functional.softplus(after * field) - torch.nn.functional.softplus(before * field)
            log_w.add_(change.double().sum(1) + (after - before) * (v @ (b - a)).double())
            v = sample(a + after * (b - a + sample(after * field) @ W.T))
            done = (done + 1) % TEMPERATURES

    return call


def rbms(model: RBM, runs: int) -> Call:
    from rbms.bernoulli_bernoulli.classes import BBRBM
    from rbms.partition_function.ais import interpolate_ebm, update_weights_ais

    peer = BBRBM(model.W.detach().clone(), model.b.detach().clone(), model.c.detach().clone())
    base = peer.independent_model()
    chains, log_weights = base.init_chains(num_samples=runs), torch.zeros(runs)
    positions = torch.linspace(0, 1, TEMPERATURES + 1)[: STEPS[runs] + 1]

    def call() -> None:  # the loop of its compute_partition_function_ais, without what comes before and after
        state, weights = chains, log_weights
        way = interpolate_ebm(base, peer, positions)
        now = next(way)
        for _ in range(STEPS[runs]):
            before, now = now.clone(), next(way)
            weights, state = update_weights_ais(before, now, state, weights)

    return call


PEERS = {"rbms": rbms}

if __name__ == "__main__":
    main("ais", benchmark)
