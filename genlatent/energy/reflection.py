"""A box whose walls reflect."""

from torch import Tensor


def fold(x: Tensor) -> Tensor:
    r"""Where the walls at 0 and 1 reflect x to: :math:`1 - |1 - (x \bmod 2)|`.

    Values in the box stay, to the last bit. An energy :math:`E(\mathrm{fold}(x))` is even about every wall, so a chain
    that is exact for it is, once folded, exact for :math:`e^{-E}` in the box.

    >>> import torch
    >>> fold(torch.tensor([0.25, -0.25, 1.25, 2.25])).tolist()
    [0.25, 0.25, 0.75, 0.25]
    """
    rest = x.remainder(2)
    return rest.where(rest <= 1, 2 - rest)


def heading(x: Tensor) -> Tensor:
    """The slope of :func:`fold`: -1 where the way to the box is by an odd number of reflections, 1 elsewhere.

    >>> import torch
    >>> heading(torch.tensor([0.25, -0.25, 1.25, 2.25])).tolist()
    [1.0, -1.0, -1.0, 1.0]
    """
    return (x.remainder(2) <= 1).to(x) * 2 - 1
