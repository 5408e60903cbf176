"""Only the neighbourhood of the data is raised by contrastive divergence; the likelihood raises all low places."""

import pytest
import torch

from genlatent.errors import DataError
from genlatent.evaluation.lectures.landscape import every, landscape, learned_by, nearly_off
from genlatent.plots.lectures import energy_landscape
from genlatent.plots.writing import save
from tests.machines import rbm


def test_probabilities_and_distances_are_those_of_all_states():
    model = rbm(6, 3)
    x = torch.tensor([[0.0] * 6, [1.0] * 6, [1.0] * 6])
    found = landscape(x, {"only": model})
    ones = every(6).sum(1)
    assert torch.equal(found.distance, torch.minimum(ones, 6 - ones).long())
    assert float(found.outside["only"].sum()) == pytest.approx(1.0)
    near = model.log_prob(x[:2]).exp().sum()
    assert float(found.outside["only"][0]) == pytest.approx(float(near.detach()))
    gap = -model.log_prob(every(6)).detach() + model.log_prob(x).detach().mean()
    torch.testing.assert_close(found.free_energy["only"], gap.double(), atol=1e-5, rtol=0)


def test_a_low_place_far_from_the_data_stays_under_contrastive_divergence(tmp_path):
    x = nearly_off()
    found = landscape(x, learned_by(x, steps=150))
    far = {name: float(p[-2:].sum()) for name, p in found.outside.items()}
    assert far["start"] > 0.3
    assert far["CD-1"] > 0.3
    assert far["exact likelihood"] < 0.02
    assert found.log_likelihood["exact likelihood"] > found.log_likelihood["CD-1"] + 0.2
    figure = energy_landscape(found)
    assert len(figure.axes) == 3
    assert save(figure, tmp_path / "landscape.png").stat().st_size > 500


def test_too_many_units_are_refused():
    with pytest.raises(DataError, match="up to 16 units"):
        every(17)
