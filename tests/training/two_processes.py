"""What two processes under torchrun learn together; run as a script, it writes the results to the file it is given."""

import json
import sys
from dataclasses import replace

import torch

from genlatent import RBM, VAE, Autoencoder, fit, load_data
from genlatent.training import distributed
from genlatent.training.checkpoint import weights
from genlatent.training.optimizer import Optimizer


def autoencoder(optimizer: str, dtype: torch.dtype) -> dict[str, list]:
    """Weights of an autoencoder after 50 steps."""
    torch.manual_seed(1)
    model, data = Autoencoder((1, 8, 8), latent=6).to(dtype), load_data("digits")
    data = replace(data, **{part: getattr(data, part).to(dtype) for part in ("train", "valid", "test")})
    settings = Optimizer(optimizer, 1e-2 if optimizer == "sgd" else 1e-3, momentum=0.9)
    fit(model, data, steps=50, batch_size=100, optimizer=settings, mode="traced", matmul="float32")
    return {name: tensor.detach().tolist() for name, tensor in weights(model).items()}


def autoencoders() -> dict[str, dict[str, list]]:
    """By gradient descent in float32, and in float64 by Adam, which blows up rounding where gradients nearly cancel."""
    return {"sgd": autoencoder("sgd", torch.float32), "adam": autoencoder("adam", torch.float64)}


def held_out(seed: int) -> dict[str, float]:
    """Held-out losses of a VAE and an RBM after a short training."""
    data, losses = load_data("digits", binarise="dynamic"), {}
    for make in (lambda: VAE((1, 8, 8), latent=4), lambda: RBM((1, 8, 8), hidden=20)):
        torch.manual_seed(seed)
        model = make()
        history = fit(model, data, steps=300, batch_size=100, optimizer=Optimizer("adam", 3e-3), seed=seed)
        losses[type(model).__name__] = history.rows[-1]["valid/loss"]
    return losses


def main(path: str) -> None:
    """Train with whatever processes there are; the first one writes."""
    with distributed.joined(torch.device("cpu")):
        found = {"autoencoders": autoencoders(), "held_out": held_out(0), "processes": distributed.world()}
        if distributed.rank() == 0:
            with open(path, "w", encoding="utf-8") as file:
                json.dump(found, file)


if __name__ == "__main__":
    main(sys.argv[1])
