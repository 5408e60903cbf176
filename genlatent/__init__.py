"""Energy-based and latent-variable generative models that are fitted, sampled and honestly scored."""

import importlib
from typing import Any

__version__ = "0.1.0"

PUBLIC = {
    "Autoencoder": "genlatent.autoencoders.autoencoder",
    "SparseCoding": "genlatent.autoencoders.sparse_coding",
    "StackedAutoencoder": "genlatent.autoencoders.stacked",
    "FineTune": "genlatent.autoencoders.fine_tuning",
    "MaskedAutoencoder": "genlatent.autoencoders.masked",
    "GenerativeAutoencoder": "genlatent.autoencoders.generative",
    "VAE": "genlatent.latent.vae",
    "BetaVAE": "genlatent.latent.beta",
    "BetaTCVAE": "genlatent.latent.beta_tc",
    "FactorVAE": "genlatent.latent.factor",
    "RBM": "genlatent.energy.rbm",
    "FullyVisibleBoltzmannMachine": "genlatent.energy.visible",
    "GeneralBoltzmannMachine": "genlatent.energy.general",
    "DeepBoltzmannMachine": "genlatent.energy.dbm",
    "DeepBeliefNet": "genlatent.energy.dbn",
    "Classifier": "genlatent.autoencoders.classifier",
    "ClassificationRBM": "genlatent.energy.classification",
    "ConditionalRBM": "genlatent.energy.conditional",
    "NeuralEnergy": "genlatent.energy.neural",
    "JointEnergy": "genlatent.energy.joint",
    "LatentEnergyPrior": "genlatent.energy.latent_prior",
    "LadderVAE": "genlatent.latent.ladder",
    "VQVAE": "genlatent.latent.vq",
    "DRAW": "genlatent.latent.draw",
    "ConditionalVAE": "genlatent.latent.conditional",
    "SemiSupervisedVAE": "genlatent.latent.semi_supervised",
    "StackedVAE": "genlatent.latent.stacked",
    "fit": "genlatent.training.fit",
    "pretrain": "genlatent.training.pretraining",
    "load": "genlatent.training.checkpoint",
    "save": "genlatent.training.checkpoint",
    "evaluate": "genlatent.evaluation.evaluate",
    "compare": "genlatent.evaluation.comparison",
    "log_partition": "genlatent.evaluation.partition",
    "draw_exactly": "genlatent.energy.exact_draws",
    "load_data": "genlatent.data.sources",
    "Dataset": "genlatent.data.dataset",
    "Likelihood": "genlatent.distributions.base",
    "Prior": "genlatent.distributions.base",
    "Posterior": "genlatent.distributions.base",
}

__all__ = [*PUBLIC, "__version__"]


def __getattr__(name: str) -> Any:
    """Public names are imported when they are first used: `import genlatent` itself loads nothing heavy."""
    if name not in PUBLIC:
        raise AttributeError(f"module 'genlatent' has no attribute {name!r}")
    return getattr(importlib.import_module(PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
