"""The window of Gaussian filters against values computed by hand."""

import math

import pytest
import torch

from genlatent.errors import RecipeError
from genlatent.networks.window import Glimpse, Window, filterbank


def tensor(*values):
    return torch.tensor(*values, dtype=torch.float64)


def test_filters_by_hand():
    """Centre 2, stride 1.5, variance 0.5 on 4 pixels: means 1.25 and 2.75, weights exp(-(a - mean)^2)."""
    found = filterbank(tensor(2.0), tensor(1.5), tensor(0.5), 2, 4)
    expected = []
    for mean in (1.25, 2.75):
        weights = [math.exp(-((a - mean) ** 2)) for a in (1, 2, 3, 4)]
        expected.append([w / sum(weights) for w in weights])
    torch.testing.assert_close(found, tensor(expected), atol=1e-12, rtol=0)


def test_numbers_of_the_first_filter():
    first = filterbank(tensor(2.0), tensor(1.5), tensor(0.5), 2, 4)[0]
    torch.testing.assert_close(
        first, tensor([0.6018733, 0.3650552, 0.0299662, 0.0003329]) / 0.9972276, atol=1e-6, rtol=0
    )


def test_filters_sum_to_one_even_far_outside(device):
    far = filterbank(torch.tensor([-1e4, 1e4, 3.0], device=device), *torch.ones(2, 3, device=device), 4, 6)
    torch.testing.assert_close(far.sum(-1), torch.ones(3, 4, device=device))


def test_sharp_filters_read_and_write_single_pixels():
    image = torch.arange(12.0).reshape(1, 3, 4)
    rows = filterbank(torch.tensor(2.0), torch.tensor(1.0), torch.tensor(1e-4), 3, 3)
    columns = filterbank(torch.tensor(3.0), torch.tensor(1.0), torch.tensor(1e-4), 3, 4)
    glimpse = Glimpse(rows, columns, torch.tensor(2.0))
    torch.testing.assert_close(glimpse.read(image), 2 * image[:, :, 1:])
    written = glimpse.write(glimpse.read(image))
    torch.testing.assert_close(written[:, :, 1:], image[:, :, 1:])
    assert not written[:, :, 0].any()


def test_reading_is_a_product_of_filters():
    """gamma F_Y x F_X^T, each cell written out."""
    rows, columns, x = torch.rand(2, 3).double(), torch.rand(2, 4).double(), torch.rand(1, 3, 4).double()
    found = Glimpse(rows, columns, tensor(0.7)).read(x)
    for i in range(2):
        for j in range(2):
            cell = sum(rows[i, b] * x[0, b, a] * columns[j, a] for b in range(3) for a in range(4))
            torch.testing.assert_close(found[0, i, j], 0.7 * cell)


def test_an_aim_of_zero_covers_the_image():
    """g in the middle of 1..A, stride (A - 1) / (N - 1), variance 1, intensity 1."""
    window = Window(3, (5, 5), inputs=2)
    glimpse = window(torch.zeros(2))
    expected = filterbank(torch.tensor(3.0), torch.tensor(2.0), torch.tensor(1.0), 3, 5)
    torch.testing.assert_close(glimpse.rows, expected)
    torch.testing.assert_close(glimpse.columns, expected)
    assert glimpse.intensity == 1


def test_the_five_numbers_by_hand():
    """On 4 x 6: g_X = 3.5 (g + 1), g_Y = 2.5 (g + 1), stride 5 / (N - 1) times exp, variance and intensity exp."""
    window = Window(3, (4, 6), inputs=1)
    with torch.no_grad():
        window.aim.weight.zero_()
        window.aim.bias.copy_(torch.tensor([0.2, -0.4, 0.3, -0.7, 0.5]))
    glimpse = window(torch.zeros(1))
    stride, variance = torch.tensor(2.5 * math.exp(-0.7)), torch.tensor(math.exp(0.3))
    torch.testing.assert_close(glimpse.columns, filterbank(torch.tensor(4.2), stride, variance, 3, 6))
    torch.testing.assert_close(glimpse.rows, filterbank(torch.tensor(1.5), stride, variance, 3, 4))
    torch.testing.assert_close(glimpse.intensity, torch.tensor(math.exp(0.5)))


def test_any_number_of_batch_dimensions():
    window = Window(2, (3, 4), inputs=5)
    h, x = torch.randn(6, 2, 5), torch.randn(2, 1, 3, 4)
    read = window(h).read(x)
    assert read.shape == (6, 2, 1, 2, 2)
    torch.testing.assert_close(read[3, 1], window(h[3, 1]).read(x[1]))


def test_what_it_refuses():
    with pytest.raises(ValueError, match="at least 2 filters"):
        Window(1, (3, 3), inputs=2)
    with pytest.raises(RecipeError, match="a height and a width"):
        Window(2, (3,), inputs=2)
