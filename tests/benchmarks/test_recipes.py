import json

from benchmarks import model_table
from benchmarks.harness import RESULTS
from benchmarks.recipes import QUICK, recipes, row, said
from genlatent.recipes.summary import REACHED, reached


def test_the_page_and_the_list_show_what_each_recipe_reached():
    assert model_table.PAGE.read_text(encoding="utf-8") == model_table.page()
    assert REACHED.read_text(encoding="utf-8") == model_table.listed() + "\n"
    kept = json.loads((RESULTS / "recipes.json").read_text(encoding="utf-8"))["rows"]
    assert all(reached(row["work"]).startswith(row["note"]) for row in kept)


def test_a_line_of_the_table_is_filled_in_from_its_first_recipe():
    line = r"| `VAE` | p(x \| z) | Somebody, 2014 | `digits-vae`, `digits-iwae` | old | 9 |"
    filled = model_table.filled(line, {"digits-vae": {"held_out": "-17.2 nats", "minutes": "1.5"}})
    assert filled == r"| `VAE` | p(x \| z) | Somebody, 2014 | `digits-vae`, `digits-iwae` | -17.2 nats | 1.5 |"


def test_quick_recipes_are_among_those_that_need_no_files():
    assert set(QUICK) <= set(recipes())


def test_a_recipe_is_trained_and_judged():
    found = row("digits-linear-autoencoder", quick=True)
    assert found.ours_ms > 0
    assert "reconstruction error" in found.note


def test_a_model_is_known_by_its_best_kind_of_record():
    low = {"metric": "evidence lower bound", "value": -3.0, "interval": None, "unit": "nats", "verdict": "ok"}
    high = {"metric": "log-likelihood", "value": -2.0, "interval": [-2.5, -1.5], "unit": "nats", "verdict": "ok"}
    assert said([low, high]) == "log-likelihood -2 [-2.5, -1.5] nats: ok"
