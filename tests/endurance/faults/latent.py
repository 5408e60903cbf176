"""Faults of latent-variable models."""

from tests.endurance.faults.fault import fault

LADDER = "latent/test_ladder.py"
SEMI = "latent/test_semi_supervised.py"

FAULTS = (
    fault(
        "a VAE counts cells that are missing",
        "latent/vae.py",
        'return pyro.sample("x", p if observed is None else masked(p, observed), obs=x)',
        'return pyro.sample("x", p, obs=x)',
        "objectives/test_elbo.py::test_missing_cells_equal_a_hand_written_mask",
    ),
    fault(
        "a ladder weighs the estimate by the precision of the prior",
        "latent/ladder.py",
        "prior_mean + logit.sigmoid() * (mean - prior_mean)",
        "mean + logit.sigmoid() * (prior_mean - mean)",
        f"{LADDER}::test_combination_by_precisions",
    ),
    fault(
        "precisions of a ladder are subtracted",
        "latent/ladder.py",
        "log_variance + logsigmoid(logit)",
        "log_variance - logsigmoid(logit)",
        f"{LADDER}::test_combination_by_precisions",
    ),
    fault(
        "a ladder draws with its variance for its scale",
        "latent/ladder.py",
        "dist.Normal(mean, (log_variance / 2).exp())",
        "dist.Normal(mean, log_variance.exp())",
        f"{LADDER}::test_every_draw_gives_the_exact_marginal",
    ),
    fault(
        "the classes of a semi-supervised model have no prior",
        "latent/semi_supervised.py",
        'label = pyro.sample("y", dist.Categorical(logits=self.log_class_prior))',
        'label = pyro.sample("y", dist.Categorical(logits=0 * self.log_class_prior))',
        f"{SEMI}::test_unlabelled_bound_is_the_sum_over_classes",
    ),
    fault(
        "a label that is known is guessed",
        "latent/semi_supervised.py",
        "return torch.where((y >= 0)[:, None], self._certain(y.clamp(min=0), logits), logits)",
        "return torch.where((y < -1)[:, None], self._certain(y.clamp(min=0), logits), logits)",
        f"{SEMI}::test_a_mixed_batch_costs_what_the_formula_says",
    ),
    fault(
        "scores of labelled rows count other classes",
        "latent/semi_supervised.py",
        "log_w = log_w.masked_fill((y >= 0) & (classes != y), -math.inf)",
        "log_w = log_w.masked_fill((y < -1) & (classes != y), -math.inf)",
        f"{SEMI}::test_scores_sum_over_classes",
    ),
    fault(
        "the classifier is weighed by the batch and not by its labelled rows",
        "latent/semi_supervised.py",
        "weight = self.classification * len(y) / known.sum().clamp(min=1).to(x.dtype)",
        "weight = self.classification * len(y) / torch.ones_like(known).sum().to(x.dtype)",
        f"{SEMI}::test_a_mixed_batch_costs_what_the_formula_says",
    ),
    fault(
        "the decoder is not told the condition",
        "latent/conditional.py",
        "return run_split(self._decoding, self.decoder, z, self.decoder_condition(y))",
        "return run_split(self._decoding, self.decoder, z, 0 * self.decoder_condition(y))",
        "latent/test_conditional.py::test_labels_shift_the_exact_marginal",
    ),
    fault(
        "DRAW paints over its canvas instead of adding to it",
        "latent/draw.py",
        "return Drawing(drawing.canvas + self.writer(memory.hidden), memory)",
        "return Drawing(0 * drawing.canvas + self.writer(memory.hidden), memory)",
        "latent/test_draw.py::test_two_steps_by_hand",
    ),
    fault(
        "the attention filters of DRAW do not sum to one",
        "networks/window.py",
        "return logits.softmax(-1)",
        "return logits.exp()",
        "networks/test_window.py::test_filters_by_hand",
    ),
    fault(
        "DRAW writes as intensely as it reads",
        "networks/window.py",
        "return image / self.intensity[..., None, None, None]",
        "return image * self.intensity[..., None, None, None]",
        "networks/test_window.py::test_sharp_filters_read_and_write_single_pixels",
    ),
    fault(
        "a vector takes the farthest shift of the codebook",
        "latent/vq.py",
        "(e.square().sum(1) - 2 * vectors.detach() @ e.T).argmin(-1)",
        "(e.square().sum(1) - vectors.detach() @ e.T).argmin(-1)",
        "latent/test_vq.py::test_the_nearest_entry_is_chosen",
    ),
    fault(
        "the score of a VQ-VAE leaves out what its codes cost",
        "latent/vq.py",
        "return self.log_prior(codes) - self.likelihood.loss(params, x, observed)",
        "return 0 * self.log_prior(codes) - self.likelihood.loss(params, x, observed)",
        "latent/test_vq.py::test_score_is_one_term_of_the_likelihood",
    ),
    fault(
        "gaps are filled by codes that are not weighed",
        "latent/imputation.py",
        "weights = t.log_weights().expand(num_samples, len(rows)).softmax(0)",
        "weights = (0 * t.log_weights()).expand(num_samples, len(rows)).softmax(0)",
        "latent/test_imputation.py::test_the_mean_is_that_of_the_conditional_normal",
    ),
)
