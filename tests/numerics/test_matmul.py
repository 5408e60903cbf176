"""The fast product is as accurate as float32, and the process-wide switch goes back."""

import threading

import pytest
import torch

from genlatent.numerics import matmul

SWITCH = torch.backends.mkldnn.matmul


def test_fast_route_is_accurate_or_not_taken():
    generator = torch.Generator().manual_seed(3)
    a = torch.randn(200, 300, generator=generator) * torch.logspace(-4, 4, 300)
    b = torch.randn(300, 150, generator=generator)
    route = matmul.resolve("auto", [(200, 300, 150)])
    with matmul.fast_matmul(route):
        product = a @ b
    exact = a.double() @ b.double()
    scale = a.double().abs() @ b.double().abs()
    assert float(((product - exact).abs() / scale).max()) < 2e-6  # bfloat16 would be a thousand times off


def test_switch_goes_back_after_nesting_and_errors():
    before = SWITCH.fp32_precision
    with matmul.fast_matmul("fast"), matmul.fast_matmul("bfloat16"):
        assert SWITCH.fp32_precision == "bf16"
    assert SWITCH.fp32_precision == before
    with pytest.raises(ZeroDivisionError), matmul.fast_matmul("fast"):
        raise ZeroDivisionError
    assert SWITCH.fp32_precision == before


def test_switch_goes_back_when_the_last_thread_leaves():
    before, inside, leave = SWITCH.fp32_precision, threading.Event(), threading.Event()

    def other():
        with matmul.fast_matmul("fast"):
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with matmul.fast_matmul("fast"):
        thread.start()
        assert inside.wait(10)
    assert SWITCH.fp32_precision == "bf16", "the other thread is still inside"
    leave.set()
    thread.join()
    assert SWITCH.fp32_precision == before


def test_float32_touches_nothing():
    before = SWITCH.fp32_precision
    with matmul.fast_matmul("float32"):
        assert SWITCH.fp32_precision == before


def test_choice_by_size(monkeypatch):
    monkeypatch.setattr(matmul, "fast_is_better", lambda: True)
    assert matmul.choose([(128, 784, 400)]) == "fast"
    assert matmul.choose([(64, 64, 64)] * 5) == "float32"
    assert matmul.choose([(128, 784, 400), *[(8, 8, 8)] * 100]) == "float32"
    assert matmul.choose([]) == "float32"
    monkeypatch.setattr(matmul, "fast_is_better", lambda: False)
    assert matmul.choose([(128, 784, 400)]) == "float32"
    with pytest.warns(UserWarning, match="no faster float32 product"):
        assert matmul.resolve("fast", []) == "float32"


@pytest.mark.parametrize(("gain", "taken"), [(1.1, False), (1.5, True)])
def test_other_work_on_the_machine_does_not_change_the_choice(monkeypatch, gain, taken):
    """Bursts make a third of the calls up to four times as slow, whichever product they meet."""
    draws = torch.Generator().manual_seed(int(10 * gain))

    def timed(a, b, route):
        burst = 1 + 3 * float(torch.rand((), generator=draws)) * (float(torch.rand((), generator=draws)) < 0.33)
        return burst * (gain if route == "float32" else 1.0), a @ b

    monkeypatch.setattr(matmul, "_timed", timed)
    assert {matmul.fast_is_better.__wrapped__() for _ in range(20)} == {taken}


@pytest.mark.parametrize("error", [1e-2, 0.0])
def test_a_fast_but_rough_product_is_not_taken(monkeypatch, error):
    def timed(a, b, route):
        return (1.0, a @ b) if route == "float32" else (0.1, a @ b * (1 + error))

    monkeypatch.setattr(matmul, "_timed", timed)
    assert matmul.fast_is_better.__wrapped__() is (error == 0)


def test_unknown_routes():
    with pytest.raises(ValueError, match="no route is called 'quick'"), matmul.fast_matmul("quick"):
        pass
    with pytest.raises(ValueError, match="matmul must be auto"):
        matmul.resolve("quick", [])
