"""The same option means the same for every verb."""

import pytest
import typer

from genlatent.cli.main import app
from tests.cli.test_examples import verbs

FLAGS = {"number": {"-n", "--number"}, "out": {"--out"}, "seed": {"--seed"}, "label": {"--label"}}


def commands(group):
    for command in group.commands.values():
        yield from commands(command) if hasattr(command, "commands") else [command]


def declared(name):
    """How each verb that has a parameter of that name declares it."""
    every = [p for command in commands(typer.main.get_command(app)) for p in command.params if p.name == name]
    return [(p.opts, p.secondary_opts, getattr(p, "help", None), p.default) for p in every]


@pytest.mark.parametrize("name", ["device", "quiet", "as_json", "allow_import"])
def test_an_option_has_the_same_words_and_flags_everywhere(name):
    found = declared(name)
    assert len(found) >= 10
    assert all(one == found[0] for one in found)


@pytest.mark.parametrize("name", FLAGS)
def test_an_option_is_spelt_the_same_everywhere(name):
    options = [set(flags) for flags, *_ in declared(name)]
    assert len(options) >= 2
    assert all(flags == FLAGS[name] for flags in options)


def test_every_verb_about_a_run_says_what_a_run_is_in_the_same_words():
    group = typer.main.get_command(app)
    found = [p for command in commands(group) for p in command.params if p.name == "run"]
    assert len(found) >= 12
    assert len({(p.help, p.metavar) for p in found}) == 1


def test_every_verb_that_prints_can_print_json():
    names = dict(verbs(typer.main.get_command(app)))
    assert len(declared("as_json")) == len(names)
