"""What the page is told before it shows anything: what this model can do."""

from typing import Any

from genlatent.explorer import wishes
from genlatent.explorer.chains import methods_that_work
from genlatent.explorer.player import Player, parameters

HOTTEST = 5.0  # temperature that the page offers


def capabilities(player: Player) -> dict[str, Any]:
    """Plain values from which the page builds itself; what is empty or None is not shown."""
    model, subject = player.model, player.subject
    kind = type(model).__name__
    return {
        "name": subject.name,
        "model": kind,
        "what": summary(model),
        "family": model.family,
        "size": sum(parameter.numel() for parameter in model.parameters()),
        "data": str(subject.about.get("title", "")),
        "view": player.view.plain(),
        "condition": player.told.plain(),
        "latent": _codes(player),
        "sample": _sampling(player),
        "verbs": player.verbs,
        "chains": _chains(player),
        "history": bool(subject.history),
        "report": subject.report is not None,
        "examples": subject.rows is not None,
    }


def summary(model: Any) -> str:
    """The first sentence of a model's docstring.

    >>> from genlatent.latent.vae import VAE
    >>> summary(VAE(3, latent=2))
    'A latent code z, a decoder that turns it into x, and an encoder that guesses it back'
    """
    text = (type(model).__doc__ or "").strip().split("\n\n")[0]
    return " ".join(text.replace(":math:", "").replace("`", "").split()).rstrip(".:")


def _codes(player: Player) -> dict[str, Any] | None:
    if player.axes is None:
        return None
    classes = len(player.told.counts) == 1 and "y" in parameters(player.model, "decode")
    return player.axes.plain() | {"classes": classes}


def _sampling(player: Player) -> dict[str, Any] | None:
    if not player.draws or not player.told.clear:
        return None
    known = parameters(player.model, "sample")
    how = {"temperature": "temperature" in known, "steps": "steps" in known, "means": player.means}
    return {"most": wishes.MOST_DRAWS, **how}


def _chains(player: Player) -> dict[str, Any] | None:
    methods = methods_that_work(player, player.first_condition()) if player.told.clear else []
    if not methods:
        return None
    return {"methods": list(methods), "most": wishes.MOST_CHAINS, "hottest": HOTTEST}
