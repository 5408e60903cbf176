"""Short names for everything a recipe can name; nothing is imported until it is asked for."""

from __future__ import annotations

import difflib
import importlib
from typing import Any

from genlatent.errors import RecipeError

KINDS: dict[str, dict[str, str]] = {
    "model": {
        "autoencoder": "genlatent.autoencoders.autoencoder:Autoencoder",
        "sparse-coding": "genlatent.autoencoders.sparse_coding:SparseCoding",
        "stacked-autoencoder": "genlatent.autoencoders.stacked:StackedAutoencoder",
        "fine-tune": "genlatent.autoencoders.fine_tuning:FineTune",
        "masked-autoencoder": "genlatent.autoencoders.masked:MaskedAutoencoder",
        "generative-autoencoder": "genlatent.autoencoders.generative:GenerativeAutoencoder",
        "vae": "genlatent.latent.vae:VAE",
        "beta-vae": "genlatent.latent.beta:BetaVAE",
        "beta-tc-vae": "genlatent.latent.beta_tc:BetaTCVAE",
        "factor-vae": "genlatent.latent.factor:FactorVAE",
        "rbm": "genlatent.energy.rbm:RBM",
        "fully-visible-boltzmann-machine": "genlatent.energy.visible:FullyVisibleBoltzmannMachine",
        "boltzmann-machine": "genlatent.energy.general:GeneralBoltzmannMachine",
        "dbm": "genlatent.energy.dbm:DeepBoltzmannMachine",
        "dbn": "genlatent.energy.dbn:DeepBeliefNet",
        "classification-rbm": "genlatent.energy.classification:ClassificationRBM",
        "conditional-rbm": "genlatent.energy.conditional:ConditionalRBM",
        "neural-energy": "genlatent.energy.neural:NeuralEnergy",
        "joint-energy": "genlatent.energy.joint:JointEnergy",
        "ladder-vae": "genlatent.latent.ladder:LadderVAE",
        "vq-vae": "genlatent.latent.vq:VQVAE",
        "draw": "genlatent.latent.draw:DRAW",
        "conditional-vae": "genlatent.latent.conditional:ConditionalVAE",
        "semi-supervised-vae": "genlatent.latent.semi_supervised:SemiSupervisedVAE",
        "stacked-vae": "genlatent.latent.stacked:StackedVAE",
    },
    "objective": {
        "reconstruction": "genlatent.objectives.reconstruction:Reconstruction",
        "masked-reconstruction": "genlatent.objectives.masked:MaskedReconstruction",
        "followed-codes": "genlatent.objectives.followed_codes:FollowedCodes",
        "supervised-reconstruction": "genlatent.objectives.supervised:SupervisedReconstruction",
        "dictionary-learning": "genlatent.objectives.dictionary:DictionaryLearning",
        "elbo": "genlatent.objectives.elbo:ELBO",
        "decomposed-elbo": "genlatent.objectives.decomposed:DecomposedELBO",
        "density-ratio": "genlatent.objectives.density_ratio:DensityRatio",
        "iwae": "genlatent.objectives.iwae:IWAE",
        "semi-supervised-elbo": "genlatent.objectives.semi_supervised:SemiSupervisedELBO",
        "stacked-elbo": "genlatent.objectives.stacked:StackedELBO",
        "stacked-iwae": "genlatent.objectives.stacked:StackedIWAE",
        "vector-quantisation": "genlatent.objectives.quantisation:VectorQuantisation",
        "contrastive-divergence": "genlatent.objectives.contrastive:ContrastiveDivergence",
        "pseudo-likelihood": "genlatent.objectives.pseudo_likelihood:PseudoLikelihood",
        "exact-likelihood": "genlatent.objectives.exact:ExactLikelihood",
        "wake-sleep": "genlatent.objectives.wake_sleep:WakeSleep",
        "softmax-cross-entropy": "genlatent.objectives.softmax:SoftmaxCrossEntropy",
        "classification": "genlatent.objectives.classification:Classification",
        "conditional-divergence": "genlatent.objectives.conditional:ConditionalDivergence",
        "fast-weights": "genlatent.objectives.fast_weights:FastWeights",
        "tempered-divergence": "genlatent.objectives.tempered:TemperedDivergence",
        "trajectory-tempering": "genlatent.objectives.trajectory:TrajectoryTempering",
        "ratio-matching": "genlatent.objectives.ratio_matching:RatioMatching",
        "score-matching": "genlatent.objectives.score_matching:ScoreMatching",
        "denoising-score-matching": "genlatent.objectives.denoising:DenoisingScoreMatching",
        "contrastive-langevin": "genlatent.objectives.langevin:ContrastiveLangevin",
        "joint-contrast": "genlatent.objectives.joint:JointContrast",
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
        "latent-energy": "genlatent.energy.latent_prior:LatentEnergyPrior",
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
        "tied": "genlatent.networks.tied:Tied",
    },
    "condition": {
        "labels": "genlatent.networks.conditions:Labels",
        "values": "genlatent.networks.conditions:Values",
        "quadrants": "genlatent.networks.conditions:Quadrants",
    },
    "autoregressive": {"causal-transformer": "genlatent.networks.autoregressive:CausalTransformer"},
    "unit": {
        "bernoulli": "genlatent.energy.units.bernoulli:Bernoulli",
        "spin": "genlatent.energy.units.spin:Spin",
        "categorical": "genlatent.energy.units.categorical:Categorical",
        "gaussian": "genlatent.energy.units.gaussian:Gaussian",
        "relu": "genlatent.energy.units.relu:ReLU",
    },
    "mask": {
        "lattice": "genlatent.energy.masks:Lattice",
        "edges": "genlatent.energy.masks:Edges",
    },
    "corruption": {
        "masking": "genlatent.data.corruptions:Masking",
        "exact-masking": "genlatent.data.corruptions:ExactMasking",
        "block-occlusion": "genlatent.data.corruptions:BlockOcclusion",
        "gaussian": "genlatent.data.corruptions:GaussianNoise",
        "salt-and-pepper": "genlatent.data.corruptions:SaltAndPepper",
        "uniform": "genlatent.data.corruptions:UniformNoise",
        "shift": "genlatent.data.corruptions:Shift",
        "in-turn": "genlatent.data.corruptions:InTurn",
    },
    "code": {
        "k-sparse": "genlatent.autoencoders.codes:KSparse",
        "threshold": "genlatent.autoencoders.codes:Threshold",
        "noisy": "genlatent.autoencoders.codes:NoisyCode",
        "binary": "genlatent.autoencoders.codes:Binary",
    },
    "penalty": {
        "sparsity-kl": "genlatent.objectives.sparsity:SparsityKL",
        "l1": "genlatent.objectives.sparsity:L1",
        "contractive": "genlatent.objectives.contraction:Contractive",
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
    "mask": "mask",
    "corruption": "corruption",
    "objective": "objective",
    "cost": "cost",
    "encoders": "network",
    "decoders": "network",
    "prior_network": "network",
    "classifier": "network",
    "network": "network",
    "condition": "condition",
    "first": "model",
    "second": "model",
    "autoencoder": "model",
    "code_prior": "autoregressive",
    "code": "code",
    "penalties": "penalty",
    "layer_corruption": "corruption",
    "corruptions": "corruption",
    "base": "model",
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
