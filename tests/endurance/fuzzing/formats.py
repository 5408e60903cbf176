"""What is damaged and what reads it: for each format a few small sound files, ways to damage them, and a reader."""

import gzip
import io
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml
from PIL import Image
from safetensors.torch import save
from torch import ones, zeros

from genlatent.data import conversions
from genlatent.data.archives import DAMAGED
from genlatent.data.conditions import condition_rows
from genlatent.data.idx import read_idx
from genlatent.data.images import read_image
from genlatent.data.sources import load_data
from genlatent.errors import DataError
from genlatent.recipes import assembly
from genlatent.recipes.reading import dump, read, shipped
from genlatent.training.checkpoint import read_tensors
from genlatent.training.ration import Ration
from tests.endurance.fuzzing import commands, runs
from tests.endurance.fuzzing.mutations import TEXTS, WRITTEN, as_json, damaged, disordered, with_words

Made = tuple[str, bytes]  # the file's name and what it holds


class Format(NamedTuple):
    """A kind of file: how a damaged one is made from a seed, and what reads it from a folder of its own."""

    make: Callable[[random.Random], Made]
    read: Callable[[random.Random, Path], Any]


class Sound:
    """Sound files of a format by name, damaged byte by byte."""

    def __init__(self, files: dict[str, bytes]):
        self.files = files
        self.contents = list(files.values())

    def __call__(self, chance: random.Random) -> Made:
        name = chance.choice(list(self.files))
        return name, damaged(chance, self.files[name], self.contents)


def idx() -> Format:
    """IDX, plain and gzipped; of the gzipped ones half are damaged before they are packed."""
    shapes = ((2, 3, 4), (5,), (0, 4), ())
    plain = [bytes((0, 0, 8, len(s))) + struct.pack(f">{len(s)}I", *s) + bytes(int(np.prod(s))) for s in shapes]
    packed = Sound({"x.gz": gzip.compress(plain[0], mtime=0)})

    def make(chance: random.Random) -> Made:
        inner = damaged(chance, chance.choice(plain), plain)
        return chance.choice(
            (lambda: packed(chance), lambda: ("x.gz", gzip.compress(inner, 1)), lambda: ("x", inner))
        )()

    return Format(make, lambda _, path: read_idx(path))


def arrays() -> Format:
    """`.npy` and `.npz`, the members of archives also damaged before they are packed."""
    rng = np.random.default_rng(0)
    kinds = (rng.random((12, 3)).astype("f4"), np.arange(12), rng.integers(0, 256, (12, 2, 2), dtype="u1"))
    kinds += (
        np.zeros((12, 2), bool),
        np.ones(12, ">f8"),
        np.array(["a", "b"]),
        np.zeros((12, 2), "c8"),
        np.ones(12, "g"),
    )
    plain = [_npy(values) for values in kinds]
    archives = [
        _npz({"x": plain[0], "y": plain[1]}),
        _npz({"train": plain[2], "valid": plain[2]}, zipfile.ZIP_DEFLATED),
    ]
    packed = Sound({f"{n}.npz": content for n, content in enumerate(archives)})

    def make(chance: random.Random) -> Made:
        inner = damaged(chance, chance.choice(plain), plain)
        names = {chance.choice(("x", "train", "y", *TEXTS)): inner, "y": plain[1]}
        way = chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
        return chance.choice((lambda: packed(chance), lambda: ("x.npz", _npz(names, way)), lambda: ("x.npy", inner)))()

    return Format(make, _read_array)


def _read_array(chance: random.Random, path: Path) -> Any:
    if chance.random() < 0.2:
        return condition_rows(str(path), "data")
    labels = chance.choice((None, None, "y")) if path.suffix == ".npz" else None
    return load_data(path, labels=labels, missing=chance.random() < 0.5, standardise=chance.random() < 0.1)


def _npy(values: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, values, allow_pickle=False)
    return file.getvalue()


def _npz(members: dict[str, bytes], way: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", way) as archive:
        for name, content in members.items():
            archive.writestr(
                zipfile.ZipInfo(f"{name.replace(chr(0), '')}.npy".encode(errors="ignore").decode()), content, way
            )
    return file.getvalue()


CELLS = (
    *WRITTEN,
    *TEXTS,
    "NA",
    "0",
    "1",
    "red",
    "blue",
    '"',
    '"a,b"',
    "'",
    "#",
    "1,5",
    "\uff11",
    "2020-01-01",
    "-0",
    "1e5",
)


def tables() -> Format:
    """CSV: sound tables damaged, and tables of odd cells."""
    sound = Sound(
        {
            "a.csv": b"age,colour,height\n"
            + b"".join(b"%d,%s,%d.5\n" % (n, b"red" if n % 3 else b"blue", n % 7) for n in range(14)),
            "b.csv": "\ufeff1;2;3\n".encode() + b"0;1;\n1;0;2\n" * 8,
            "c.csv": b"x\ty\r\n" + b"0.25\t1\r\n-1e-3\t0\r\n" * 9,
        }
    )

    def make(chance: random.Random) -> Made:
        if chance.random() < 0.5:
            return sound(chance)
        separator, width = chance.choice(",;\t"), chance.randrange(1, 5)
        cells = chance.sample(CELLS, 4)
        rows = [separator.join(chance.choice(cells) for _ in range(width)) for _ in range(chance.randrange(20))]
        ending = chance.choice(("\n", "\r\n", "\r"))
        return "x.csv", ending.join(rows).encode(chance.choice(("utf-8", "utf-16", "latin-1")), "replace")

    return Format(make, _read_table)


def _read_table(chance: random.Random, path: Path) -> Any:
    labels, conditions = chance.choice((*[(None, None)] * 6, ("colour", None), (None, "age")))
    support = chance.choice((None, "auto", "auto", "auto", "real", "categorical", "count", {"colour": "categorical"}))
    how = {"missing": chance.random() < 0.7, "standardise": chance.random() < 0.1}
    return load_data(path, labels=labels, conditions=conditions, support=support, **how)


def parquet() -> Format:
    """Parquet, damaged byte by byte."""
    import pyarrow
    import pyarrow.parquet

    pyarrow.set_cpu_count(1)
    pyarrow.set_io_thread_count(1)
    files = {}
    columns = {
        "age": [0.5, None, 2.0] * 5,
        "colour": ["red", "blue", "red"] * 5,
        "c": list(range(15)),
        "d": [True] * 15,
    }
    for number, how in enumerate(({"compression": "none"}, {"compression": "snappy", "use_dictionary": False})):
        file = io.BytesIO()
        pyarrow.parquet.write_table(pyarrow.table(columns), file, **how)
        files[f"{number}.parquet"] = file.getvalue()
    return Format(Sound(files), _read_table)


def images() -> Format:
    """Pictures of the formats that are read; of PNG half with the checksums put right after the damage."""
    files = {}
    for mode in ("L", "RGB", "P", "RGBA"):
        picture = Image.fromarray(np.arange(6 * 5 * 3, dtype="u1").reshape(6, 5, 3)).convert(mode)
        for ending in ("png", "gif", "bmp", "tiff", "webp", "ppm") if mode == "RGB" else ("png",):
            file = io.BytesIO()
            picture.save(file, format=ending)
            files[f"{mode}.{ending}"] = file.getvalue()
        if mode in ("L", "RGB"):
            file = io.BytesIO()
            picture.save(file, format="jpeg")
            files[f"{mode}.jpg"] = file.getvalue()
    sound = Sound(files)

    def make(chance: random.Random) -> Made:
        name, content = sound(chance)
        return name, _checked(content) if chance.random() < 0.5 else content

    return Format(make, lambda chance, path: read_image(path, grey=chance.choice((None, True, False))))


def _checked(content: bytes) -> bytes:
    """PNG chunks with the checksums that they should have."""
    made, at = bytearray(content), 8
    while content.startswith(b"\x89PNG") and at + 12 <= len(made):
        size = int.from_bytes(made[at : at + 4], "big")
        end = at + 8 + size
        made[end : end + 4] = zlib.crc32(made[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return bytes(made)


def tensors() -> Format:
    """Safetensors: bytes, and headers that say something else than there is."""
    sound = Sound({"x.safetensors": save({"a": zeros(3, 4), "b": ones(5).half()}, {"note": "x"})})
    content = sound.contents[0]
    size = int.from_bytes(content[:8], "little")
    header: Any = yaml.safe_load(content[8 : 8 + size])

    def make(chance: random.Random) -> Made:
        if chance.random() < 0.5:
            return sound(chance)
        made = as_json(disordered(chance, header)).replace(b'"F32"', chance.choice(DTYPES))
        return "x.safetensors", len(made).to_bytes(8, "little") + made + content[8 + size :]

    return Format(make, lambda _, path: read_tensors(path))


DTYPES = (
    *[b'"F32"'] * 8,
    b'"F64"',
    b'"I64"',
    b'"BOOL"',
    b'"F8_E4M3"',
    b'"C64"',
    b'"U16"',
    b'"F4"',
    b'"F8_E8M0"',
    b'"X"',
)

WORDS = (
    *(
        b"&a ",
        b"*a",
        b"&a [*a]",
        b"!!python/object/apply:os.system [ls]",
        b"!!int ",
        b"!!float ",
        b"!!binary ",
        b"!!set ",
    ),
    *(
        b"!!timestamp ",
        b"!!bool x",
        b"!!omap ",
        b"!!str ",
        b"<<: ",
        b"---\n",
        b"...\n",
        b"%YAML 9.9\n",
        b"\t",
        b"? ",
        b"| ",
    ),
    *(
        b"> ",
        b"0x",
        b"0b",
        b"1:30:00",
        b"2001-99-99",
        b"2001-01-01",
        b".inf",
        b".nan",
        b"~",
        b"{",
        b"[",
        b"]",
        b"}",
        b"'",
    ),
    *(
        b'"\\ud800"',
        b"\0",
        b"\xef\xbb\xbf",
        b"\xff",
        b": ",
        b", ",
        b"\n",
        b"- ",
        b"[" * 300,
        b"{a: " * 300,
        b"9" * 5000,
    ),
    *(b"1e999", b"null", b"yes", b"=", b"@", b"`", b"!", b"&", b"*", b"#", b"!!merge ", b"? [a]\n: b\n", b"{[a]: 1}"),
)


def recipes() -> Format:
    """Recipes: words of YAML put in, values put in disorder, bytes damaged."""
    names = ("digits-vae", "digits-rbm", "my-table", "digits-dbm", "digits-denoising")
    values = [yaml.safe_load(shipped()[name].read_bytes()) for name in names]
    values = [{key: entry for key, entry in value.items() if key not in ("describe", "expect")} for value in values]
    texts = [dump(value).encode() for value in values]

    def make(chance: random.Random) -> Made:
        way = chance.randrange(3)
        if way == 0:
            return "x.yaml", with_words(chance, chance.choice(texts), WORDS)
        if way == 1:
            return "x.yaml", damaged(chance, chance.choice(texts), texts)
        return "x.yaml", as_json(disordered(chance, chance.choice(values)))

    data = load_data("digits", binarise="threshold")

    def reader(chance: random.Random, path: Path) -> Any:
        recipe = read(path)
        dump(recipe.resolved())
        assembly.imports(recipe)
        assembly.training(recipe)
        if chance.random() < 0.05:
            with Ration(0, path):
                assembly.model(recipe, data)
                assembly.objective(recipe)

    return Format(make, reader)


def archives() -> Format:
    """What a server sends for the named sets: zip, tar and MATLAB files, read as `fetch` reads them."""
    from scipy.io import savemat

    picture, matrix, pack = io.BytesIO(), io.BytesIO(), io.BytesIO()
    Image.fromarray(np.eye(5, dtype=bool)).save(picture, format="png")
    with zipfile.ZipFile(pack, "w") as archive:
        for number in range(3):
            archive.writestr(f"images/Greek/character{number:02}/0{number}_01.png", picture.getvalue())
    savemat(matrix, {"ff": np.zeros((560, 2), dtype="u1")}, do_compression=True)
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        for name in ("data_batch_1.bin", "test_batch.bin"):
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = conversions.CIFAR_RECORD
            archive.addfile(member, io.BytesIO(bytes(member.size)))
    content = {"x.zip": pack.getvalue(), "x.mat": matrix.getvalue(), "x.tar": tar.getvalue(), "x.amat": b"0 1 " * 784}
    sound = Sound(content)

    def reader(_: random.Random, path: Path) -> Any:
        try:
            return CONVERTED[path.suffix](path)
        except DAMAGED as error:  # as fetch does
            raise DataError(str(error)) from error

    return Format(sound, reader)


CONVERTED = {
    ".zip": conversions.from_omniglot_zip,
    ".mat": conversions.from_frey_mat,
    ".tar": conversions.from_cifar_tar,
    ".amat": conversions.from_amat,
}

FORMATS: dict[str, Callable[[], Format]] = {
    "idx": idx,
    "arrays": arrays,
    "csv": tables,
    "parquet": parquet,
    "images": images,
    "safetensors": tensors,
    "recipes": recipes,
    "runs": lambda: Format(*runs.prepared()),
    "archives": archives,
    "commands": lambda: Format(*commands.prepared([make().make for make in (arrays, tables, parquet, images)])),
}
