"""A plain network that completes an image, each missing pixel by itself."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from genlatent.distributions.base import Likelihood
from genlatent.distributions.likelihoods import Bernoulli
from genlatent.distributions.supports import Support
from genlatent.model import Model
from genlatent.networks.base import Sizes, size
from genlatent.networks.conditions import Quadrants
from genlatent.networks.mlp import MLP
from genlatent.networks.wiring import Joint, at_rest, image_like, start_from_mean
from genlatent.objectives.base import Batch, Loss, Objective


class LogLoss(Objective):
    r"""Mean of :math:`-\log p(x \mid y)`, of models that give it in closed form."""

    needs = ("log_likelihood",)

    def __call__(self, model: Any, batch: Batch, state: dict[str, Tensor]) -> Loss:
        """The mean over the rows."""
        return Loss(-model.log_likelihood(batch.x).mean())

    @torch.no_grad()
    def validate(self, model: Any, batch: Batch) -> dict[str, Tensor]:
        """Of each row."""
        return {"loss": -model.log_likelihood(batch.x)}


class PlainCompletion(Model):
    r"""The pixels that are not seen given those that are, independent of each other:

    .. math:: p(x_U \mid x_S) = \prod_{i \in U} p(x_i \mid g_i(x_S))

    It is what a conditional VAE is without its latent code, and shows what the code is good for.

    References:
        Learning structured output representation using deep conditional generative models (Sohn et al., 2015)

    Args:
        event_shape: `(channels, height, width)` of one image.
        condition: which cells are seen.
        likelihood: of one cell, `Bernoulli` unless told otherwise.
        network: a network or any module from the seen cells to the parameters of all cells.

    >>> PlainCompletion((1, 4, 4), Quadrants(3)).score(torch.zeros(2, 1, 4, 4)).shape
    torch.Size([2])
    """

    family = "autoencoder"

    def __init__(
        self,
        event_shape: Sizes,
        condition: Quadrants,
        likelihood: Likelihood | None = None,
        network: nn.Module | None = None,
    ):
        super().__init__()
        self.event_shape, self.condition = size(event_shape, "event_shape"), condition
        self.condition.bind(self.event_shape)
        self.likelihood = Bernoulli() if likelihood is None else likelihood
        self.likelihood.bind(self.event_shape)
        self.network = MLP() if network is None else network
        outputs = image_like(self.event_shape, self.likelihood.num_params(self.event_shape))
        seen = torch.Size([self.condition.num_features])
        self._joint = Joint("network", seen, outputs, f"the {type(self.likelihood).__name__} of all cells")
        self._joint.connect(self.network)

    @property
    def support(self) -> Support:
        """Where x lies: what the likelihood covers."""
        return self.likelihood.support

    def objective(self) -> LogLoss:
        """The logarithmic loss of the cells that are not seen."""
        return LogLoss()

    def prepare(self, x: Tensor) -> None:
        """Let the network start from the mean of the data."""
        start_from_mean(self.network, self.shaped(x), self.likelihood)

    def log_likelihood(self, x: Tensor) -> Float[Tensor, " batch"]:
        """log p of the cells of each row that are not seen, differentiable and unchecked."""
        x = self.shaped(x)
        params = self._joint.run(self.network, self.condition.of(x, None))
        return -self.likelihood.loss(params, x, self.condition.unseen().expand(len(x), *self.event_shape))

    def score(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """The same, checked: nothing is drawn."""
        self.likelihood.check(self.shaped(x))
        with at_rest(self):
            return self.log_likelihood(x)
