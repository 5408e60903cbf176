"""What every objective that bounds the evidence reports, whatever it descends."""

from typing import Any

from torch import Tensor

from genlatent.objectives.base import Batch, Objective
from genlatent.objectives.collapse import summary
from genlatent.objectives.pyro_terms import Rows, Terms, terms, total


class Variational(Objective):
    r"""An objective over the terms of a model and its guide.

    Its metrics are the negative evidence lower bound in nats, without any weight, and its two parts, so that numbers
    of all of them stand side by side; held out, the state of the latent dimensions comes with it.
    """

    particles: int = 1
    analytic: bool = True

    needs = ("guide",)

    def rows(self, model: Any, batch_size: int) -> int:
        """Every draw of a latent goes through the decoder."""
        return batch_size * self.particles

    def metrics(self, t: Terms, kl: Rows) -> Rows:
        """What people read: the bound at beta 1 and its two parts."""
        reconstruction, divergence = t.reconstruction, total(kl)
        return {"loss": reconstruction + divergence, "kl": divergence, "reconstruction": reconstruction}

    def read(self, t: Terms, kl: Rows) -> dict[str, Tensor]:
        """The same as scalars."""
        return {name: rows.detach().mean() for name, rows in self.metrics(t, kl).items()}

    def validate(self, model: Any, batch: Batch) -> dict[str, Tensor]:
        """Loss, KL and reconstruction of each row, in nats."""
        t = terms(model, batch.x, batch.y, particles=self.particles)
        found = self.metrics(t, t.kl(self.analytic))
        return {name: rows.mean(0).expand(t.num_rows).detach() for name, rows in found.items()}

    def summarise(self, model: Any, batch: Batch) -> dict[str, Tensor]:
        """KL of each latent dimension, active units, and mutual information."""
        return summary(model, batch.x, batch.y)
