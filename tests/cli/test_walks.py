"""From a user's own files to a model, draws in the same format, filled gaps and a report: commands alone."""

import csv

import numpy as np
import pytest
from PIL import Image

COLOURS = ("red", "light blue", "green")


@pytest.fixture
def pictures(tmp_path):
    """Thirty grey PNG files of soft spots, 12 pixels high and 10 wide."""
    drawn, (y, x) = np.random.default_rng(0), np.mgrid[:12, :10]
    (tmp_path / "photos").mkdir()
    for number in range(30):
        top, left = drawn.uniform(3, 9), drawn.uniform(3, 7)
        spot = 255 * np.exp(-((y - top) ** 2 + (x - left) ** 2) / 6)
        Image.fromarray(spot.astype(np.uint8)).save(tmp_path / "photos" / f"spot{number:02}.png")
    return tmp_path


def size(path):
    """Width, height and kind of a picture."""
    with Image.open(path) as picture:
        return (*picture.size, picture.mode)


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture) / 255


@pytest.mark.slow
def test_from_a_folder_of_pictures_to_a_report(pictures, monkeypatch, command, ask):
    monkeypatch.chdir(pictures)
    said = command("train", "my-pictures", "data.path=photos", "train.epochs=3", "--out", "run").stdout.decode()
    assert "Next: genlatent evaluate run" in said
    assert list((pictures / "run" / "previews").glob("*.png"))

    command("sample", "run", "-n", 3, "--out", "drawn")
    drawn = sorted((pictures / "drawn").iterdir())
    assert [path.suffix for path in drawn] == [".png"] * 3
    assert {size(path) for path in drawn} == {(10, 12, "L")}

    assert ask("reconstruct", "run", "photos/spot03.png", "--out", "back.png").code == 0
    assert size("back.png") == (10, 12, "L")

    assert ask("score", "run", "photos", "--outliers", 0.1, "--out", "scores.csv").code == 0
    rows = list(csv.DictReader((pictures / "scores.csv").read_text().splitlines()))
    assert [row["row"] for row in rows] == [f"spot{number:02}.png" for number in range(30)]
    assert 0 < sum(row["outlier"] == "1" for row in rows) < 15

    half = np.stack([pixels(pictures / "photos" / f"spot{number:02}.png") for number in range(2)])
    half[:, 6:] = np.nan
    np.save(pictures / "half.npy", half)
    command("impute", "run", "half.npy", "--out", "whole.npy")
    whole = np.load(pictures / "whole.npy")
    np.testing.assert_allclose(whole.reshape(2, 12, 10)[:, :6], half[:, :6], atol=1e-6)
    assert np.isfinite(whole).all()

    command("report", "run", "--samples", 5)
    assert "photos" in (pictures / "run" / "report.html").read_text()


@pytest.fixture
def table(tmp_path):
    """A hundred people with gaps in every column: whole numbers, large ones, texts, yes and no."""
    drawn = np.random.default_rng(0)
    with (tmp_path / "people.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["age", "income", "colour", "smoker", "height"])
        for _ in range(100):
            row = [drawn.integers(18, 70), drawn.integers(20_000, 60_000), drawn.choice(COLOURS)]
            row += [drawn.choice(["yes", "no"]), round(drawn.normal(1.7, 0.1), 2)]
            writer.writerow(["" if drawn.random() < 0.15 else cell for cell in row])
    return tmp_path


def cells(path):
    return list(csv.reader(path.read_text().splitlines()))


@pytest.mark.slow
def test_from_a_table_with_gaps_to_a_report(table, command):
    command("train", "my-table", "data.path=people.csv", "train.epochs=3", "--out", "run")

    command("sample", "run", "-n", 20, "--out", "new.csv")
    header, *rows = cells(table / "new.csv")
    assert header == ["age", "income", "colour", "smoker", "height"]
    assert len(rows) == 20
    assert all(row[0] == str(int(row[0])) and row[1] == str(int(row[1])) for row in rows)
    assert {row[2] for row in rows} <= set(COLOURS)
    assert {row[3] for row in rows} == {"yes", "no"}

    command("impute", "run", "people.csv", "--out", "full.csv")
    before, after = cells(table / "people.csv"), cells(table / "full.csv")
    assert len(after) == 101
    assert all(cell for row in after for cell in row)
    seen = [(a, b) for old, new in zip(before[1:], after[1:]) for a, b in zip(old, new) if a]
    texts = [(a, b) for a, b in seen if not a[0].isdigit()]
    assert texts == [(a, a) for a, _ in texts]
    numbers = np.array([(float(a), float(b)) for a, b in seen if a[0].isdigit()])
    np.testing.assert_allclose(numbers[:, 1], numbers[:, 0], rtol=1e-5)

    command("report", "run", "--samples", 5)
    assert "people" in (table / "run" / "report.html").read_text()
