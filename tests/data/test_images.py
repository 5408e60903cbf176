import numpy as np
import pytest
import torch
from PIL import Image

from genlatent.data.sources import load_data
from genlatent.errors import DataError


def paint(path, size=(4, 6), mode="L", seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = size if mode == "L" else (*size, len(mode))
    values = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    Image.fromarray(values, mode=None).save(path)
    return values


def refusal(path, **options):
    with pytest.raises(DataError) as caught:
        load_data(path, **options)
    return str(caught.value)


def everything(data):
    return torch.cat([data.train, data.valid, data.test])


def test_grey_images_and_their_classes(tmp_path):
    values = [paint(tmp_path / "set" / kind / f"{n}.png", seed=n) for n, kind in enumerate("aabbc" * 2)]
    data = load_data(tmp_path / "set")
    assert (data.name, data.support, data.shape) == ("set", "unit", (1, 4, 6))
    order = torch.cat(data.labels).sort(stable=True)
    assert order.values.tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2]
    means = sorted(float(v.mean() / 255) for v in values)
    assert np.allclose(sorted(everything(data).mean((1, 2, 3)).tolist()), means)


def test_one_colour_image_makes_all_colour(tmp_path):
    for n in range(4):
        paint(tmp_path / f"{n}.png", mode="L", seed=n)
    paint(tmp_path / "9.png", mode="RGB")
    assert load_data(tmp_path).shape == (3, 4, 6)
    assert load_data(tmp_path).labels is None
    assert load_data(tmp_path, grey=True).shape == (1, 4, 6)
    assert load_data(tmp_path, grey=False).shape == (3, 4, 6)


@pytest.mark.parametrize(("size", "shape"), [(5, (1, 5, 5)), ((3, 7), (1, 3, 7))])
def test_images_of_other_sizes_are_resized_or_refused(tmp_path, size, shape):
    for n in range(4):
        paint(tmp_path / f"{n}.png", size=(4 + n, 6), seed=n)
    assert "is (5, 6)," in refusal(tmp_path)
    assert "give image_size= to resize all images" in refusal(tmp_path)
    assert load_data(tmp_path, image_size=size).shape == shape


def test_pixels_survive(tmp_path):
    values = [paint(tmp_path / f"{n}.png", mode="RGB", seed=n) for n in range(3)]
    found = {tuple(row.flatten().tolist()) for row in everything(load_data(tmp_path))}
    expected = {tuple((torch.from_numpy(v).float() / 255).permute(2, 0, 1).flatten().tolist()) for v in values}
    assert found == expected


def test_folders_without_images_and_damaged_images(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing here")
    assert "no images in this folder" in refusal(tmp_path)
    paint(tmp_path / "0.png")
    (tmp_path / "1.png").write_bytes((tmp_path / "0.png").read_bytes()[:60])
    assert "1.png: not an image that can be read" in refusal(tmp_path)
