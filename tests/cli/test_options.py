"""The same option means the same for every verb."""

from pathlib import Path

import pytest
import typer

from genlatent.cli.main import app
from tests.cli.test_examples import verbs


def commands(group, path=()):
    """Every verb by its name, those of groups too."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


COMMANDS = dict(commands(typer.main.get_command(app)))
EVERY = {(verb, p.name): p for verb, command in COMMANDS.items() for p in command.params}
OPTIONS = {place: p for place, p in EVERY.items() if p.param_type_name == "option"}
ARGUMENTS = {place: p for place, p in EVERY.items() if p.param_type_name == "argument"}
ABOUT_RUNS = [*sorted(verb for verb, name in ARGUMENTS if name == "run"), "compare"]

OWN_WORDS = {  # what these are about is what the verb makes, so each says it in its own words
    "out": "what is written",
    "number": "what is counted",
    "steps": "what takes steps: chains, walks, annealing",
    "folder": "what is put there",
    "seed": "a recipe has one, which `train --seed` replaces",
}


def declared(option):
    """Everything that makes an option what it is."""
    kind = (option.opts, option.secondary_opts, str(option.bare_type), option.multiple, option.is_flag)
    return (*kind, option.min, option.max, option.default, option.metavar, option.help)


@pytest.mark.parametrize("name", sorted({name for _, name in OPTIONS} - set(OWN_WORDS)))
def test_an_option_has_the_same_type_default_and_words_everywhere(name):
    found = {verb: declared(option) for (verb, other), option in OPTIONS.items() if other == name}
    first = next(iter(found.values()))
    assert {verb: one for verb, one in found.items() if one != first} == {}


@pytest.mark.parametrize("name", OWN_WORDS)
def test_an_option_with_words_of_its_own_is_spelt_the_same_everywhere(name):
    found = [option for (_, other), option in OPTIONS.items() if other == name]
    assert len(found) >= 2
    assert len({(*option.opts, str(option.bare_type).removeprefix("list")) for option in found}) <= 2
    assert len({tuple(option.opts) for option in found}) == 1
    assert len({option.help for option in found}) >= 2, f"{name} is alike everywhere, so it needs no exception"


@pytest.mark.parametrize("option", ["--device", "--quiet", "--json", "--allow-import", "--seed"])
@pytest.mark.parametrize("verb", ABOUT_RUNS)
def test_every_verb_about_a_run_takes_what_all_take(verb, option):
    assert option in {flag for (other, _), one in OPTIONS.items() if other == verb for flag in one.opts}


def test_every_verb_about_a_run_says_what_a_run_is_in_the_same_words():
    found = [p for (_, name), p in ARGUMENTS.items() if name == "run"]
    assert len(found) >= 12
    assert len({(p.help, p.metavar) for p in found}) == 1


def test_rows_are_read_in_the_same_words():
    found = [p for (_, name), p in ARGUMENTS.items() if name == "file"]
    assert len(found) >= 7
    assert len({(p.help, p.metavar, p.required) for p in found}) == 1


def test_every_verb_that_prints_can_print_json():
    names = dict(verbs(typer.main.get_command(app)))
    assert {verb for verb, name in OPTIONS if name == "as_json"} == set(names)


@pytest.mark.parametrize("verb", sorted(verb for verb, name in OPTIONS if name == "out"))
def test_a_place_below_a_file_is_refused_before_anything_is_computed(verb, tmp_path, ask):
    """The run is not even looked for: that it is not there is said only once there is a place to write to."""
    (tmp_path / "file").write_text("here")
    place = tmp_path / "file" / "deeper" / "x.csv"
    positional = [str(tmp_path / p.name) for (other, _), p in ARGUMENTS.items() if other == verb and p.required]
    said = ask(verb, *positional, "--out", place)
    assert said.code == 2
    assert f"{place} cannot be written: {tmp_path / 'file'} is a file, not a folder" in said.err
    assert "partial" not in said.err
    assert said.err.count("\n") == 1
    assert [path.name for path in Path(tmp_path).iterdir()] == ["file"]
