"""Small files that stand for something enormous: refused in a sentence, quickly, and in little memory."""

import gzip
import io
import json
import random
import struct
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from genlatent.data import memory
from genlatent.data.idx import read_idx
from genlatent.data.images import read_image
from genlatent.data.sources import load_data
from genlatent.errors import LONGEST, GenlatentError
from genlatent.recipes.reading import read
from genlatent.storage import read_json
from genlatent.training.checkpoint import read_tensors
from genlatent.training.run import read_config
from tests.endurance.fuzzing.children import MOST_MEMORY, restrained

LARGE = 2**28 + 2**20  # bytes, more than the quarter of the pretended main memory


def zeros_gz(announced, held):
    """A gzip file of so many zeros after an IDX header that announces another number."""
    return gzip.compress(bytes((0, 0, 8, 1)) + struct.pack(">I", announced) + bytes(held), 1)


def npy(header):
    """An `.npy` file with this header and eight bytes of data."""
    text = str(header).encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(8)


def npz(size):
    """An archive of one array of so many zeros."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive, archive.open("x.npy", "w") as x:
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (size, 1)})
        x.write(header.getvalue())
        for _ in range(size // 2**20):
            x.write(bytes(2**20))
    return file.getvalue()


def png(width, height):
    """A picture of that size by its header, with hardly any pixels."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)), (b"IDAT", zlib.compress(bytes(9999)))]
    parts = [
        struct.pack(">I", len(c)) + k + c + struct.pack(">I", zlib.crc32(k + c)) for k, c in [*chunks, (b"IEND", b"")]
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def laughs(levels=30):
    """YAML in which each value is the one before, nine times."""
    lines = ["a0: &a0 [1]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels))]
    return "\n".join(lines).encode()


HUGE = {"descr": "<f8", "fortran_order": False, "shape": (10**12, 10**6)}
BOMBS = {
    "announced.gz": (lambda: zeros_gz(LARGE, 2**20), read_idx),
    "held.gz": (lambda: zeros_gz(5, LARGE), read_idx),
    "sizes": (lambda: bytes((0, 0, 8, 4)) + b"\xff" * 16, read_idx),
    "axes": (lambda: bytes((0, 0, 8, 255)) + b"\xff" * 1020, read_idx),
    "huge.npy": (lambda: npy(HUGE), load_data),
    "divide.npy": (lambda: npy({**HUGE, "descr": "<U", "shape": (-1,)}), load_data),
    "nested.npy": (lambda: npy("(" * 5000), load_data),
    "texts.npy": (lambda: npy({**HUGE, "descr": "<U1000000000", "shape": (1,)}), load_data),
    "zeros.npz": (lambda: npz(LARGE), load_data),
    "line.csv": (lambda: b"1," * 5_000_000, load_data),
    "columns.csv": (lambda: b",".join(b"%d" % n for n in range(100_001)) + b"\n" + b"0," * 100_000 + b"0\n", load_data),
    "quote.csv": (lambda: b'a,b\n1,"' + b"x" * 5_000_000, load_data),
    "large.png": (lambda: png(100_000, 100_000), read_image),
    "wide.png": (lambda: png(2**31 - 1, 1), read_image),
    "header.safetensors": (lambda: struct.pack("<Q", 2**60) + b"{}", read_tensors),
    "nested.safetensors": (lambda: struct.pack("<Q", 100_000) + b"[" * 100_000, read_tensors),
    "laughs.yaml": (laughs, read),
    "nested.yaml": (lambda: b"[" * 10_000, read),
    "blocks.yaml": (lambda: b"".join(b" " * n + b"a:\n" for n in range(900)), read),
    "itself.yaml": (lambda: b"model: &m {a: *m, b: *m}\n", read),
    "number.yaml": (lambda: b"seed: " + b"9" * 100_000, read),
    "keys.yaml": (lambda: b"".join(b"k%d: 1\n" % n for n in range(5_000)), read),
    "large.yaml": (lambda: b"a: 1\n" * 1_000_000, read),
    "nested.json": (lambda: b"[" * 1_000_000, read_json),
    "number.json": (lambda: b"9" * 1_000_000, read_json),
    "half.json": (lambda: b'"\\ud800"', read_json),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_one_short_sentence_in_bounded_memory(name, tmp_path):
    make, reader = BOMBS[name]
    (tmp_path / name).write_bytes(make())
    said = restrained(lambda: refusal(reader, tmp_path / name))
    assert said["died"] is None
    assert said["peak"] < MOST_MEMORY
    assert name in said["answer"]
    assert "memory ran out" not in said["answer"]
    assert len(said["answer"]) < 2 * LONGEST


def refusal(reader, path):
    """The sentence, with what a lack of memory led to marked as such."""
    try:
        reader(path)
    except GenlatentError as error:
        starved = isinstance(error.__cause__, MemoryError)
        return f"{'memory ran out: ' if starved else ''}{error}"
    return "it was read"


def test_a_table_of_more_cells_than_find_room_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "on_host", lambda: 2**22)
    (tmp_path / "cells.csv").write_bytes(b"a,b,c,d\n" + b",x,,\n" * 20_000)
    with pytest.raises(GenlatentError, match=r"cells\.csv: it would take .* leave no texts or gaps in it"):
        load_data(tmp_path / "cells.csv")


def test_a_chunk_that_says_it_is_long_takes_no_memory(tmp_path):
    content = bytearray(png(5, 5))
    at = content.index(b"IDAT")
    content[at - 4 : at] = b"\xff" * 4
    (tmp_path / "x.png").write_bytes(content)
    said = restrained(lambda: refusal(read_image, tmp_path / "x.png"))
    assert "memory ran out" not in said["answer"]
    assert said["peak"] < 2**27


def test_a_description_far_larger_than_its_weights_is_refused(tmp_path):
    from genlatent import RBM, load

    RBM(4, 2).save_pretrained(tmp_path / "run")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    config["model"]["hidden"] = 10**10
    (tmp_path / "run" / "config.json").write_text(json.dumps(config))
    assert read_config(tmp_path / "run")["model"]["hidden"] == 10**10
    with pytest.raises(GenlatentError, match="far larger than its weights"):
        load(tmp_path / "run")


def test_a_picture_that_names_a_program_is_not_opened(tmp_path):
    """PostScript is read by a program of its own, so it is not read at all, whatever a file's name says."""
    file = io.BytesIO()
    Image.new("RGB", (4, 4)).save(file, format="eps")
    (tmp_path / "x.png").write_bytes(file.getvalue())
    with pytest.raises(GenlatentError, match="not an image that can be read"):
        read_image(tmp_path / "x.png")


def test_sentences_are_short_and_on_one_line_whatever_a_file_holds(tmp_path):
    chance = random.Random(0)
    for number in range(20):
        name = "".join(chance.choice("ab\x1b[31m\x07\u202e\n") for _ in range(5000))
        (tmp_path / "x.csv").write_text(f'"{name}",b\n1,2\n3,4\n5,x{number}\n', newline="")
        with pytest.raises(GenlatentError) as caught:
            load_data(tmp_path / "x.csv")
        assert len(str(caught.value)) < 2 * LONGEST
        assert str(caught.value).isprintable()
