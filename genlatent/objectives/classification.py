"""Learning pairs of rows and classes: as a model of the pairs, as a classifier, or as both."""

from typing import Any

import torch
from torch import Tensor

from genlatent.errors import RecipeError
from genlatent.objectives.base import Batch, Loss
from genlatent.objectives.centring import centred
from genlatent.objectives.contrastive import ContrastiveDivergence


class Classification(ContrastiveDivergence):
    r"""The likelihood of rows with their classes, and that of the classes given the rows, weighed against each other.

    .. math::

        L = \gamma \bigl[ \langle F(v, y) \rangle_{data} - \langle F(v, y) \rangle_{chains} \bigr]
            - \delta \, \langle \log p(y \mid v) \rangle_{data}

    Rows without a label, marked -1, take part in the first term with the class summed out, and in the second not.
    The held-out `loss` is :math:`-\log p(y \mid v)` in nats, 0 for rows without a label.

    Args:
        generative: weight of the first term; without it no chains are run.
        discriminative: weight of the second term.
        steps, persistent, chains, centred, memory: as in :class:`ContrastiveDivergence`.

    References:
        Classification using discriminative restricted Boltzmann machines (Larochelle and Bengio, 2008)
    """

    def __init__(
        self,
        generative: float = 0.1,
        discriminative: float = 1.0,
        steps: int = 1,
        persistent: bool = True,
        chains: int = 500,
        centred: bool = True,
        memory: float = 0.99,
    ):
        super().__init__(steps, persistent, chains, centred, memory)
        if min(generative, discriminative) < 0 or generative + discriminative == 0:
            raise RecipeError(
                f"generative and discriminative are weights, one of them above 0, got {generative} and {discriminative}"
            )
        self.generative = generative
        self.discriminative = discriminative

    def init(self, model: Any, x: Tensor, share: float = 1.0) -> dict[str, Tensor]:
        """Persistent chains, where the pairs are learned."""
        return super().init(model, x, share) if self.generative else {}

    def __call__(self, model: Any, batch: Batch, state: dict[str, Tensor]) -> Loss:
        """Both terms of one batch; the data are multiplied by the couplings once."""
        theta = centred(model.theta(), model.offsets()) if self.centred else model.theta()
        energies, fields = model.class_energies(model.flat(batch.x), theta=theta)
        of_class, of_row, known = _energies(energies, batch.y)
        surprise = ((of_class - of_row) * known).sum() / known.sum().clamp(min=1)
        p = torch.where(known.unsqueeze(1), _one_hot(batch.y, energies), (-energies).softmax(1)).detach()
        value, metrics, kept = self.discriminative * surprise, {"classification": surprise.detach()}, {}
        if self.generative:
            chains = self.advance(model, self._start_pairs(model, batch, p, state))
            on_data = torch.where(known, of_class, of_row).mean()
            gap = on_data - model.reduced_energy(chains, theta=theta)[0].mean()
            value = value + self.generative * gap
            metrics |= {"gap": gap.detach(), "free_energy": on_data.detach()}
            kept = {"chains": chains["visible"], "chains_label": chains["label"]} if self.persistent else {}
        return Loss(value, metrics, kept, self._moved(model, fields, p))

    @torch.no_grad()
    def _start_pairs(self, model: Any, batch: Batch, p: Tensor, state: dict[str, Tensor]) -> dict[str, Tensor]:
        if self.persistent:
            return {"visible": state["chains"], "label": state["chains_label"]}
        return {"visible": model.flat(batch.x), "label": model.units["label"].sample(p.clamp(min=1e-30).log())}

    @torch.no_grad()
    def _moved(self, model: Any, fields: Tensor, p: Tensor) -> dict[str, Tensor]:
        """Moving averages of the means of class and hidden units."""
        if not self.centred:
            return {}
        hidden = (p.unsqueeze(-1) * model.units["hidden"].mean(fields)).sum(1)
        means, old = {"hidden": hidden.mean(0), "label": p.mean(0)}, model.offsets()
        return {f"{n}_offset": self.memory * old[n] + (1 - self.memory) * mean for n, mean in means.items()}

    @torch.no_grad()
    def validate(self, model: Any, batch: Batch) -> dict[str, Tensor]:
        """Negative log-probability of the class, whether it is wrong, and the free energy of each row."""
        energies, _ = model.class_energies(model.flat(batch.x))
        of_class, of_row, known = _energies(energies, batch.y)
        wrong = (energies.argmin(1) != _classes(energies, batch.y)) & known
        return {"loss": (of_class - of_row) * known, "error": wrong.to(of_row), "free_energy": of_row}


def _energies(energies: Tensor, y: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """F(v, y) of each row's class, F(v), and which rows have a label."""
    classes = _classes(energies, y)
    own = energies.gather(1, classes.clamp(min=0).unsqueeze(1)).squeeze(1)
    return own, -(-energies).logsumexp(1), classes >= 0


def _classes(energies: Tensor, y: Tensor | None) -> Tensor:
    if y is None:
        return torch.full_like(energies[:, 0], -1, dtype=torch.long)
    return y.reshape(len(energies)).long()


def _one_hot(y: Tensor | None, energies: Tensor) -> Tensor:
    classes = _classes(energies, y).clamp(min=0).unsqueeze(1)
    return torch.zeros_like(energies).scatter(1, classes, 1.0)
