"""What a training leaves in the process: nothing that grows."""

import gc
import linecache
import weakref

from torch.fx import graph_module

from genlatent import Autoencoder, fit
from genlatent.training.sources import PREFIX


def texts() -> set[str]:
    """The names of graphs whose text is kept."""
    return {name for name in linecache.cache if name.startswith(PREFIX)} | set(graph_module._loader.eval_cache)


def test_no_text_of_a_graph_is_kept(digits):
    before = texts()
    fit(Autoencoder((1, 8, 8), latent=3), digits, steps=2, mode="traced")
    assert texts() == before


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
