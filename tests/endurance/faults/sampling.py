"""Faults of the samplers, their ladders, and annealing."""

from tests.endurance.faults.fault import fault

KERNELS = "sampling/test_kernels.py"
ANNEALING = "sampling/test_annealing.py"
COARSE = f"{ANNEALING}::test_three_coarse_steps_each_way_meet_at_the_exact_partition_function"

FAULTS = (
    fault(
        "a Gibbs step draws every layer from the old ones",
        "sampling/gibbs.py",
        "layers[name] = self._drawn(name, layers, state, generator)",
        "layers[name] = self._drawn(name, state.layers, state, generator)",
        "sampling/test_gibbs.py::test_marginals_at_a_temperature",
    ),
    fault(
        "a temperature multiplies the energy",
        "sampling/gibbs.py",
        "return temperature.reciprocal().expand(chains)",
        "return temperature.expand(chains)",
        "sampling/test_gibbs.py::test_marginals_at_a_temperature",
    ),
    fault(
        "a Gibbs sweep in place forgets the biases",
        "sampling/sweep.py",
        "return s.add_(bias)",
        "return s",
        "sampling/test_gibbs.py::test_marginals_of_every_shape",
    ),
    fault(
        "a Gibbs sweep in place squares the temperature",
        "sampling/sweep.py",
        "s.mul_(self._beta)",
        "s.mul_(self._beta**2)",
        "sampling/test_gibbs.py::test_each_chain_has_its_own_temperature",
    ),
    fault(
        "the base rates are mixed in with their sign turned",
        "sampling/sweep.py",
        "(1 - self._lam) * b for n, b",
        "(self._lam - 1) * b for n, b",
        "sampling/test_gibbs.py::test_mixing_with_the_base_rates",
    ),
    fault(
        "one uniform number serves all sites of a chain",
        "sampling/uniform.py",
        "bits.view(torch.int16)[: rows * columns].view(rows, columns)",
        "bits.view(torch.int16)[:rows].unsqueeze(1).expand(rows, columns)",
        "sampling/test_gibbs.py::test_marginals_of_every_shape",
    ),
    fault(
        "one uniform number serves all chains of a site",
        "sampling/uniform.py",
        "bits.view(torch.int16)[: rows * columns].view(rows, columns)",
        "bits.view(torch.int16)[:columns].expand(rows, columns)",
        "sampling/test_uniform.py::test_numbers_are_uniform",
    ),
    fault(
        "a site drawn in turn feels the old state of the one before it",
        "sampling/site_sweep.py",
        "(site.unsqueeze(1) > site)",
        "(site.unsqueeze(1) > site + 1)",
        "sampling/test_sites.py::test_sweeps_reach_the_exact_distribution",
    ),
    fault(
        "spins drawn in turn lose the field of those at -1",
        "sampling/site_sweep.py",
        "b = b + self._low * later.sum(1)",
        "b = b + 0 * later.sum(1)",
        "sampling/test_sites.py::test_sweeps_reach_the_exact_distribution",
    ),
    fault(
        "sites drawn in turn are reversed in one of two forms only",
        "sampling/annealing.py",
        "generator, backwards=self.reverse)",
        "generator, backwards=False)",
        f"{ANNEALING}::test_a_step_in_reverse_is_a_step_ahead_seen_backwards_in_time",
    ),
    fault(
        "whole numbers stand for couplings rounded down",
        "numerics/integers.py",
        "return (w.double() / step).round(), step",
        "return (w.double() / step).floor(), step",
        "sampling/test_integer_gibbs.py::test_the_bias_of_rounded_couplings_is_what_the_text_says",
    ),
    fault(
        "Gibbs in whole numbers forgets the temperature",
        "sampling/integer_gibbs.py",
        "s.mul_(self._beta)",
        "s.mul_(1.0)",
        "sampling/test_integer_gibbs.py::test_marginals_of_groups_of_units_at_a_temperature",
    ),
    fault(
        "a swap looks at one side only",
        "sampling/swaps.py",
        "ratio = (gain + gain.gather(1, partner)).gather(1, lower)",
        "ratio = gain.gather(1, lower)",
        "sampling/test_swaps.py::test_swaps_happen_as_often_as_metropolis_says",
    ),
    fault(
        "a swap is refused where it should be taken",
        "sampling/swaps.py",
        "gain = own - other",
        "gain = other - own",
        f"{KERNELS}::test_exact_replicas_stay_exact_on_every_rung",
    ),
    fault(
        "both sides of a swap throw their own dice",
        "sampling/swaps.py",
        "accepted = uniform.gather(1, lower) < ratio.exp()",
        "accepted = uniform < ratio.exp()",
        "sampling/test_swaps.py::test_no_state_is_lost_or_doubled",
    ),
    fault(
        "replicas are swept at the temperatures of others",
        "sampling/tempering.py",
        "return GibbsState(flat, state.rungs.beta.flatten(), state.rungs.lam.flatten())",
        "return GibbsState(flat, state.rungs.beta.flip(1).flatten(), state.rungs.lam.flatten())",
        f"{KERNELS}::test_exact_replicas_stay_exact_on_every_rung",
    ),
    fault(
        "the energy of a swap forgets beta in what is summed out",
        "sampling/bridges.py",
        "cumulant(beta.unsqueeze(1) * mixed)",
        "cumulant(mixed)",
        f"{KERNELS}::test_exact_replicas_stay_exact_on_every_rung",
    ),
    fault(
        "swapped states are shown and not swept on",
        "sampling/tempering.py",
        "live[name].copy_(swapped.replicas[name])",
        "live[name].copy_(live[name])",
        "sampling/test_tempering.py::test_tempering_crosses_where_gibbs_cannot",
    ),
    fault(
        "the way down of a transition is not the way up reversed",
        "sampling/transitions.py",
        "self._up.blocks[:first] + self._up.blocks[first:][::-1]",
        "self._up.blocks[:first] + self._up.blocks[first:]",
        f"{KERNELS}::test_exact_states_stay_exact_through_transitions",
    ),
    fault(
        "a transition is weighed on its way up only",
        "sampling/transitions.py",
        "total = total - self._climb(s.layers, here, above)",
        "total = total - 0 * self._climb(s.layers, here, above)",
        "sampling/test_transitions.py::test_longer_ladders_are_accepted_more_often",
    ),
    fault(
        "a transition is weighed on its way down only",
        "sampling/transitions.py",
        "total = total + self._climb(s.layers, here, above)",
        "total = total + 0 * self._climb(s.layers, here, above)",
        f"{KERNELS}::test_exact_states_stay_exact_through_transitions[transitions alone-rigid]",
    ),
    fault(
        "Gibbs with gradients drops its detail-balance correction",
        "sampling/gradients.py",
        "ratio = (there.gather(1, back) - here.gather(1, move)).squeeze(1) - state.beta * (energy - state.energy)",
        "ratio = -state.beta * (energy - state.energy)",
        f"{KERNELS}::test_chains_reach_their_distribution[1.0-gradients]",
    ),
    fault(
        "Gibbs with gradients takes the way there for the way back",
        "sampling/gradients.py",
        "new).view_as(x), site * values + old",
        "new).view_as(x), move",
        f"{KERNELS}::test_chains_reach_their_distribution[1.0-gradients, Potts]",
    ),
    fault(
        "Hamiltonian Monte Carlo weighs the potential energy only",
        "sampling/hmc.py",
        "error = state.beta * (energy - state.energy) + kinetic",
        "error = state.beta * (energy - state.energy)",
        "sampling/test_hmc.py::test_exact_samples_stay_exact",
    ),
    fault(
        "Hamiltonian Monte Carlo counts the kinetic energy twice",
        "sampling/hmc.py",
        "kinetic = (momentum.square() - push.square()).flatten(1).sum(1) / 2",
        "kinetic = (momentum.square() - push.square()).flatten(1).sum(1)",
        "sampling/test_hmc.py::test_exact_samples_stay_exact",
    ),
    fault(
        "the last half kick of the leapfrog is a whole one",
        "sampling/hmc.py",
        "kick if leap < self.leaps - 1 else kick / 2",
        "kick",
        "sampling/test_hmc.py::test_leapfrog_steps_run_backwards_and_keep_the_energy",
    ),
    fault(
        "a step size adapts the wrong way",
        "sampling/adaptation.py",
        "(self.target - acceptance) / (t + t0)",
        "(acceptance - self.target) / (t + t0)",
        "sampling/test_hmc.py::test_the_step_size_meets_the_wanted_acceptance",
    ),
    fault(
        "Langevin noise has half of its variance",
        "sampling/langevin.py",
        "(2 * state.step).sqrt()",
        "state.step.sqrt()",
        "sampling/test_langevin.py::test_its_bias_is_the_one_that_is_stated",
    ),
    fault(
        "Langevin drift forgets the temperature",
        "sampling/langevin.py",
        "column(state.step * state.beta, x)",
        "column(state.step, x)",
        "sampling/test_langevin.py::test_its_bias_is_the_one_that_is_stated",
    ),
    fault(
        "annealed weights forget the temperature of the layers that are kept",
        "sampling/annealed_sweep.py",
        "self._weigh_kept(self._beta * (after - before))",
        "self._weigh_kept(after - before)",
        f"{ANNEALING}::test_an_increment_is_the_difference_of_the_reduced_energies",
    ),
    fault(
        "annealed weights are taken after the move",
        "sampling/annealed_sweep.py",
        """        self._weigh_kept(self._beta * (after - before))
        for name in self._summed:
            self._weigh(name, before, after)
        for name in self._kept:
            if name in self._sites:
                self._draw_sites(name, after)
            else:
                self._draw(name, after)
""",
        """        for name in self._summed:
            self._weigh(name, before, after)
        for name in self._kept:
            if name in self._sites:
                self._draw_sites(name, after)
            else:
                self._draw(name, after)
        self._weigh_kept(self._beta * (after - before))
""",
        COARSE,
    ),
    fault(
        "annealed runs move at the position before",
        "sampling/annealed_sweep.py",
        "self._draw(name, after)\n",
        "self._draw(name, before)\n",
        COARSE,
    ),
    fault(
        "a run in reverse keeps the order of the way ahead",
        "sampling/annealing.py",
        "tuple(kept[::-1] if reverse else kept)",
        "tuple(kept)",
        f"{ANNEALING}::test_a_step_in_reverse_is_a_step_ahead_seen_backwards_in_time",
    ),
    fault(
        "ln Z of the base rates forgets the temperature",
        "sampling/annealing.py",
        "cumulant(self._beta * a.double())",
        "cumulant(a.double())",
        f"{ANNEALING}::test_the_base_models_partition_function_is_exact",
    ),
    fault(
        "annealed runs start at base rates of another temperature",
        "sampling/annealing.py",
        ".sample((self._beta * a).expand(chains, -1), generator)",
        ".sample(a.expand(chains, -1), generator)",
        COARSE,
    ),
    fault(
        "Bennett's iteration ends after one step",
        "sampling/bennett.py",
        "for _ in range(ITERATIONS):",
        "for _ in range(1):",
        "sampling/test_bennett.py::test_the_root_is_that_of_the_equation_even_where_the_directions_never_met",
    ),
    fault(
        "Bennett's ratio forgets how many runs went each way",
        "sampling/bennett.py",
        "m = math.log(forward.shape[1] / reverse.shape[1])",
        "m = 0.0 * math.log(forward.shape[1] / reverse.shape[1])",
        "sampling/test_bennett.py::test_it_finds_the_difference_of_two_normal_directions",
    ),
    fault(
        "a mean of weights is their sum",
        "numerics/logspace.py",
        "logsumexp(dim) - math.log(log_weights.shape[dim])",
        "logsumexp(dim)",
        "numerics/test_logspace.py::test_log_mean_exp_of_known_weights",
    ),
    fault(
        "joined third moments take one mixed term with the wrong sign",
        "sampling/moments.py",
        "+ 3 * delta * (p * b.m2 - q * a.m2) / n\n",
        "- 3 * delta * (p * b.m2 - q * a.m2) / n\n",
        "sampling/test_moments.py::test_joined_moments_are_those_of_all_values",
    ),
    fault(
        "mean field reads the means of the sweep before",
        "sampling/mean_field.py",
        "new = machine.field(name, means, theta=clamped)",
        "new = machine.field(name, before, theta=clamped)",
        "energy/test_mean_field.py::test_every_sweep_tightens_the_bound",
    ),
    fault(
        "the variational free energy adds the entropy",
        "sampling/mean_field.py",
        "return energy - spread(machine, q, tuple(kept))",
        "return energy + spread(machine, q, tuple(kept))",
        "energy/test_mean_field.py::test_the_free_energy_is_the_mean_energy_less_the_entropy",
    ),
    fault(
        "thermodynamic integration takes one direction with the wrong sign",
        "sampling/thermodynamic.py",
        "low, high = float(f.mean()), -float(r.mean())",
        "low, high = float(f.mean()), float(r.mean())",
        "sampling/test_thermodynamic.py::test_the_integral_is_that_of_the_exact_partition_function_and_lies_between_its_bounds",
    ),
    fault(
        "runs are picked by their weights squared",
        "sampling/weights.py",
        "share = torch.softmax(log_weights.double(), 0).cumsum(0)",
        "share = torch.softmax(2 * log_weights.double(), 0).cumsum(0)",
        "sampling/test_weights.py::test_runs_are_drawn_by_their_weights_as_evenly_as_can_be",
    ),
)
