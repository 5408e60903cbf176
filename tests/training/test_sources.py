"""What a training leaves in the process: nothing that grows."""

import gc
import linecache
import weakref

import pytest
from torch.fx import graph_module

from genlatent import fit


@pytest.mark.parametrize("mode", ["eager", "traced"])
def test_no_text_of_a_graph_is_kept(make, digits, mode):
    fit(make(), digits, steps=2, mode=mode)
    before = set(linecache.cache), set(graph_module._loader.eval_cache)
    fit(make(), digits, steps=2, mode=mode)
    assert (set(linecache.cache), set(graph_module._loader.eval_cache)) == before


def test_a_model_that_nobody_needs_is_freed_without_waiting_for_the_collector(make, digits):
    model = make()
    fit(model, digits, steps=2, mode="eager")
    gone = weakref.ref(model)
    gc.collect()
    gc.disable()
    try:
        fit(model, digits, steps=2, mode="eager")
        del model
        assert gone() is None
    finally:
        gc.enable()
