"""Units that are brought to one scale, over the rows of a batch."""

from torch import Tensor, nn
from torch.nn.functional import batch_norm

from genlatent.errors import RecipeError
from genlatent.registry import nearest


class BatchNorm(nn.BatchNorm1d):
    r"""Each unit less its mean over the rows, divided by its deviation, :math:`\gamma (h - \mu) / \sigma + \beta`.

    In training :math:`\mu` and :math:`\sigma` are those of the batch, whatever number of dimensions it has; moving
    averages of them stand in outside training, and for a batch of a single row, which has no deviation.

    References:
        Batch normalization: accelerating deep network training (Ioffe and Szegedy, 2015)

    >>> BatchNorm(1)(Tensor([[-1.0], [1.0]])).detach().round().flatten()
    tensor([-1.,  1.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """`(*batch, units)` -> the same shape."""
        rows = input.reshape(-1, input.shape[-1])
        if len(rows) > 1:
            out = super().forward(rows)
        else:
            out = batch_norm(rows, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        return out.reshape(input.shape)


NORMALISATIONS = {"batch": BatchNorm}


def normalisation(name: str, units: int) -> nn.Module:
    """The normalisation of that name, for so many units.

    >>> normalisation("batch", 3).num_features
    3
    """
    if name not in NORMALISATIONS:
        raise RecipeError(f"no normalisation is called {name!r}; {nearest(name, list(NORMALISATIONS))}")
    return NORMALISATIONS[name](units)
