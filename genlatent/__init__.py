"""Energy-based and latent-variable generative models that are fitted, sampled and honestly scored."""

import importlib
from typing import Any

__version__ = "0.1.0"

PUBLIC = {
    "Autoencoder": "genlatent.autoencoders.autoencoder",
    "VAE": "genlatent.latent.vae",
    "BetaVAE": "genlatent.latent.beta",
    "BetaTCVAE": "genlatent.latent.beta_tc",
    "FactorVAE": "genlatent.latent.factor",
    "RBM": "genlatent.energy.rbm",
    "LadderVAE": "genlatent.latent.ladder",
    "VQVAE": "genlatent.latent.vq",
    "DRAW": "genlatent.latent.draw",
    "ConditionalVAE": "genlatent.latent.conditional",
    "SemiSupervisedVAE": "genlatent.latent.semi_supervised",
    "StackedVAE": "genlatent.latent.stacked",
    "fit": "genlatent.training.fit",
    "load": "genlatent.training.checkpoint",
    "save": "genlatent.training.checkpoint",
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
