"""A density of codes: a Gaussian mixture, fitted at once or following codes that still move."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from sklearn.mixture import GaussianMixture
from torch import Tensor, nn

from genlatent.errors import DataError, RecipeError
from genlatent.numerics.randomness import drawing_from

FLOOR = 1e-5  # share of the mean variance that every direction has at least, so that float32 can factorise
ROUNDS = 500  # of expectation and maximisation at most


class CodeDensity(nn.Module):
    r"""A Gaussian mixture with full covariances, in buffers: nothing here has a gradient.

    .. math:: p(z) = \sum_k \pi_k \, \mathcal{N}(z; \mu_k, \Sigma_k)

    It starts as one standard normal, `components` times.

    Args:
        components: number of Gaussians.
        width: values of a code.

    >>> CodeDensity(3, 2).log_prob(torch.zeros(4, 2)).shape
    torch.Size([4])
    """

    shares: Tensor  # pi
    means: Tensor  # mu
    covariances: Tensor  # Sigma

    def __init__(self, components: int, width: int):
        super().__init__()
        if components < 1:
            raise RecipeError(f"components must be at least 1, got {components}")
        self.components, self.width = components, width
        self.register_buffer("shares", torch.full((components,), 1 / components))
        self.register_buffer("means", torch.zeros(components, width))
        self.register_buffer("covariances", torch.eye(width).repeat(components, 1, 1))

    def factors(self) -> Float[Tensor, "component width width"]:
        r"""Lower triangular :math:`L_k` with :math:`L_k L_k^\top = \Sigma_k`, but for a floor under its eigenvalues."""
        diagonal = self.covariances.diagonal(dim1=-2, dim2=-1)
        least = FLOOR * diagonal.mean() + torch.finfo(diagonal.dtype).tiny
        eye = torch.eye(self.width, dtype=diagonal.dtype, device=diagonal.device)
        return torch.linalg.cholesky_ex(self.covariances + least * eye).L

    def joint(self, z: Float[Tensor, "batch width"]) -> Float[Tensor, "batch component"]:
        r""":math:`\log \pi_k + \log \mathcal{N}(z; \mu_k, \Sigma_k)`."""
        L = self.factors()
        away = (z - self.means[:, None]).mT  # component, width, batch
        squares = torch.linalg.solve_triangular(L, away, upper=False).square().sum(1)
        constant = self.shares.log() - L.diagonal(dim1=-2, dim2=-1).log().sum(-1) - self.width / 2 * _LOG_TWO_PI
        return (constant[:, None] - squares / 2).mT

    def log_prob(self, z: Float[Tensor, "batch width"]) -> Float[Tensor, " batch"]:
        r""":math:`\log p(z)` in nats of codes, which says nothing about nats of data."""
        return self.joint(z).logsumexp(1)

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Float[Tensor, "draw width"]:
        """`n` codes."""
        with torch.no_grad(), drawing_from(generator):
            k = torch.multinomial(self.shares, n, replacement=True)
            noise = torch.randn(n, self.width, 1, dtype=self.means.dtype, device=self.means.device)
            return self.means[k] + (self.factors()[k] @ noise).squeeze(-1)

    @torch.no_grad()
    def fit(self, z: Float[Tensor, "batch width"], *, seed: int = 0) -> None:
        """The mixture that expectation and maximisation find for these codes."""
        found = mixture(z, self.components, seed)
        for name, values in (("shares", found.weights_), ("means", found.means_), ("covariances", found.covariances_)):
            getattr(self, name).copy_(torch.from_numpy(values))

    def moved(self, z: Float[Tensor, "batch width"], rate: float) -> dict[str, Tensor]:
        r"""Shares, means and covariances after one step towards the codes of a batch.

        One step of expectation and maximisation on moments of which the batch makes up the share `rate`: with
        :math:`r_{bk} = p(k \mid z_b)` and n its mean over the batch,

        .. math:: \pi'_k = (1 - \rho) \pi_k + \rho n_k, \quad f_k = \rho n_k / \pi'_k, \quad
                  \mu'_k = (1 - f_k) \mu_k + f_k \sum_b r_{bk} z_b / \textstyle\sum_b r_{bk}

        and :math:`\Sigma'_k` the second moments about :math:`\mu'_k`, mixed in the same shares.

        References:
            On-line expectation-maximization algorithm for latent data models (Cappe and Moulines, 2009)
        """
        r = self.joint(z).softmax(1)
        n = r.mean(0)
        shares = (1 - rate) * self.shares + rate * n
        f = (rate * n / shares)[:, None]
        own = (r / r.sum(0).clamp(min=torch.finfo(r.dtype).tiny)).mT  # component, batch: each row sums to 1
        means = (1 - f) * self.means + f * (own @ z)
        shift, away = self.means - means, z - means[:, None]
        old = self.covariances + shift[:, :, None] * shift[:, None, :]
        new = (own[:, :, None] * away).mT @ away
        covariances = (1 - f[..., None]) * old + f[..., None] * new
        return {"shares": shares, "means": means, "covariances": covariances}


_LOG_TWO_PI = float(torch.log(torch.tensor(2 * torch.pi, dtype=torch.float64)))


def mixture(z: Float[Tensor, "batch width"], components: int, seed: int = 0) -> GaussianMixture:
    """scikit-learn's mixture of these codes; no number of it outlives the call but in tensors."""
    if len(z) < 2 * components:
        raise DataError(f"{len(z)} codes are too few for {components} components; fit fewer, or give more rows")
    codes = z.double().numpy(force=True)
    least = FLOOR * float(codes.var(0).mean()) + 1e-12
    return GaussianMixture(components, reg_covar=least, max_iter=ROUNDS, random_state=seed).fit(codes)


def best_components(
    z: Float[Tensor, "batch width"],
    candidates: Sequence[int],
    held_out: Float[Tensor, "row width"] | None = None,
    seed: int = 0,
) -> int:
    r"""The number of components with the highest density of held-out codes, or without such the lowest BIC,

    .. math:: -2 \log p(z_1, \ldots, z_N) + m \log N

    with m free parameters.

    References:
        Estimating the dimension of a model (Schwarz, 1978)
    """
    if not candidates:
        raise RecipeError("no number of components to choose from")
    fitted = {count: mixture(z, count, seed) for count in candidates}
    if held_out is None:
        codes = z.double().numpy(force=True)
        return min(fitted, key=lambda count: fitted[count].bic(codes))
    codes = held_out.double().numpy(force=True)
    return max(fitted, key=lambda count: fitted[count].score(codes))
