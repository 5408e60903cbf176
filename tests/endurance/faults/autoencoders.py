"""Faults of deterministic models and the networks they share."""

from tests.endurance.faults.fault import fault

CODES = "autoencoders/test_codes.py"
TIED = "networks/test_tied.py"

FAULTS = (
    fault(
        "tied weights are read in another shape instead of transposed",
        "networks/tied.py",
        "return linear(h, layer.weight.T, self.bias)",
        "return linear(h, layer.weight.reshape(layer.weight.T.shape), self.bias)",
        f"{TIED}::test_a_transposed_layer_is_the_adjoint",
    ),
    fault(
        "tied weights learn from the encoder alone",
        "networks/tied.py",
        "return linear(h, layer.weight.T, self.bias)",
        "return linear(h, layer.weight.T.detach(), self.bias)",
        f"{TIED}::test_gradients_of_both_uses_add_up",
    ),
    fault(
        "a k-sparse code keeps one unit too many",
        "autoencoders/codes.py",
        "return self.k if training else",
        "return min(units, self.k + 1) if training else",
        f"{CODES}::test_the_k_largest_stay_and_alpha_k_afterwards",
    ),
    fault(
        "bits have no gradient",
        "autoencoders/codes.py",
        "return (z > 0).to(z) + (soft - soft.detach())",
        "return (z > 0).to(z) + 0 * (soft - soft.detach())",
        f"{CODES}::test_bits_learn_by_the_derivative_of_the_sigmoid",
    ),
    fault(
        "codes are shrunk by twice the threshold",
        "autoencoders/sparse_coding.py",
        "(u.abs() - weight * step)",
        "(u.abs() - 2 * weight * step)",
        "autoencoders/test_sparse_coding.py::test_orthonormal_atoms_have_a_closed_form",
    ),
    fault(
        "the density of codes adds the logarithm of its determinant",
        "autoencoders/density.py",
        "constant = self.shares.log() - L.diagonal",
        "constant = self.shares.log() + L.diagonal",
        "autoencoders/test_density.py::test_log_prob_is_scipys",
    ),
    fault(
        "a moving covariance forgets how far its mean moved",
        "autoencoders/density.py",
        "old = self.covariances + shift[:, :, None] * shift[:, None, :]",
        "old = self.covariances + 0 * shift[:, :, None] * shift[:, None, :]",
        "autoencoders/test_density.py::test_small_steps_mix_moments",
    ),
    fault(
        "a masked autoencoder is judged where it saw",
        "autoencoders/masked.py",
        "losses.append(self.rows_of_loss(self.seeing(x, seen), x, observed, ~seen))",
        "losses.append(self.rows_of_loss(self.seeing(x, seen), x, observed, seen))",
        "autoencoders/test_masked.py::test_the_held_out_loss_is_that_of_the_cells_that_each_round_hides",
    ),
)
