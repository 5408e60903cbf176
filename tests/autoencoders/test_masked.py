"""The masked autoencoder: what its encoder sees, what is counted, and what its verbs answer."""

import pytest
import torch
from torch.func import functional_call

from genlatent import components
from genlatent.autoencoders.classifier import Classifier
from genlatent.autoencoders.masked import MaskedAutoencoder, in_turn
from genlatent.distributions.likelihoods import Gaussian
from genlatent.distributions.reconstructions import CrossEntropy
from genlatent.errors import DataError, RecipeError
from genlatent.objectives.base import Batch
from genlatent.objectives.masked import MaskedReconstruction, shuffled

PARTS = {
    "plain": {},
    "oblong": {"event_shape": (2, 4, 12), "patch": 4, "hidden": 0.5},
    "half": {"hidden": 0.5, "patch": 1, "loss": CrossEntropy()},
    "likelihood": {"loss": Gaussian("learned")},
    "missing": {"missing": True},
}


@pytest.fixture(params=PARTS)
def model(request, device):
    torch.manual_seed(1)
    spec = {"event_shape": (1, 8, 8), "width": 8, "layers": 2, "heads": 2, "decoder_width": 8} | PARTS[request.param]
    made = MaskedAutoencoder(**components.build(components.describe(spec)))
    return made.double().to(device)


@pytest.fixture
def x(model, device):
    return torch.rand(6, *model.event_shape, dtype=torch.float64, device=device)


def with_other_pixels(model, x, hidden):
    """The rows with new values in hidden patches."""
    return torch.where(model.cells(hidden), torch.rand_like(x), x)


def test_exactly_the_share_is_hidden(model, x):
    order = shuffled(len(x), model.num_patches, x.device)
    _, hidden = model.rebuilt(x, order)
    assert hidden.sum(1).tolist() == [round(model.hidden * model.num_patches)] * len(x)
    assert not hidden.gather(1, order[:, : model.num_seen]).any()


def test_what_is_hidden_changes_nothing(model, x):
    order = shuffled(len(x), model.num_patches, x.device)
    params, hidden = model.rebuilt(x, order)
    other = with_other_pixels(model, x, hidden)
    assert (other != x).flatten(1).any(1).all()
    assert torch.equal(model.rebuilt(other, order)[0], params)
    seen = with_other_pixels(model, x, ~hidden)
    assert not torch.equal(model.rebuilt(seen, order)[0], params)


def test_seen_patches_alone_are_computed_on(model, x, monkeypatch):
    lengths = []
    run = model.encoder.transformer.forward
    monkeypatch.setattr(model.encoder.transformer, "forward", lambda h, *a: lengths.append(h.shape[1]) or run(h, *a))
    model.rebuilt(x, shuffled(len(x), model.num_patches, x.device))
    assert lengths == [model.num_seen]


def test_leaving_patches_out_is_closing_them(model, x):
    params, hidden = model.rebuilt(x, shuffled(len(x), model.num_patches, x.device))
    torch.testing.assert_close(model.seeing(x, ~hidden), params)


def test_the_order_of_the_seen_patches_does_not_matter(model, x):
    order = shuffled(len(x), model.num_patches, x.device)
    again = order.clone()
    again[:, : model.num_seen] = order[:, : model.num_seen].flip(1)
    torch.testing.assert_close(model.rebuilt(x, again)[0], model.rebuilt(x, order)[0])


def test_every_patch_is_as_likely_to_be_seen():
    first = shuffled(20_000, 8, torch.device("cpu"))[:, 0].bincount(minlength=8) / 20_000
    assert (first - 1 / 8).abs().max() < 5 * (1 / 8 * 7 / 8 / 20_000) ** 0.5


def test_loss_is_that_of_hidden_cells(device):
    model = MaskedAutoencoder((1, 8, 8), width=8, heads=2, decoder_width=8).double().to(device)
    x, values = torch.rand(6, 1, 8, 8, dtype=torch.float64, device=device), {}
    for on in ("hidden", "all"):
        torch.manual_seed(3)
        values[on] = MaskedReconstruction(on)(model, Batch(x), {}).value
    torch.manual_seed(3)
    params, hidden = model.rebuilt(x, shuffled(6, 16, device))
    squares = (x - params.reshape(x.shape)).square()
    torch.testing.assert_close(values["hidden"], (squares * model.cells(hidden)).flatten(1).sum(1).mean())
    torch.testing.assert_close(values["all"], squares.flatten(1).sum(1).mean())


@pytest.mark.parametrize(("places", "seen"), [(16, 4), (64, 16), (5, 2), (16, 12), (9, 8), (7, 1)])
def test_each_patch_is_seen_in_one_round(places, seen):
    hidden = in_turn(places, seen)
    assert torch.equal((~hidden).sum(0), torch.ones(places, dtype=torch.int64))
    assert int((~hidden).sum(1).max()) <= seen
    assert len(hidden) >= 2


def test_no_patch_is_rebuilt_from_itself(model, x):
    place = torch.zeros(len(x), model.num_patches, dtype=torch.bool, device=x.device)
    place[:, 1] = True
    before, after = model.reconstruct(x), model.reconstruct(with_other_pixels(model, x, place))
    inside = model.cells(place)
    assert torch.equal(before[inside], after[inside])
    assert not torch.equal(before[~inside], after[~inside])


def test_the_held_out_loss_is_that_of_the_cells_that_each_round_hides(model, x):
    rounds = model.rounds.expand(len(x), -1, -1).unbind(1)
    errors = [model.loss.loss(model.seeing(x, ~hidden), x, model.cells(hidden)) for hidden in rounds]
    torch.testing.assert_close(model.objective().validate(model, Batch(x))["loss"], torch.stack(errors).mean(0))


def test_score_is_minus_the_held_out_loss(model, x):
    loss = model.objective().validate(model, Batch(x))["loss"]
    torch.testing.assert_close(model.score(x), -loss)


def test_a_given_mask_and_gaps_agree(model, x):
    hidden = torch.zeros(model.num_patches, dtype=torch.bool, device=x.device)
    hidden[::2] = True
    gaps = torch.where(model.cells(hidden.expand(len(x), -1)), torch.nan, x)
    rebuilt = model.reconstruct(x, hidden)
    torch.testing.assert_close(model.impute(gaps), rebuilt)
    seen = model.cells(~hidden.expand(len(x), -1))
    assert torch.equal(rebuilt[seen], x[seen])
    assert not torch.equal(rebuilt[~seen], x[~seen])


def test_a_row_without_any_patch_seen_is_filled(model, x):
    filled = model.impute(torch.full_like(x, torch.nan))
    assert filled.isfinite().all()
    torch.testing.assert_close(filled[0], filled[1])


def test_gaps_hide_their_patch(device):
    model = MaskedAutoencoder((1, 8, 8), width=8, heads=2, decoder_width=8, missing=True).double().to(device)
    x = torch.rand(4, 1, 8, 8, dtype=torch.float64, device=device)
    gaps = x.clone()
    gaps[:, 0, 0, 0] = torch.nan
    beside = gaps.clone()
    beside[:, 0, 1, 1] = 0.123  # in the same patch as the gap
    torch.testing.assert_close(model.encode(gaps), model.encode(beside))
    torch.manual_seed(2)
    one = model.objective()(model, Batch(gaps), {}).value
    one.backward()
    assert one.isfinite()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)
    whole = MaskedAutoencoder((1, 8, 8), width=8, heads=2, decoder_width=8).double().to(device)
    whole.load_state_dict(model.state_dict())
    torch.testing.assert_close(whole.encode(x), model.encode(x))
    torch.testing.assert_close(whole.reconstruct(x), model.reconstruct(x))


def test_the_first_reconstruction_is_the_mean_patch(device):
    model = MaskedAutoencoder((1, 4, 4), width=8, heads=2, decoder_width=8, loss=CrossEntropy()).to(device)
    x = torch.rand(50, 1, 4, 4, device=device)
    torch.nn.init.zeros_(model.read.weight)
    model.prepare(x)
    expected = x.mean(0).logit().reshape(1, 2, 2, 2, 2).mean((1, 3)).sigmoid().repeat(1, 2, 2)
    torch.testing.assert_close(model.reconstruct(x)[0], expected)


def test_parameter_counts():
    model = MaskedAutoencoder((3, 8, 8), patch=2, width=16, layers=2, heads=2, decoder_width=8, decoder_layers=1)
    block = {w: 2 * 2 * w + (w + 1) * 3 * w + (w + 1) * w + (w + 1) * 4 * w + (4 * w + 1) * w for w in (16, 8)}
    encoder = (12 + 1) * 16 + 2 * block[16] + 2 * 16
    assert sum(p.numel() for p in model.encoder.parameters()) == encoder
    decoder = (16 + 1) * 8 + 8 + block[8] + 2 * 8 + (8 + 1) * 12
    assert sum(p.numel() for p in model.parameters()) == encoder + decoder


def test_the_encoder_serves_a_classifier(model, x):
    features = functional_call(model.encoder, dict(model.encoder.named_parameters()), (x,))
    torch.testing.assert_close(features, model.encode(x))
    classifier = Classifier(tuple(model.event_shape), 3, encoder=model.encoder, features=model.width).double()
    assert classifier.predict_proba(x).shape == (6, 3)
    rebuilt = components.build(components.describe(classifier), "model")
    assert rebuilt.encoder.width == model.width


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"event_shape": (1, 9, 8)}, "images of 9x8 cannot be cut into patches of 2x2"),
        ({"event_shape": (64,)}, r"images of shape \(channels, height, width\), not \(64,\)"),
        ({"patch": 0}, "patch must be at least 1"),
        ({"hidden": 0.99}, "leaves 0 to be seen"),
        ({"hidden": 0.0}, "leaves 16 to be seen"),
        ({"width": 30}, "a multiple of 4 and of its heads"),
        ({"decoder_width": 6}, "a multiple of 4 and of its heads"),
    ],
)
def test_impossible_arguments(arguments, message):
    with pytest.raises(RecipeError, match=message):
        MaskedAutoencoder(**{"event_shape": (1, 8, 8)} | arguments)


def test_bad_requests(device):
    model = MaskedAutoencoder((1, 8, 8)).to(device)
    x = torch.rand(3, 1, 8, 8, device=device)
    with pytest.raises(DataError, match="yes or no for each of 16 patches"):
        model.reconstruct(x, torch.ones(3, 4, dtype=torch.bool, device=device))
    with pytest.raises(RecipeError, match="the loss is on the hidden or all patches, not 'seen'"):
        MaskedReconstruction("seen")
    x[0, 0, 0, 0] = torch.nan
    with pytest.raises(DataError, match="NaN"):
        model.encode(x)
