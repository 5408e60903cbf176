"""Site-wise Gibbs sweeps of a dense machine of 400 units, against a loop over sites and against their own product."""

from collections.abc import Callable

import torch

from benchmarks.harness import Row, Settings, interleaved, main, products
from genlatent.energy.machine import BoltzmannMachine
from genlatent.numerics.matmul import fast_is_better, fast_matmul
from genlatent.sampling.turns import PAYS_BACK

UNITS, CHAINS = 400, 1000
SWEEPS = 2  # in one timed call

OVER_LOOP = 1 / 4  # ours must be four times faster than the loop
OVER_PRODUCT = 2.0  # and may cost twice its product and random numbers

Call = Callable[[], object]


@torch.no_grad()
def benchmark(settings: Settings) -> list[Row]:
    """Site-wise Gibbs sweeps of a dense machine of 400 units, against a loop over sites and their own product."""
    torch.manual_seed(settings.seed)
    machine = BoltzmannMachine({"visible": UNITS}, [("visible", "visible")])
    machine.get_parameter("visible_visible_weight").normal_(0, 0.1)
    routes = ["float32", *(["fast"] if fast_is_better() else [])]
    calls: dict[str, Call] = {"loop": loop(machine)}
    for route in routes:
        calls[f"ours/{route}"] = ours(machine, route)
        calls[f"limit/{route}"] = limit(route)
        calls[f"product/{route}"] = repeated(products([(CHAINS, UNITS, UNITS)], route))
    ms = interleaved(calls, settings.seconds(60, 20), SWEEPS)
    work, rows = f"{UNITS} units, {CHAINS} chains", []
    for route in routes:
        mine, bare, limited = (ms[f"{name}/{route}"] for name in ("ours", "product", "limit"))
        rows.append(Row(work, route, mine, "loop over sites in torch", ms["loop"], bare, OVER_LOOP))
        rows.append(Row(work, route, mine, "one product, random numbers", limited, bare, OVER_PRODUCT))
    return rows


def ours(machine: BoltzmannMachine, route: str) -> Call:
    """A run long enough that its turns have become machine code."""
    kernel, generator = machine.gibbs(), torch.Generator().manual_seed(0)
    runner = kernel.runner(kernel.init(CHAINS, generator), generator)
    runner.advance(PAYS_BACK // UNITS + 1)

    def call() -> None:
        with fast_matmul(route):
            runner.advance(SWEEPS)

    return call


def loop(machine: BoltzmannMachine) -> Call:
    """What one writes first: each site of all chains from one product with its column."""
    theta, generator = machine.theta(), torch.Generator().manual_seed(0)
    W, b = theta.couplings["visible", "visible"].detach(), theta.biases["visible"].detach()
    s = (torch.rand(CHAINS, UNITS, generator=generator) < 0.5).float()

    def call() -> None:
        for _ in range(SWEEPS):
            for i in range(UNITS):
                field = torch.mv(s, W[i]) + b[i]
                s[:, i] = (torch.rand(CHAINS, generator=generator) < torch.sigmoid(field)).float()

    return call


def limit(route: str) -> Call:
    """One product of all chains with the couplings, and a uniform number for each unit of each chain."""
    product, generator = products([(CHAINS, UNITS, UNITS)], route), torch.Generator().manual_seed(0)
    numbers = torch.empty(CHAINS, UNITS)

    def once() -> None:
        product()
        torch.rand(CHAINS, UNITS, generator=generator, out=numbers)

    return repeated(once)


def repeated(once: Callable[[], object]) -> Call:
    def call() -> None:
        for _ in range(SWEEPS):
            once()

    return call


if __name__ == "__main__":
    main("sites", benchmark)
