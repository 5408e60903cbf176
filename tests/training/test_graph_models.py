"""Every registered model: what the graph gives is what Python gives, to the last bit."""

import pytest
import torch

from genlatent import registry
from genlatent.components import build
from genlatent.training.step import Rows, Step
from tests.test_models import EXAMPLES


def outcomes(plain, data, device, mode):
    """Two steps in a row, so that fresh numbers are drawn and the state is passed on."""
    torch.manual_seed(1)
    model = build(plain, "model").to(device)
    x, y = data.train.to(device), data.labels.train.to(device)
    model.prepare(x)
    step = Step(model, model.objective(), observe=data.observe, mode=mode, matmul="float32")
    step.together.train()
    torch.manual_seed(2)
    state = step.together.objective.init(model, x)
    generator, progress = torch.Generator(device=device).manual_seed(3), torch.tensor(0.3, device=device)
    made = []
    for start in (0, 20):
        rows = Rows(x, y, torch.arange(start, start + 20, device=device))
        made.append(step(rows, progress, made[-1].state if made else state, generator))
    assert step.mode == mode
    return made


@pytest.mark.slow
@pytest.mark.parametrize("name", list(registry.KINDS["model"]))
def test_graph_and_python_agree_to_the_last_bit(name, digits, device):
    for eager, replayed in zip(*(outcomes(EXAMPLES[name], digits, device, mode) for mode in ("eager", "traced"))):
        assert torch.equal(eager.value, replayed.value)
        for one, other in zip(eager[1:], replayed[1:]):
            assert one.keys() == other.keys()
            for part, value in one.items():
                assert torch.equal(value, other[part]), part
