"""Sparse coding: a dictionary, and codes that are inferred by minimising, without an encoder."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from genlatent.distributions.missing import refuse_gaps
from genlatent.distributions.supports import Support, check
from genlatent.errors import RecipeError
from genlatent.model import Model
from genlatent.networks.base import Sizes, size
from genlatent.networks.wiring import at_rest
from genlatent.objectives.dictionary import DictionaryLearning

METHODS = ("fista", "ista")


class SparseCoding(Model):
    r"""Each row is a sum of few atoms of a dictionary; which ones is inferred.

    .. math:: E(x, z) = \| x - b - D z \|^2 + \lambda \| z \|_1, \qquad z(x) = \arg\min_z E(x, z), \qquad
              \min_{D, b} \sum_n E(x_n, z(x_n))

    The columns of D, the atoms, have length 1. The minimum is approached by a fixed number of proximal gradient steps
    (ISTA), by default accelerated (FISTA). An autoencoder with a sparse code learns to give such codes at once.

    References:
        Emergence of simple-cell receptive field properties by learning a sparse code (Olshausen and Field, 1996)

        A fast iterative shrinkage-thresholding algorithm for linear inverse problems (Beck and Teboulle, 2009)

    Args:
        event_shape: shape of one x.
        atoms: columns of D, as many values as a code has.
        weight: :math:`\lambda`.
        iterations: steps by which a code is inferred.
        method: `fista` or `ista`.

    >>> SparseCoding((1, 8, 8), atoms=100).encode(torch.zeros(3, 1, 8, 8)).shape
    torch.Size([3, 100])
    """

    family = "autoencoder"
    refusals = {"sample": "cannot sample: its codes have no distribution; use a VAE"}

    def __init__(
        self,
        event_shape: Sizes,
        atoms: int = 100,
        weight: float = 0.5,
        iterations: int = 50,
        method: str = "fista",
    ):
        super().__init__()
        if min(atoms, iterations) < 1:
            raise RecipeError(f"atoms and iterations must be at least 1, got {atoms} and {iterations}")
        if not weight >= 0:
            raise RecipeError(f"weight must not be negative, got {weight}")
        if method not in METHODS:
            raise RecipeError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
        self.event_shape, self.atoms, self.weight = size(event_shape, "event_shape"), atoms, weight
        self.iterations, self.method = iterations, method
        self.directions = nn.Parameter(torch.randn(atoms, self.event_shape.numel()))
        self.bias = nn.Parameter(torch.zeros(self.event_shape.numel()))

    @property
    def support(self) -> Support:
        """Anything that is a number."""
        return "real"

    @property
    def latent_shape(self) -> torch.Size:
        """Shape of one code."""
        return torch.Size([self.atoms])

    def dictionary(self) -> Float[Tensor, "atoms values"]:
        """The atoms, one a row: :math:`D^\\top`."""
        return self.directions / self.directions.norm(dim=1, keepdim=True).clamp_min(1e-12)

    def objective(self) -> DictionaryLearning:
        """The energy at the inferred codes."""
        return DictionaryLearning()

    @torch.no_grad()
    def prepare(self, x: Tensor) -> None:
        """Let b be the mean of the data and the atoms point at rows of it; those that are too many stay as they are."""
        rows = self.shaped(x).flatten(1)
        self.bias.copy_(rows.mean(0))
        chosen = rows[torch.randperm(len(rows), device=rows.device)[: self.atoms]] - self.bias
        far = chosen[chosen.norm(dim=1) > 0]
        self.directions[: len(far)] = far

    def infer(self, x: Tensor) -> Float[Tensor, "batch atoms"]:
        """The code of each row after the steps; differentiable."""
        centred, D = self.shaped(x).flatten(1) - self.bias, self.dictionary()
        return shrinking(centred, D, self.weight, self.iterations, accelerated=self.method == "fista")

    def energy(self, x: Tensor, z: Float[Tensor, "batch atoms"]) -> Float[Tensor, " batch"]:
        """E(x, z) of each row."""
        error = self.shaped(x).flatten(1) - self.bias - z @ self.dictionary()
        return error.square().sum(1) + self.weight * z.abs().sum(1)

    def encode(self, x: Tensor) -> Tensor:
        """The code of each row."""
        refuse_gaps(x, type(self).__name__)
        with at_rest(self):
            return self.infer(x)

    def decode(self, z: Tensor) -> Tensor:
        """The sum of atoms that belongs to each code."""
        with at_rest(self):
            return (self.bias + z @ self.dictionary()).unflatten(-1, self.event_shape)

    def denoise(self, x: Tensor) -> Tensor:
        """Noisy rows made clean: their reconstruction."""
        return self.reconstruct(x)

    def score(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """Minus the energy of each row at its code: not a likelihood."""
        check(self.shaped(x), self.support, type(self).__name__)
        with at_rest(self):
            return -self.energy(x, self.infer(x))


def shrinking(
    x: Float[Tensor, "batch values"],
    D: Float[Tensor, "atoms values"],
    weight: float,
    iterations: int,
    *,
    accelerated: bool = True,
) -> Float[Tensor, "batch atoms"]:
    r"""Proximal gradient steps on :math:`\| x - D^\top z \|^2 + \lambda \| z \|_1` from z = 0.

    .. math:: z \leftarrow S_{\lambda / L} \bigl( y - \tfrac{2}{L} D (D^\top y - x) \bigr), \qquad
              S_t(u) = \mathrm{sign}(u) \max(|u| - t, 0), \qquad L = 2 \| D \|_2^2

    with y = z, or, accelerated, :math:`y = z + \frac{t - 1}{t'} (z - z_\text{before})`,
    :math:`t' = \frac{1 + \sqrt{1 + 4 t^2}}{2}`.

    >>> shrinking(torch.tensor([[3.0, 0.1]]), torch.eye(2), weight=1.0, iterations=50)
    tensor([[2.5000, 0.0000]])
    """
    step = 0.5 / largest_eigenvalue(D)
    gram, target = D @ D.mT, x @ D.mT
    z = y = torch.zeros_like(target)
    t = 1.0
    for _ in range(iterations):
        before, u = z, y - 2 * step * (y @ gram - target)
        z = u.sign() * (u.abs() - weight * step).clamp_min(0.0)
        after = (1 + (1 + 4 * t * t) ** 0.5) / 2
        y = z + (t - 1) / after * (z - before) if accelerated else z
        t = after
    return z


def largest_eigenvalue(D: Float[Tensor, "atoms values"]) -> Float[Tensor, ""]:
    r"""The largest eigenvalue of :math:`D D^\top`, found in the smaller of the two spaces."""
    smaller = D @ D.mT if D.shape[0] <= D.shape[1] else D.mT @ D
    found = torch.linalg.eigh(smaller).eigenvalues[-1]  # eigvalsh takes another way in a graph, with other last bits
    return found.clamp_min(torch.finfo(D.dtype).tiny)  # of atoms that are all 0, whose codes are 0
