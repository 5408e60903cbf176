"""What benchmarks of chains share: the machine, the routes of its products, and how absent peers appear."""

from collections.abc import Callable, Mapping, Sequence

import torch

from benchmarks.harness import Row, products
from genlatent.energy.rbm import RBM
from genlatent.numerics.matmul import fast_is_better

VISIBLE, HIDDEN = 784, 500

Call = Callable[[], object]


def machine() -> RBM:
    """An RBM whose fields and activities are about those of one that has learned digits."""
    model = RBM(VISIBLE, HIDDEN)
    with torch.no_grad():
        model.visible_hidden_weight.normal_(0, 0.05)
        model.visible_bias.fill_(-1.0)
        model.base()["visible"].fill_(-1.4)
    return model


def routes() -> list[str]:
    """The routes of float32 products here; the last one is what the library takes on many chains."""
    return ["float32", *(["fast"] if fast_is_better() else [])]


def repeated(call: Callable[[], object], times: int) -> Call:
    """The same thing several times over."""

    def many() -> None:
        for _ in range(times):
            call()

    return many


def two_products(rows: int, route: str, times: int) -> Call:
    """The bare products of a Gibbs step or an annealed one, several times over."""
    return repeated(products([(rows, VISIBLE, HIDDEN), (rows, HIDDEN, VISIBLE)], route), times)


def present(peers: Mapping[str, Callable[..., Call]], *given: object) -> tuple[dict[str, Call], dict[str, str]]:
    """The calls of the peers that are installed, and what is to be said of the others."""
    calls, missing = {}, {}
    for name, peer in peers.items():
        try:
            calls[name] = peer(*given)
        except ImportError as reason:
            missing[name] = f"not installed ({reason.name})"
    return calls, missing


def table(
    work: str,
    modes: Sequence[str],
    peers: Sequence[str],
    ms: Mapping[str, float],
    bare: Mapping[str, str],
    notes: Mapping[str, str],
    goals: Mapping[tuple[str, str], float],
) -> list[Row]:
    """Every mode of ours against its own bare products, and then against every peer.

    Args:
        work: what was done.
        modes: of ours, timed as `ours/MODE`.
        peers: by the names under which they were timed.
        ms: the times.
        bare: for each mode the name under which its bare products were timed.
        notes: by peer.
        goals: by mode and peer.
    """
    rows = []
    for mode in modes:
        ours, products_ms = ms[f"ours/{mode}"], ms[bare[mode]]
        for peer in (bare[mode], *peers):
            said = {"peer": peer, "peer_ms": ms.get(peer), "note": notes.get(peer, "")}
            rows.append(Row(work, mode, ours, products_ms=products_ms, goal=goals.get((mode, peer)), **said))
    return rows
