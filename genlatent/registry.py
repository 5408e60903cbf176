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
        "beta-vae": "genlatent.latent.beta:BetaVAE",
        "beta-tc-vae": "genlatent.latent.beta_tc:BetaTCVAE",
        "factor-vae": "genlatent.latent.factor:FactorVAE",
        "rbm": "genlatent.energy.rbm:RBM",
        "ladder-vae": "genlatent.latent.ladder:LadderVAE",
        "vq-vae": "genlatent.latent.vq:VQVAE",
        "draw": "genlatent.latent.draw:DRAW",
        "conditional-vae": "genlatent.latent.conditional:ConditionalVAE",
        "semi-supervised-vae": "genlatent.latent.semi_supervised:SemiSupervisedVAE",
        "stacked-vae": "genlatent.latent.stacked:StackedVAE",
    },
    "objective": {
        "reconstruction": "genlatent.objectives.reconstruction:Reconstruction",
        "elbo": "genlatent.objectives.elbo:ELBO",
        "decomposed-elbo": "genlatent.objectives.decomposed:DecomposedELBO",
        "density-ratio": "genlatent.objectives.density_ratio:DensityRatio",
        "iwae": "genlatent.objectives.iwae:IWAE",
        "semi-supervised-elbo": "genlatent.objectives.semi_supervised:SemiSupervisedELBO",
        "stacked-elbo": "genlatent.objectives.stacked:StackedELBO",
        "vector-quantisation": "genlatent.objectives.quantisation:VectorQuantisation",
        "contrastive-divergence": "genlatent.objectives.contrastive:ContrastiveDivergence",
    },
    "cost": {
        "free-bits": "genlatent.objectives.costs:FreeBits",
        "capacity": "genlatent.objectives.costs:Capacity",
        "constraint": "genlatent.objectives.costs:Constraint",
    },
    "likelihood": {
        "bernoulli": "genlatent.distributions.likelihoods.bernoulli:Bernoulli",
        "continuous-bernoulli": "genlatent.distributions.likelihoods.grey:ContinuousBernoulli",
        "beta": "genlatent.distributions.likelihoods.grey:Beta",
        "discretised-logistics": "genlatent.distributions.likelihoods.logistics:DiscretisedLogistics",
        "gaussian": "genlatent.distributions.likelihoods.gaussian:Gaussian",
        "laplace": "genlatent.distributions.likelihoods.heavy_tailed:Laplace",
        "student-t": "genlatent.distributions.likelihoods.heavy_tailed:StudentT",
        "poisson": "genlatent.distributions.likelihoods.counts:Poisson",
        "negative-binomial": "genlatent.distributions.likelihoods.counts:NegativeBinomial",
        "zero-inflated": "genlatent.distributions.likelihoods.counts:ZeroInflated",
        "categorical": "genlatent.distributions.likelihoods.categorical:Categorical",
        "columns": "genlatent.distributions.likelihoods.columns:Columns",
    },
    "reconstruction": {
        "squared-error": "genlatent.distributions.reconstructions:SquaredError",
        "cross-entropy": "genlatent.distributions.reconstructions:CrossEntropy",
    },
    "prior": {
        "standard-normal": "genlatent.distributions.priors.standard:StandardNormal",
        "laplace": "genlatent.distributions.priors.standard:Laplace",
        "student-t": "genlatent.distributions.priors.standard:StudentT",
        "gaussian-mixture": "genlatent.distributions.priors.mixture:GaussianMixture",
        "vamp": "genlatent.distributions.priors.vamp:VampPrior",
        "flow": "genlatent.distributions.priors.flow:Flow",
        "dirichlet": "genlatent.distributions.priors.simplex:Dirichlet",
        "logistic-normal": "genlatent.distributions.priors.simplex:LogisticNormal",
        "bernoulli": "genlatent.distributions.priors.discrete:Bernoulli",
        "categorical": "genlatent.distributions.priors.discrete:Categorical",
    },
    "posterior": {
        "diagonal-normal": "genlatent.distributions.posteriors.normal:DiagonalNormal",
        "low-rank-normal": "genlatent.distributions.posteriors.normal:LowRankNormal",
        "full-normal": "genlatent.distributions.posteriors.normal:FullNormal",
        "flow": "genlatent.distributions.posteriors.flow:Flow",
        "laplace": "genlatent.distributions.posteriors.laplace:Laplace",
        "logistic-normal": "genlatent.distributions.posteriors.simplex:LogisticNormal",
        "dirichlet": "genlatent.distributions.posteriors.simplex:Dirichlet",
        "relaxed-bernoulli": "genlatent.distributions.posteriors.discrete:RelaxedBernoulli",
        "concrete": "genlatent.distributions.posteriors.discrete:Concrete",
        "bernoulli": "genlatent.distributions.posteriors.discrete:Bernoulli",
        "categorical": "genlatent.distributions.posteriors.discrete:Categorical",
    },
    "network": {
        "mlp": "genlatent.networks.mlp:MLP",
        "conv-encoder": "genlatent.networks.convolutional:ConvEncoder",
        "conv-decoder": "genlatent.networks.convolutional:ConvDecoder",
        "grid-encoder": "genlatent.networks.grids:GridEncoder",
        "grid-decoder": "genlatent.networks.grids:GridDecoder",
    },
    "condition": {
        "labels": "genlatent.networks.conditions:Labels",
        "values": "genlatent.networks.conditions:Values",
        "quadrants": "genlatent.networks.conditions:Quadrants",
    },
    "autoregressive": {"causal-transformer": "genlatent.networks.autoregressive:CausalTransformer"},
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
    "likelihoods": "likelihood",
    "loss": "reconstruction",
    "prior": "prior",
    "posterior": "posterior",
    "encoder": "network",
    "decoder": "network",
    "visible_units": "unit",
    "hidden_units": "unit",
    "corruption": "corruption",
    "objective": "objective",
    "cost": "cost",
    "encoders": "network",
    "decoders": "network",
    "prior_network": "network",
    "classifier": "network",
    "condition": "condition",
    "first": "model",
    "second": "model",
    "code_prior": "autoregressive",
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
    found = [name for names in KINDS.values() for name, where in names.items() if where == place]
    unique = found and sum(found[0] in names for names in KINDS.values()) == 1
    return found[0] if unique else place


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
