"""Sites of two values drawn one after another, each felt by those after it."""

import functools
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from genlatent.numerics.machine_code import machine_code

PAYS_BACK = 1_000_000  # turns after which machine code, seconds in the making, has saved what it costs
TOGETHER = 16  # sites that take their turns one by one
COMPILES_FOR = torch.Generator().device.type  # the kind of device of torch's default generator

Code = Callable[..., Tensor]


class Turns:
    r"""The sites of one block: :math:`b_i = [f_i > t_i]`, then :math:`f_j \mathrel{+}= L_{ji} b_i` for all later j.

    A few sites at a time take their turns with one another, two operations of torch for each; those after them feel
    them by one product. Once so many turns have been taken that a compiler pays back, those few are one piece of
    machine code. As b is 0 or 1, no product with it rounds, and both ways give the same numbers to the last bit.

    Args:
        field: fields of the sites, `(site, chain)`; overwritten.
        threshold: above which a site is on.
        drawn: where new states are written.
        lower: L, strictly lower triangular.
    """

    def __init__(
        self,
        field: Float[Tensor, "site chain"],
        threshold: Float[Tensor, "site chain"],
        drawn: Float[Tensor, "site chain"],
        lower: Float[Tensor, "site site"],
    ):
        parts = [slice(i, i + TOGETHER) for i in range(0, len(field), TOGETHER)]
        self._parts = [_Part(field[at], threshold[at], drawn[at], lower[at, at].contiguous()) for at in parts]
        self._after = [(field[at.stop :], lower[at.stop :, at].contiguous()) for at in parts]

    def take(self, may_compile: bool) -> None:
        """Draw every site."""
        for part, (later, lower) in zip(self._parts, self._after):
            part.take(may_compile)
            if len(later):
                later.addmm_(lower, part.drawn)


class _Part:
    """Sites that take their turns with one another."""

    def __init__(self, field: Tensor, threshold: Tensor, drawn: Tensor, lower: Tensor):
        self.drawn = drawn
        self._rows = field, threshold, lower
        columns = [lower[i + 1 :, i : i + 1].contiguous() for i in range(len(lower))]
        later = [field[i + 1 :] for i in range(len(field))]
        self._turns = list(zip(field, threshold, drawn, later, columns))

    def take(self, may_compile: bool) -> None:
        code = self._code() if may_compile else None
        if code is not None:
            self.drawn.copy_(code(*self._rows))
            return
        for field, threshold, drawn, later, lower in self._turns:
            torch.gt(field, threshold, out=drawn)
            later.addcmul_(lower, drawn)

    def _code(self) -> Code | None:
        field = self._rows[0]
        usual = field.dtype == torch.float32 and field.device.type == COMPILES_FOR
        return compiled(*field.shape) if usual else None


def taken_in_turn(field: Tensor, threshold: Tensor, lower: Tensor) -> Tensor:
    """New states of the sites, as one expression."""
    rows, drawn = list(field.unbind(0)), []
    for i in range(len(rows)):
        drawn.append((rows[i] > threshold[i]).to(field.dtype))
        for j in range(i + 1, len(rows)):
            rows[j] = rows[j] + lower[j, i] * drawn[i]
    return torch.stack(drawn)


@functools.cache
def compiled(sites: int, chains: int) -> Code | None:
    """:func:`taken_in_turn` as machine code, made once for each shape; None where there is no compiler."""
    leaves = torch.zeros(sites, chains), torch.zeros(sites, chains), torch.zeros(sites, sites)
    try:
        run = machine_code(make_fx(taken_in_turn)(*leaves), leaves)
    except Exception:  # whatever the compiler raises, the turns are taken without it
        return None
    return lambda *rows: _only(run(*rows))


def _only(found: Tensor | list[Tensor] | tuple[Tensor, ...]) -> Tensor:
    return found if isinstance(found, Tensor) else found[0]
