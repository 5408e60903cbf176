"""What every model has from its base class."""

import pytest
import torch

import genlatent as gl
from genlatent.errors import RecipeError


def test_the_names_of_other_libraries_write_and_read_the_same_folder(tmp_path):
    rbm = gl.RBM((1, 2, 2), 3)
    rbm.save_pretrained(tmp_path / "rbm")
    again = gl.RBM.from_pretrained(tmp_path / "rbm")
    assert torch.equal(again.W, rbm.W)
    assert torch.equal(gl.load(tmp_path / "rbm").W, rbm.W)
    with pytest.raises(RecipeError, match="holds a RBM, not a VAE"):
        gl.VAE.from_pretrained(tmp_path / "rbm")


def test_a_printed_model_says_its_shape_and_size():
    assert "rows of shape (1, 2, 2), 19 parameters" in repr(gl.RBM((1, 2, 2), 3))
