import torch

from genlatent import load_data
from genlatent.model import Model
from genlatent.reproduce.measured import Asked
from genlatent.reproduce.recognised import Recognised, left
from genlatent.reproduce.withheld import withheld

DATA = load_data("digits", binarise="threshold")
FEW = Recognised(draws=100, hidden=(100,), epochs=30, sure=0.8)


class Known(Model):
    """Draws rows that it was given, and completes images as they were, or draws noise and completes by noise."""

    def __init__(self, rows, honest=True):
        super().__init__()
        self.event_shape, self.rows, self.honest = rows.shape[1:], rows, honest

    def sample(self, n, *, given=None, generator=None):
        return self.rows[:n] if self.honest else self.noise(n, generator)

    def imputations(self, x, num_draws, *, generator=None):
        there = ~x.isnan()
        same = ((self.rows[:, None] == x) | ~there).flatten(2).all(2)
        whole = self.rows[same.int().argmax(0)] if self.honest else self.noise(len(x), generator)
        return torch.where(there, x, whole)[None].expand(num_draws, *x.shape)

    def noise(self, n, generator):
        return (torch.rand(n, *self.event_shape, generator=generator) < 0.5).float()


def measures(honest):
    asked = Asked(Known(DATA.test, honest), DATA.test, DATA.labels.test, withheld(DATA), DATA.train, None, seed=0)
    found = FEW.gathered([FEW.piece(asked, 0)]).measures
    return {name: one.value for name, one in found.items()}


def test_real_rows_are_recognised_and_noise_is_not():
    real, noise = measures(True), measures(False)
    assert abs(real["samples recognised"] - real["test rows recognised as some class"]) < 8
    assert abs(real["completions recognised"] - real["test rows recognised as their class"]) < 8
    assert real["test rows recognised as their class"] > 80
    assert noise["samples recognised"] < real["samples recognised"] - 20
    assert noise["completions recognised"] < real["completions recognised"] - 20
    assert 0 < real["rarest class among samples"] < 10
    assert real["test rows recognised as some class"] == noise["test rows recognised as some class"]


def test_the_left_half_is_the_left_half():
    assert left(torch.zeros(3, 1, 2, 4)).int().tolist() == [[[1, 1, 0, 0], [1, 1, 0, 0]]]
