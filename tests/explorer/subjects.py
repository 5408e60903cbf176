"""What the page plays with beside digits: a table, points of a plane, and rows that are told a number."""

import torch

from genlatent import VAE, ConditionalVAE, load_data
from genlatent.distributions.likelihoods import Bernoulli, Categorical, Gaussian
from genlatent.distributions.likelihoods.columns import Columns
from genlatent.energy.neural import NeuralEnergy
from genlatent.explorer.subject import Subject, with_rows
from genlatent.networks.conditions import Values


def people():
    """Rows of a table, of three kinds."""
    place = [[20.0 + i % 50, float(i % 3 == 0), float(i % 2)] for i in range(200)]
    data = load_data(torch.tensor(place), support=("real", "categorical:2", "binary"), name="people")
    likelihood = Columns([Gaussian("learned"), Categorical(2), Bernoulli()], [[0], [1], [2]])
    return with_rows(Subject("people", VAE(3, latent=2, likelihood=likelihood, missing=True), data.about()), data)


def moons():
    """Points under a neural energy."""
    data = load_data("two-moons")
    return with_rows(Subject("moons", NeuralEnergy((2,)), data.about()), data)


def dials():
    """Images of 4x4 pixels whose model is told two numbers: how light they are, and where."""
    light, side = torch.rand(120), torch.rand(120) * 4 - 2
    ramp = torch.linspace(-1, 1, 4)
    x = (light[:, None, None] + 0.2 * side[:, None, None] * ramp).clamp(0, 1)[:, None].expand(-1, 1, 4, 4)
    told = torch.stack((light, side), 1)
    data = load_data(x, support="unit", conditions=told, name="dials")
    model = ConditionalVAE((1, 4, 4), condition=Values(2), latent=2, likelihood=Gaussian(0.1))
    with torch.no_grad():  # grey on the whole, and what it is told shows
        model.decoder.layers[-2].bias.fill_(0.5)
        for weights in (model.decoder.layers[-2].weight, *model.decoder_condition.parameters()):
            weights.mul_(4)
    about = data.about() | {"label_names": ["light", "side"]}
    return with_rows(Subject("dials", model, about), data)


def collapsed():
    """Digits under a model that uses the first of its three codes alone."""
    data = load_data("digits", binarise="threshold")
    model = VAE(data.shape, latent=3)
    with torch.no_grad():
        last = model.encoder.layers[-2]
        last.weight[1:].zero_()
        last.bias[1:].zero_()
        last.weight[0].mul_(20)
    return with_rows(Subject("collapsed", model, data.about()), data)
