"""Recipes that ship: listed, shown, copied, and made one's own."""

import pytest

from genlatent.recipes.reading import parse, read, shipped


def test_the_list_says_what_each_trains_on_what_and_how_long(ask):
    rows = {row["name"]: row for row in ask("recipes", "list", "--json").json}
    assert set(rows) == set(shipped())
    assert rows["digits-rbm"]["model"] == "rbm"
    assert rows["digits-rbm"]["data"] == "digits, threshold bits"
    assert rows["digits-rbm"]["length"] == "10,000 steps"
    assert rows["digits-dbn"]["length"] == "3,000 steps a layer, then 3,000 steps"
    assert all(row["describe"] for row in rows.values())
    found = [row["name"] for row in ask("recipes", "list", "bars", "--json").json]
    assert found == ["bars-and-stripes-rbm"]
    assert "digits-vae" in ask("recipes", "list").out


def test_a_recipe_is_shown_as_it_ships_or_with_changes(ask):
    assert ask("recipes", "show", "digits-vae").out.rstrip() == shipped()["digits-vae"].read_text().rstrip()
    changed = parse(ask("recipes", "show", "digits-vae", "model.latent=3").out)
    assert changed["model"]["latent"] == 3
    assert "seed" not in changed
    full = parse(ask("recipes", "show", "digits-vae", "train.epochs=5", "--full").out)
    assert full == read("digits-vae", ["train.epochs=5"]).resolved()
    assert ask("recipes", "show", "digits-vae", "train.epochs=5", "--json").json == full


def test_the_command_copies_a_recipe_that_trains_as_the_one_it_came_from(tmp_path, command):
    said = command("recipes", "copy", "digits-vae", "mine.yaml")
    assert read(tmp_path / "mine.yaml") == read("digits-vae")
    assert b"genlatent train mine.yaml" in said.stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["copy", "digits-vea"], "did you mean 'digits-vae'?"),
        (["copy", "digits-vae", "there.yaml"], "there.yaml exists already"),
        (["copy", "digits-vae", "mine.txt"], "a recipe is a .yaml file"),
        (["show", "digits-vae", "train.epoch=3"], "did you mean 'epochs'?"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_no_file(arguments, reason, tmp_path, monkeypatch, ask):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.yaml").write_text("mine")
    said = ask("recipes", *arguments)
    assert said.code == 2
    assert reason in said.err
    assert [path.name for path in tmp_path.iterdir()] == ["there.yaml"]
    assert (tmp_path / "there.yaml").read_text() == "mine"
