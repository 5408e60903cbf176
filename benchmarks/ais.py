"""Steps of annealed importance sampling of an RBM 784 x 500, against other libraries and two matrix products."""

import torch

from benchmarks.harness import Row, Settings, interleaved, main
from benchmarks.machines import Call, machine, present, routes, table, two_products
from genlatent.energy.rbm import RBM
from genlatent.numerics.matmul import fast_matmul
from genlatent.sampling.annealing import Annealing
from genlatent.sampling.schedule import uniform

RUNS = (100, 1000)
TEMPERATURES = 10_000  # of the schedule, of which a timed call does a few
STEPS = {100: 20, 1000: 4}

OVER_PRODUCTS = 2.0  # ours may cost this many times its bare products
OVER_RBMS = 1 / 3  # and must be 3 times faster than rbms on many runs
BY_HAND = "by hand in torch"


def benchmark(settings: Settings) -> list[Row]:
    """Steps of annealed importance sampling of an RBM 784 x 500, against other libraries and two matrix products."""
    torch.manual_seed(settings.seed)
    return [row for runs in RUNS for row in compare(machine(), runs, settings)]


@torch.no_grad()
def compare(model: RBM, runs: int, settings: Settings) -> list[Row]:
    """All rows of one number of runs: every candidate takes turns with every other."""
    modes = routes()
    bare = {mode: f"two products/{mode}" for mode in modes}
    calls = {name: two_products(runs, mode, STEPS[runs]) for mode, name in bare.items()}
    calls |= {f"ours/{mode}": ours(model, runs, mode) for mode in modes} | {BY_HAND: by_hand(model, runs)}
    found, missing = present(PEERS, model, runs)
    ms = interleaved(calls | found, settings.seconds(60, 15), STEPS[runs])
    goals = {(mode, bare[mode]): OVER_PRODUCTS for mode in modes}
    if runs == max(RUNS):
        goals |= {(mode, "rbms"): OVER_RBMS for mode in modes}
    return table(f"{runs} runs", modes, (BY_HAND, *PEERS), ms, bare, missing, goals)


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


def by_hand(model: RBM, runs: int) -> Call:
    """The loop as one writes it down: one product for the weights and the next draw, one for the way back."""
    W, b, c, a = model.W.detach(), model.b.detach(), model.c.detach(), model.base()["visible"]
    v = (torch.rand(runs, len(b)) < a.sigmoid()).float()
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
