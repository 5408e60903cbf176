"""Faults of priors, likelihoods and posteriors."""

from tests.endurance.faults.fault import fault

KINDS = "distributions/test_kinds.py"
LATENTS = "distributions/test_latents.py"
LIKELIHOODS = "distributions/test_likelihoods.py"

FAULTS = (
    fault(
        "a posterior draws with its variance for its scale",
        "distributions/posteriors/normal.py",
        "dist.Normal(loc, (log_variance / 2).exp())",
        "dist.Normal(loc, log_variance.exp())",
        "distributions/test_posteriors.py::test_outputs_are_means_then_log_variances",
    ),
    fault(
        "the divergence of a full normal forgets where its mean is",
        "distributions/posteriors/normal.py",
        "misfit = (q.variance + (q.mean - loc).square()) / scale.square()",
        "misfit = q.variance / scale.square()",
        f"{LATENTS}::test_every_divergence_in_closed_form_is_the_mean_of_the_log_ratio",
    ),
    fault(
        "a flow adds its log-determinant where it should subtract it",
        "distributions/posteriors/flow.py",
        "return super().log_prob(value if value.shape == shape else value.expand(shape))",
        """x = value = value if value.shape == shape else value.expand(shape)
        for part in reversed(self.transforms):
            x = part.inv(x)
        return 2 * self.base_dist.log_prob(x) - super().log_prob(value)""",
        f"{LATENTS}::test_the_density_sums_to_one_and_draws_have_its_moments",
    ),
    fault(
        "a step of a flow claims to stretch where it only turns",
        "distributions/flows.py",
        "return x.new_zeros(x.shape[:-1])",
        "return x.new_ones(x.shape[:-1])",
        f"{LATENTS}::test_the_density_sums_to_one_and_draws_have_its_moments",
    ),
    fault(
        "cells that are missing count after all",
        "distributions/missing.py",
        "return cells.mask(observed).to_event(",
        "return cells.mask(observed | ~observed).to_event(",
        f"{LIKELIHOODS}::test_missing_cells_are_left_out_one_by_one",
    ),
    fault(
        "a reconstruction loss counts cells that are missing",
        "distributions/reconstructions.py",
        "cells = torch.where(observed, cells, 0.0)",
        "cells = torch.where(observed | ~observed, cells, 0.0)",
        "distributions/test_reconstructions.py::test_missing_cells_are_left_out",
    ),
    fault(
        "a negative binomial has mean and dispersion swapped in its logit",
        "distributions/likelihoods/counts.py",
        "logits=mean.log() - theta.log()",
        "logits=theta.log() - mean.log()",
        f"{KINDS}::test_negative_binomial_is_scipys",
    ),
    fault(
        "extra zeros come with the probability of none",
        "distributions/likelihoods/counts.py",
        "gate_logits=gate)",
        "gate_logits=-gate)",
        f"{KINDS}::test_extra_zeros",
    ),
    fault(
        "levels at the ends of a mixture of logistics lose their tails",
        "distributions/likelihoods/logistic_mixture.py",
        "torch.where(y < half - 1, logsigmoid(a),",
        "torch.where(y < half - 3, logsigmoid(a),",
        f"{LIKELIHOODS}::test_the_density_of_one_cell_sums_to_one_and_has_the_mean",
    ),
    fault(
        "the optimal scale lacks the half of its logarithm",
        "distributions/likelihoods/optimal.py",
        "cells = -0.5 * (error.square() / variance + (2 * math.pi * variance).log())",
        "cells = -0.5 * error.square() / variance - (2 * math.pi * variance).log()",
        f"{KINDS}::test_the_optimal_scale_is_where_the_learned_ones_gradient_vanishes",
    ),
    fault(
        "columns of a table are scored by each other's likelihoods",
        "distributions/likelihoods/columns.py",
        "places = sorted(range(len(numbers)), key=numbers.__getitem__)",
        "places = numbers",
        f"{KINDS}::test_averages_over_codes",
    ),
    fault(
        "a mixture prior draws with the logarithm of its scale",
        "distributions/priors/mixture.py",
        "dist.Normal(self.loc, self.log_scale.exp())",
        "dist.Normal(self.loc, (self.log_scale / 2).exp())",
        "distributions/test_priors.py::test_a_mixture_is_the_sum_of_its_bumps",
    ),
)
