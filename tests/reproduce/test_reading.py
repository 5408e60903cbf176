import pytest

from genlatent.errors import RecipeError
from genlatent.reproduce.reading import definition, read, recipe_of, shipped


@pytest.mark.parametrize("name", shipped())
def test_what_ships_is_whole(name):
    content = read(name).content
    assert content.describe
    assert content.conditions
    assert content.selection
    assert any(part.goals for part in content.parts)
    for part in content.parts:
        for changes in part.choose.among if part.choose else ((),):
            assert recipe_of(part, (*changes, *part.final), seed=7).seed == 7


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(
        RecipeError, match="no reproduction is called 'rbm-mnits', and no file; did you mean 'rbm-mnist'"
    ):
        read("rbm-mnits")


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ("describe: Two", "described: Two", "described: unknown; did you mean 'describe'"),
        ("  seeds: [0]", "  sedes: [0]", "parts.1.sedes: unknown; did you mean 'seeds'"),
        ("name: two-sided, runs: 10", "name: both-sided, runs: 10", "no judge is called 'both-sided'"),
        ("steps: 5, agree", "stepps: 5, agree", "the judge 'two-sided' takes no 'stepps'; did you mean 'steps'"),
        ("seeds: [3, 5]", "seeds: [3, 3]", "seeds are different whole numbers"),
        ("tag: Q", "tag: X", "parts.0.published.0.tag"),
        ("recipe: digits-vae", "recipe: digit-vae", "no recipe 'digit-vae'"),
    ],
)
def test_what_is_wrong_is_named(small, before, after, sentence):
    text = small.read_text()
    assert before in text
    small.write_text(text.replace(before, after))
    with pytest.raises(RecipeError, match=sentence):
        read(small)


def test_the_definition_changes_with_all_that_decides_numbers(small):
    first = definition(read(small).content)
    assert definition(read(small).content) == first
    assert definition(read(small).content.seeded((1, 2))) != first
    small.write_text(small.read_text().replace("describe: Two", "describe: A pair of"))
    assert definition(read(small).content) == first
    small.write_text(small.read_text().replace("train.steps=3", "train.steps=5"))
    assert definition(read(small).content) != first


def test_keys_that_are_seeded_take_the_seed(small):
    small.write_text(small.read_text().replace("  seeds: [0]", "  seeds: [0]\n  seeded: [data.size]"))
    part = read(small).content.parts[1]
    assert recipe_of(part, seed=3).data.options["size"] == 3


LIKE = """
- title: Another
  like: {like}
  changes: {changes}
  goals: [{{value: 1.0}}]
"""


def test_a_part_like_another_has_all_of_it_but_figures_and_goals(small):
    first = read(small).content.parts[0]
    small.write_text(small.read_text() + LIKE.format(like=first.title, changes="[train.steps=7]"))
    another = read(small).content.part("Another")
    assert another.changes == (*first.changes, "train.steps=7")
    assert (another.recipe, another.judge, another.seeds) == (first.recipe, first.judge, first.seeds)
    assert another.published == ()
    assert [goal.value for goal in another.goals] == [1.0]
    assert recipe_of(another).train.steps == 7


@pytest.mark.parametrize(
    ("like", "changes", "sentence"),
    [
        ("Nobody", "[]", "'Another' is like 'Nobody', which is no part before it"),
        ("Another", "[]", "'Another' is like 'Another', which is no part before it"),
        ("FIRST", "train.steps=7", "changes"),
    ],
)
def test_a_part_like_none_or_badly_changed_is_refused(small, like, changes, sentence):
    title = read(small).content.parts[0].title
    small.write_text(small.read_text() + LIKE.format(like=like.replace("FIRST", title), changes=changes))
    with pytest.raises(RecipeError, match=sentence):
        read(small)
