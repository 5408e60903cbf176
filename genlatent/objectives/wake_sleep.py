"""Wake-sleep: generation learns from what recognition sees in the data, recognition from what generation dreams."""

from typing import Any

import torch
from torch import Tensor

from genlatent.objectives.base import Batch, Loss, Objective
from genlatent.objectives.contrastive import SITES, ContrastiveDivergence


class WakeSleep(Objective):
    r"""The up-down algorithm for directed layers under a restricted Boltzmann machine.

    .. math::

        L = -\mathbb{E}_{data, q}\bigl[\log p(v \mid h^1) + \dots + \log p(h^{L-2} \mid h^{L-1})\bigr]
            + \langle F(h^{L-1}) \rangle_{q} - \langle F(h^{L-1}) \rangle_{chains}
            - \mathbb{E}_{chains, p}\bigl[\log q(h^{L-1} \mid h^{L-2}) + \dots + \log q(h^1 \mid v)\bigr]

    Awake, each layer is drawn by recognition from the one below, and generation learns to give the lower from the
    upper. The top machine learns by contrastive divergence. Asleep, the chains of the top machine are followed down
    to the data, and recognition learns to give the upper from the lower. The first two terms climb a bound on the
    likelihood; the last one follows a different objective, KL(p || q), and may let the bound fall a little.

    The held-out `loss` is the negative bound with the top machine's pseudo-log-likelihood in the place of its
    intractable log-probability: to follow a training by, no likelihood.

    Args:
        steps, persistent, chains, centred, memory: of the top machine, as in :class:`ContrastiveDivergence`.

    References:
        The "wake-sleep" algorithm for unsupervised neural networks (Hinton, Dayan, Frey and Neal, 1995)

        A Fast Learning Algorithm for Deep Belief Nets (Hinton, Osindero and Teh, 2006)
    """

    def __init__(
        self, steps: int = 1, persistent: bool = True, chains: int = 100, centred: bool = True, memory: float = 0.99
    ):
        self.contrast = ContrastiveDivergence(steps, persistent, chains, centred, memory)
        self.steps = steps
        self.persistent = persistent
        self.chains = chains
        self.centred = centred
        self.memory = memory

    def init(self, model: Any, x: Tensor, share: float = 1.0) -> dict[str, Tensor]:
        """Persistent chains of the top machine, at its base rates."""
        return self.contrast.init(model.top, x, share)

    def __call__(self, model: Any, batch: Batch, state: dict[str, Tensor]) -> Loss:
        """The three losses of one batch, added."""
        with torch.no_grad():
            awake, _ = model.up(model.flat(batch.x))
        positive = self.contrast.clamp(model.top, Batch(awake[-1]))
        chains = self.contrast.advance(model.top, self.contrast.start(model.top, positive, state))
        with torch.no_grad():
            asleep = model.down(chains["visible"])
        top = self.contrast.difference(model.top, positive, chains)
        generation, recognition = _mean(model.log_generation(awake)), _mean(model.log_recognition(asleep))
        parts = {"generation": generation, "recognition": recognition}
        metrics = {name: -part.detach() for name, part in parts.items() if isinstance(part, Tensor)}
        kept = {"chains": chains["visible"]} if self.persistent else {}
        buffers = {f"top.{name}": value for name, value in top.buffers.items()} | self._code_offset(model, awake)
        return Loss(top.value - generation - recognition, metrics | {"gap": top.metrics["gap"]}, kept, buffers)

    @torch.no_grad()
    def _code_offset(self, model: Any, awake: list[Tensor]) -> dict[str, Tensor]:
        """The top machine's data are codes, whose mean moves with the layers below."""
        if not self.centred or len(awake) == 1:
            return {}
        old = model.top.offsets()["visible"]
        return {"top.visible_offset": self.memory * old + (1 - self.memory) * awake[-1].mean(0)}

    @torch.no_grad()
    def validate(self, model: Any, batch: Batch) -> dict[str, Tensor]:
        """The negative bound with a pseudo-likelihood in it, and the squared reconstruction error of each row."""
        x = model.flat(batch.x)
        states, fields = model.up(x)
        every = -(-states[-1].shape[1] // SITES)
        bound = model.log_generation(states) + model.entropy(fields)
        error = (model.reconstruct(batch.x) - model.shaped(batch.x)).flatten(1).square().sum(1)
        return {"loss": -bound - model.top.pseudo_likelihood(states[-1], every=every), "reconstruction": error}


def _mean(rows: Tensor | float) -> Tensor | float:
    return rows.mean() if isinstance(rows, Tensor) else rows
