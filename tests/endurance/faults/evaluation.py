"""Faults of the estimators of likelihoods and partition functions."""

from tests.endurance.faults.fault import fault

LATENTS = "evaluation/test_annealed_latents.py"

FAULTS = (
    fault(
        "ln Z leaves out that of the base rates",
        "evaluation/partition.py",
        "ahead = log_mean(forward, generator).shifted(base)",
        "ahead = log_mean(forward, generator)",
        "evaluation/test_partition.py::test_an_estimate_of_any_machine_at_any_temperature_holds_the_exact_value",
    ),
    fault(
        "runs in reverse are averaged as if they went ahead",
        "evaluation/partition.py",
        "log_mean_inverse(w, generator).shifted(base)",
        "log_mean(w, generator).shifted(base)",
        "evaluation/test_partition.py::test_an_estimate_of_any_machine_at_any_temperature_holds_the_exact_value",
    ),
    fault(
        "annealed weights of codes are taken after the move",
        "evaluation/annealed_latents.py",
        """        weights = weights + (after - here) * (ends.end - ends.start)
        if k < len(steps):
            z, ends, accepted = move(path, z, ends, after, steps[k], scale, leaps, generator)
            total = total + accepted
""",
        """        if k < len(steps):
            z, ends, accepted = move(path, z, ends, after, steps[k], scale, leaps, generator)
            total = total + accepted
        weights = weights + (after - here) * (ends.end - ends.start)
""",
        f"{LATENTS}::test_from_elsewhere_the_mean_weight_is_the_marginal",
    ),
    fault(
        "codes move at the position before",
        "evaluation/annealed_latents.py",
        "z, ends, accepted = move(path, z, ends, after, steps[k], scale, leaps, generator)",
        "z, ends, accepted = move(path, z, ends, here, steps[k], scale, leaps, generator)",
        f"{LATENTS}::test_from_elsewhere_the_mean_weight_is_the_marginal",
    ),
    fault(
        "moves of codes forget their momentum when they are judged",
        "evaluation/annealed_latents.py",
        " + (push.square() - momentum.square()).sum(-1) / 2",
        " + 0 * (push.square() - momentum.square()).sum(-1) / 2",
        f"{LATENTS}::test_moves_leave_the_posterior_as_it_is",
    ),
    fault(
        "runs backwards are averaged with the sign of those ahead",
        "evaluation/annealed_latents.py",
        "return _seen(weights, acceptance, -1.0)",
        "return _seen(weights, acceptance, 1.0)",
        "evaluation/test_simulated_rows.py::test_each_side_is_a_bound_in_the_mean_and_more_steps_bring_them_together",
    ),
    fault(
        "bits are flipped as if they had arrived",
        "evaluation/annealed_bits.py",
        "taken = chance.log() < there.at(lam) - here.at(lam)",
        "taken = chance.log() < there.end - here.end",
        "evaluation/test_annealed_bits.py::test_the_mean_weight_is_the_sum_over_all_codes",
    ),
    fault(
        "a score is the mean of its log-weights",
        "evaluation/importance.py",
        "[log_mean_exp(w) for w in log_weights(",
        "[w.double().mean(0) for w in log_weights(",
        "evaluation/test_importance.py::test_scores_are_the_log_mean_weights_of_each_row",
    ),
    fault(
        "an interval of a mean forgets how many rows there are",
        "evaluation/likelihood.py",
        "half = Z_95 * float(values.std()) / math.sqrt(len(values))",
        "half = Z_95 * float(values.std()) / len(values)",
        "evaluation/test_likelihood.py::test_the_interval_is_the_standard_error_of_the_rows",
    ),
    fault(
        "the evidence lower bound of a report is the weighted one",
        "evaluation/likelihood.py",
        "return Judged(log_mean_exp(log_w), log_w.mean(0), effective_sample_size(log_w), shape)",
        "return Judged(log_mean_exp(log_w), log_mean_exp(log_w), effective_sample_size(log_w), shape)",
        "evaluation/test_likelihood.py::test_the_bound_reaches_a_known_likelihood_and_the_elbo_lies_below_it_by_half_the_variance",
    ),
    fault(
        "a likelihood adds ln Z",
        "evaluation/annealed.py",
        "value = mean - log_z",
        "value = mean + log_z",
        "evaluation/test_annealed.py::test_a_small_machine_gets_its_exact_likelihood",
    ),
    fault(
        "a base between walls is not cut off there",
        "evaluation/bases.py",
        "(self._law.log_prob(x) - (high - low).log()).sum(-1)",
        "self._law.log_prob(x).sum(-1)",
        "evaluation/test_bases.py::test_it_is_normalised",
    ),
    fault(
        "codes of a correlated base are pushed by its root transposed",
        "evaluation/bases.py",
        "return z @ self.root.mT",
        "return z @ self.root",
        "evaluation/test_bases.py::test_draws_are_its_own",
    ),
    fault(
        "annealing along slopes multiplies by the temperature",
        "evaluation/slope_way.py",
        "end, end_slope = -value / self.temperature,",
        "end, end_slope = -value * self.temperature,",
        "evaluation/test_slope_way.py::test_the_temperature_of_its_training_is_the_model_s",
    ),
    fault(
        "rows that were annealed hand on their value and not their gain",
        "evaluation/refined.py",
        "bounds[hard] += gain.mean()",
        "bounds[hard] = value.mean()",
        "evaluation/test_refined.py::test_rows_that_were_not_annealed_are_given_the_mean_gain",
    ),
)
