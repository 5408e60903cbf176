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


def test_unknown_routes():
    with pytest.raises(ValueError, match="no route is called 'quick'"), matmul.fast_matmul("quick"):
        pass
    with pytest.raises(ValueError, match="matmul must be auto"):
        matmul.resolve("quick", [])
