"""The picture at the top of the README: `python docs/picture.py` trains two models for about a minute and draws it."""

from pathlib import Path

import torch
from matplotlib.figure import Figure

import genlatent as gl
from genlatent.plots.grids import image_grid
from genlatent.plots.writing import save
from genlatent.recipes import assembly
from genlatent.recipes.reading import read

COLUMNS, ROWS = 8, 6


def main() -> None:
    """Digits, what an RBM and a VAE make of them, and halves that the RBM completes."""
    digits = gl.load_data("digits", binarise="threshold")
    torch.manual_seed(0)
    vae, rbm = trained("digits-vae"), trained("digits-rbm")
    draw, number = torch.Generator().manual_seed(0), COLUMNS * ROWS
    panels = {
        "digits": digits.train[:number],
        "draws of a VAE": vae.sample(number, generator=draw),
        "ends of an RBM's chains": rbm.sample(number, generator=draw),
        "upper half given, lower half drawn": completed(rbm, digits.test[:number], draw),
    }
    figure = Figure(figsize=(12, 2.5), layout="constrained")
    for axes, (title, images) in zip(figure.subplots(1, len(panels)), panels.items(), strict=True):
        image_grid(images, columns=COLUMNS, axes=axes, title=title)
    save(figure, Path(__file__).parent / "picture.png", dpi=110)


def trained(name: str) -> gl.VAE | gl.RBM:
    """The model of a recipe."""
    recipe = read(name)
    data = assembly.data(recipe)
    model = assembly.model(recipe, data)
    gl.fit(model, data, objective=assembly.objective(recipe), **assembly.training(recipe))
    return model


def completed(rbm: gl.RBM, x: torch.Tensor, draw: torch.Generator) -> torch.Tensor:
    """Rows whose lower half is drawn given the upper."""
    half = x.clone()
    half[..., x.shape[-2] // 2 :, :] = float("nan")
    return rbm.sample(len(x), given={"x": half}, generator=draw)


if __name__ == "__main__":
    main()
