"""Streams are independent of each other and of torch's own."""

import torch

from genlatent.numerics.randomness import drawing_from, stream


def test_default_stream_does_not_move(device):
    torch.manual_seed(1)
    torch.rand(1, device=device)
    expected = torch.rand(3, device=device)
    torch.manual_seed(1)
    torch.rand(1, device=device)
    with drawing_from(stream(5, device)):
        torch.rand(100, device=device)
    assert torch.equal(torch.rand(3, device=device), expected)


def test_stream_continues_from_one_context_to_the_next(device):
    whole, parts = stream(5, device), stream(5, device)
    with drawing_from(whole):
        expected = torch.rand(8, device=device)
    drawn = []
    for _ in range(2):
        with drawing_from(parts):
            drawn.append(torch.rand(4, device=device))
    # A normal generator gives the same numbers whether they are asked for at once or in two parts of even size.
    assert torch.equal(torch.cat(drawn), expected) or device.type != "cpu"
    assert not torch.equal(drawn[0], drawn[1])


def test_stream_goes_back_after_an_error(device):
    before = torch.get_rng_state()
    generator = stream(1, device)
    try:
        with drawing_from(generator):
            torch.rand(3, device=device)
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(generator.get_state(), stream(1, device).get_state()), "the draws were the generator's"


def test_names_and_seeds_make_different_streams():
    first = {(seed, name): float(torch.rand(1, generator=stream(seed, name=name))) for seed in (0, 1) for name in "ab"}
    assert len(set(first.values())) == 4
