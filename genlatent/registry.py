"""Short names for everything a recipe can name; nothing is imported until it is asked for."""

from __future__ import annotations

import difflib
import importlib
from typing import Any

from genlatent.errors import RecipeError

KINDS: dict[str, dict[str, str]] = {
    "model": {
        "autoencoder": "genlatent.autoencoders.autoencoder:Autoencoder",
        "vae": "genlatent.latent.vae:VAE",
        "rbm": "genlatent.energy.rbm:RBM",
    },
    "objective": {
        "reconstruction": "genlatent.objectives.reconstruction:Reconstruction",
        "elbo": "genlatent.objectives.elbo:ELBO",
        "contrastive-divergence": "genlatent.objectives.contrastive:ContrastiveDivergence",
    },
    "likelihood": {
        "bernoulli": "genlatent.distributions.likelihoods:Bernoulli",
        "continuous-bernoulli": "genlatent.distributions.likelihoods:ContinuousBernoulli",
        "gaussian": "genlatent.distributions.likelihoods:Gaussian",
    },
    "reconstruction": {
        "squared-error": "genlatent.distributions.reconstructions:SquaredError",
        "cross-entropy": "genlatent.distributions.reconstructions:CrossEntropy",
    },
    "prior": {"standard-normal": "genlatent.distributions.priors:StandardNormal"},
    "posterior": {"diagonal-normal": "genlatent.distributions.posteriors:DiagonalNormal"},
    "network": {
        "mlp": "genlatent.networks.mlp:MLP",
        "conv-encoder": "genlatent.networks.convolutional:ConvEncoder",
        "conv-decoder": "genlatent.networks.convolutional:ConvDecoder",
    },
    "unit": {
        "bernoulli": "genlatent.energy.units:Bernoulli",
        "spin": "genlatent.energy.units:Spin",
        "gaussian": "genlatent.energy.units:Gaussian",
    },
    "corruption": {
        "masking": "genlatent.data.corruptions:Masking",
        "exact-masking": "genlatent.data.corruptions:ExactMasking",
        "block-occlusion": "genlatent.data.corruptions:BlockOcclusion",
        "gaussian": "genlatent.data.corruptions:GaussianNoise",
        "salt-and-pepper": "genlatent.data.corruptions:SaltAndPepper",
        "uniform": "genlatent.data.corruptions:UniformNoise",
    },
}

# Constructor arguments whose text value is a registered name of the kind on the right.
ARGUMENTS = {
    "likelihood": "likelihood",
    "loss": "reconstruction",
    "prior": "prior",
    "posterior": "posterior",
    "encoder": "network",
    "decoder": "network",
    "visible_units": "unit",
    "hidden_units": "unit",
    "corruption": "corruption",
    "objective": "objective",
}


def nearest(word: str, known: list[str]) -> str:
    """The sentence's end that helps with a misspelt name: `did you mean X?` or the list of what there is."""
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(sorted(known))}"


def location(kind: str, name: str) -> str:
    """`module:Name` of a registered name; a name that is a location already is passed through.

    >>> location("model", "vae")
    'genlatent.latent.vae:VAE'
    """
    if ":" in name:
        return name
    try:
        return KINDS[kind][name]
    except KeyError:
        raise RecipeError(f"no {kind} is called {name!r}; {nearest(name, list(KINDS[kind]))}") from None


def short_name(place: str) -> str:
    """The registered name of a location, or the location itself.

    >>> short_name("genlatent.energy.rbm:RBM"), short_name("mine:Poisson")
    ('rbm', 'mine:Poisson')
    """
    for kind, names in KINDS.items():
        for name, where in names.items():
            if where == place and sum(name in other for other in KINDS.values()) == 1:
                return name if kind else place
    return place


def load(place: str) -> Any:
    """Import what `module:Name` points at."""
    module, _, name = place.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise RecipeError(f"cannot import {place!r}: {error}; write it as package.module:Name") from error
    return found
