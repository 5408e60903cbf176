"""Faults of Boltzmann machines, their units, and neural energies."""

from tests.endurance.faults.fault import fault

MACHINE = "energy/test_machine.py"
UNITS = "energy/units/test_units.py"

FAULTS = (
    fault(
        "a field drops the bias",
        "energy/layers.py",
        "total = theta.biases[layer]\n",
        "total = 0 * theta.biases[layer]\n",
        f"{MACHINE}::test_field_gives_the_exact_conditional",
    ),
    fault(
        "a reduced energy takes the biases with their sign turned",
        "energy/layers.py",
        "-_dot(s, alone)]",
        "_dot(s, alone)]",
        f"{MACHINE}::test_energy_of_the_layers_kept_when_others_are_summed_out",
    ),
    fault(
        "pairs within a layer are counted twice",
        "energy/layers.py",
        "return full / 2 if a == b else full",
        "return full",
        f"{MACHINE}::test_energy_is_the_definition_s",
    ),
    fault(
        "couplings within a layer are not made symmetric",
        "energy/layers.py",
        "w = (w + w.mT) / 2 if a == b else w",
        "w = w if a == b else w",
        "energy/test_masks.py::test_symmetry_and_zeros_are_enforced",
    ),
    fault(
        "a reduced energy forgets lambda in the products",
        "energy/layers.py",
        "return value if lam is None else lam * value",
        "return value",
        f"{MACHINE}::test_energy_of_the_layers_kept_when_others_are_summed_out",
    ),
    fault(
        "spins are drawn with half of their field",
        "energy/units/spin.py",
        "(2 * field).sigmoid()",
        "field.sigmoid()",
        f"{UNITS}::test_samples_have_the_unit_s_moments",
    ),
    fault(
        "a Gaussian unit is drawn with its variance for its spread",
        "energy/units/gaussian.py",
        "self._variance(field).sqrt() * noise",
        "self._variance(field) * noise",
        f"{UNITS}::test_samples_have_the_unit_s_moments",
    ),
    fault(
        "the cumulant of a Gaussian unit forgets its spread",
        "energy/units/gaussian.py",
        "(variance.log() + math.log(2 * math.pi)) / 2",
        "math.log(2 * math.pi) / 2",
        f"{UNITS}::test_cumulant_is_the_log_normaliser",
    ),
    fault(
        "a rectified unit has the hazard with its sign turned",
        "energy/units/relu.py",
        "near = f + (-f.square() / 2",
        "near = f - (-f.square() / 2",
        f"{UNITS}::test_mean_is_the_derivative_of_the_cumulant",
    ),
    fault(
        "pseudo-likelihood takes the flip for the state",
        "energy/pseudo.py",
        "return -softplus(change).mean(1) * v.shape[1]",
        "return -softplus(-change).mean(1) * v.shape[1]",
        "energy/test_rbm.py::test_pseudo_likelihood_against_the_exact_conditionals",
    ),
    fault(
        "pseudo-likelihood of some sites is not scaled up",
        "energy/pseudo.py",
        "return -softplus(change).mean(1) * v.shape[1]",
        "return -softplus(change).sum(1)",
        "energy/test_rbm.py::test_pseudo_likelihood_of_every_second_site_is_scaled_up",
    ),
    fault(
        "a condition does not reach the hidden biases",
        "energy/conditional.py",
        '"hidden": self.hidden_condition(y)}',
        '"hidden": 0 * self.hidden_condition(y)}',
        "energy/test_conditional.py::test_each_row_has_the_machine_of_its_condition",
    ),
    fault(
        "replicas are dealt the conditions of other chains",
        "energy/conditional.py",
        "s.repeat_interleave(times if len(s) > 1 else 1, 0)",
        "s.repeat(times if len(s) > 1 else 1, 1)",
        "energy/test_conditional.py::test_chains_under_several_conditions_each_sample_their_own",
    ),
    fault(
        "a classifying machine drops the bias of the class",
        "energy/classification.py",
        'summed = self.field("label", {}, **told) + ',
        'summed = 0 * self.field("label", {}, **told) + ',
        "energy/test_classification.py::test_class_probabilities_are_exact",
    ),
    fault(
        "the bound of a belief net subtracts the entropy",
        "energy/dbn.py",
        "self.log_generation(states) + self.entropy(fields)",
        "self.log_generation(states) - self.entropy(fields)",
        "energy/test_dbn.py::test_score_estimates_a_bound",
    ),
    fault(
        "the bound of a belief net adds the free energy of its top",
        "energy/dbn.py",
        "- self.top.free_energy(states[-1])",
        "+ self.top.free_energy(states[-1])",
        "energy/test_dbn.py::test_score_estimates_a_bound",
    ),
    fault(
        "completing a row forgets how its proposals came about",
        "energy/dbn_imputation.py",
        " - net.log_recognition(states)",
        "",
        "energy/test_dbn.py::test_missing_values_are_imputed",
    ),
    fault(
        "a layer between two machines feels both in full",
        "energy/dbm.py",
        "share = 0.5 if len(layers) > 1",
        "share = 1.0 if len(layers) > 1",
        "energy/test_dbm.py::test_an_adopted_stack_feels_the_average_of_both_its_machines",
    ),
    fault(
        "Langevin steps of a learned prior drop their correction",
        "energy/tilted.py",
        "accepted = torch.rand_like(gain).log() < gain + forth_and_back",
        "accepted = torch.rand_like(gain).log() < gain",
        "energy/test_latent_prior.py::test_annealed_weights_estimate_ln_z_and_the_mean",
    ),
    fault(
        "weights of a learned prior are taken after the move",
        "energy/tilted.py",
        """        log_weights = log_weights - at[0] / steps
        z, at = _langevin(energy, z, at, k / steps, size)
""",
        """        z, at = _langevin(energy, z, at, k / steps, size)
        log_weights = log_weights - at[0] / steps
""",
        "energy/test_latent_prior.py::test_annealed_weights_estimate_ln_z_and_the_mean",
    ),
    fault(
        "ln Z of a learned prior has its gradient turned",
        "energy/tilted.py",
        "- (tied - tied.detach())",
        "+ (tied - tied.detach())",
        "energy/test_latent_prior.py::test_the_gradient_is_that_of_the_exact_density",
    ),
    fault(
        "an energy learned with less noise forgets its temperature",
        "energy/neural.py",
        "return -self.energy(self.check(x)) / self.temperature",
        "return -self.energy(self.check(x))",
        "evaluation/test_slope_way.py::test_the_temperature_of_its_training_is_the_model_s",
    ),
    fault(
        "the confinement of an energy lacks its half",
        "energy/neural.py",
        "self.confinement / 2 * u",
        "self.confinement * u",
        "energy/test_neural.py::test_a_linear_gaussian_energy_reconstructs_by_tweedie_s_formula",
    ),
    fault(
        "exact draws hardly ever come from later chunks of the list",
        "energy/exact_draws.py",
        "(own - both).exp()",
        "(2 * (own - both)).exp()",
        "energy/test_exact_draws.py::test_draws_have_the_exact_moments",
    ),
    fault(
        "Hebb's rule counts every pair of sites twice",
        "energy/recall.py",
        "J = xi.mT @ xi / xi.shape[1] * theta.masks[pair]",
        "J = 2 * xi.mT @ xi / xi.shape[1] * theta.masks[pair]",
        "energy/test_visible.py::test_a_stored_pattern_has_the_energy_that_its_overlap_says",
    ),
)
