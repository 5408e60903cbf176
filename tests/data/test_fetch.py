import errno
import http.server
import os
import re
import threading
from functools import partial

import numpy as np
import pytest

from genlatent.data import checksums, conversions
from genlatent.data.fetch import fetch
from genlatent.data.folder import data_folder
from genlatent.data.idx import write_idx
from genlatent.data.manifest import PUBLISHED, Target
from genlatent.data.sources import load_data
from genlatent.errors import DataError, RecipeError

CONTENT = bytes(range(256)) * 4000  # about a megabyte


class Server(http.server.BaseHTTPRequestHandler):
    """Serves one file under any name; knows ranges; can stop in the middle."""

    def __init__(self, settings, *args):
        self.settings = settings
        super().__init__(*args)

    def do_GET(self):
        content, asked = self.settings["content"], self.headers.get("Range")
        self.settings["asked"].append((self.path, asked))
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and self.settings["ranges"] else 0
        if self.settings["status"] != 200 or (start and start >= len(content)):
            return self.send_error(416 if self.settings["status"] == 200 else self.settings["status"])
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        stop = self.settings["stop"]
        self.wfile.write(content[start : len(content) if stop is None else stop])
        return None

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    settings = {"content": CONTENT, "status": 200, "ranges": True, "stop": None, "asked": []}
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Server, settings))
    threading.Thread(target=running.serve_forever, daemon=True).start()
    settings["url"] = f"http://127.0.0.1:{running.server_port}/files"
    yield settings
    running.shutdown()
    running.server_close()


@pytest.fixture
def target(monkeypatch, tmp_path):
    """One published file, held to the checksum of CONTENT."""
    known = tmp_path / "known"
    known.write_bytes(CONTENT)
    made = Target("data.gz", "https://nowhere.invalid/a/data.gz", checksums.of_file(known))
    monkeypatch.setitem(PUBLISHED, "mnist", (made,))
    return made


def place(tmp_path):
    return tmp_path / "here" / "mnist"


def get(tmp_path, server, **options):
    return fetch("mnist", tmp_path / "here", base_url=server["url"], **options)


def refusal(tmp_path, server, **options):
    with pytest.raises(DataError) as caught:
        get(tmp_path, server, **options)
    assert not (place(tmp_path) / "data.gz").exists()
    return str(caught.value)


def test_a_file_arrives_whole(tmp_path, server, target):
    seen = []
    (path,) = get(tmp_path, server, progress=lambda *report: seen.append(report))
    assert path == place(tmp_path) / "data.gz"
    assert path.read_bytes() == CONTENT
    assert os.listdir(place(tmp_path)) == ["data.gz"]
    assert seen[-1] == ("data.gz", len(CONTENT), len(CONTENT))
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)
    assert server["asked"] == [("/files/data.gz", None)]


def test_a_sound_file_is_not_fetched_again_but_a_damaged_one_is(tmp_path, server, target):
    (path,) = get(tmp_path, server)
    get(tmp_path, server)
    assert len(server["asked"]) == 1
    path.write_bytes(b"damaged")
    get(tmp_path, server)
    assert path.read_bytes() == CONTENT


def test_a_broken_download_is_continued(tmp_path, server, target):
    server["stop"] = 300_000
    sentence = refusal(tmp_path, server)
    assert f"stopped after 300000 of {len(CONTENT)} bytes" in sentence
    assert "run it again to continue" in sentence
    assert (place(tmp_path) / "data.gz.part").stat().st_size == 300_000
    server["stop"] = None
    (path,) = get(tmp_path, server)
    assert server["asked"][-1] == ("/files/data.gz", "bytes=300000-")
    assert path.read_bytes() == CONTENT


def test_a_server_without_ranges_starts_over(tmp_path, server, target):
    server.update(stop=300_000)
    refusal(tmp_path, server)
    server.update(stop=None, ranges=False)
    (path,) = get(tmp_path, server)
    assert path.read_bytes() == CONTENT


def test_a_part_that_is_complete_already_is_taken(tmp_path, server, target):
    place(tmp_path).mkdir(parents=True)
    (place(tmp_path) / "data.gz.part").write_bytes(CONTENT)
    (path,) = get(tmp_path, server)
    assert path.read_bytes() == CONTENT


def test_another_checksum_is_refused_with_both_digests(tmp_path, server, target):
    server["content"] = b"something else"
    sentence = refusal(tmp_path, server)
    assert target.sha256 in sentence
    assert len(re.findall(r"\b[0-9a-f]{64}\b", sentence)) == 2
    assert os.listdir(place(tmp_path)) == []


def test_a_part_of_something_else_does_not_stay_forever(tmp_path, server, target):
    place(tmp_path).mkdir(parents=True)
    (place(tmp_path) / "data.gz.part").write_bytes(b"of another file")
    refusal(tmp_path, server)
    (path,) = get(tmp_path, server)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("status", [404, 403, 500])
def test_a_server_that_refuses(tmp_path, server, target, status):
    server["status"] = status
    sentence = refusal(tmp_path, server)
    assert f"/files/data.gz: the server answers {status}" in sentence
    assert str(place(tmp_path) / "data.gz") in sentence


def test_a_server_that_is_not_there(tmp_path, server, target):
    server["url"] = "http://127.0.0.1:9"
    assert "cannot be reached" in refusal(tmp_path, server)
    server["url"] = "no url"
    assert "cannot be reached" in refusal(tmp_path, server)


def test_a_full_disk(tmp_path, server, target, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("genlatent.data.fetch.os.fsync", full)
    assert "cannot be written (the disk is full)" in refusal(tmp_path, server)


def test_a_folder_that_cannot_be_made(tmp_path, server, target):
    (tmp_path / "here").write_text("a file")
    with pytest.raises(DataError, match="cannot be written"):
        get(tmp_path, server)


def test_the_folder_is_the_one_that_is_read_from(tmp_path, server, target, monkeypatch):
    monkeypatch.setenv("GENLATENT_DATA", str(tmp_path / "env"))
    assert data_folder() == tmp_path / "env"
    (path,) = fetch("mnist", base_url=server["url"])
    assert path == tmp_path / "env" / "mnist" / "data.gz"


def test_unknown_names():
    with pytest.raises(RecipeError, match="digits needs no fetching"):
        fetch("digits")
    with pytest.raises(RecipeError, match="did you mean 'mnist'"):
        fetch("mnits")


def test_every_published_file_has_a_checksum_and_a_safe_address():
    for targets in PUBLISHED.values():
        for target in targets:
            assert target.url.startswith("http")
            assert target.sha256 or target.arrays
            assert target.convert is None or target.arrays
            assert all(len(digest) == 64 for digest in (target.sha256, target.arrays) if digest)


def amat(bits):
    return "".join(" ".join(str(bit) for bit in row) + "\n" for row in bits).encode()


def test_text_bits_are_packed_on_arrival(tmp_path, server, monkeypatch):
    bits = np.random.default_rng(0).integers(0, 2, (7, 784), dtype=np.uint8)
    server["content"] = amat(bits)
    arrays = {"bits": np.packbits(bits, axis=1), "shape": np.array([7, 784])}
    targets = tuple(
        Target(f"{part}.npz", f"http://x/{part}.amat", None, conversions.from_amat, checksums.of_arrays(arrays))
        for part in ("train", "valid", "test")
    )
    monkeypatch.setitem(PUBLISHED, "binarized-mnist", targets)
    monkeypatch.setenv("GENLATENT_DATA", str(tmp_path))
    paths = fetch("binarized-mnist", base_url=server["url"])
    assert sorted(os.listdir(paths[0].parent)) == ["test.npz", "train.npz", "valid.npz"]
    assert np.array_equal(load_data("binarized-mnist").train.reshape(7, 784).numpy(), bits)
    fetch("binarized-mnist", base_url=server["url"])
    assert len(server["asked"]) == 3


def test_what_cannot_be_converted_is_deleted(tmp_path, server, monkeypatch):
    made = Target("train.npz", "http://x/train.amat", None, conversions.from_amat, "0" * 64)
    monkeypatch.setitem(PUBLISHED, "binarized-mnist", (made,))
    server["content"] = b"<html></html>"
    with pytest.raises(DataError, match="what came is not what it should be"):
        fetch("binarized-mnist", tmp_path, base_url=server["url"])
    server["content"] = amat(np.zeros((2, 784), np.uint8))
    with pytest.raises(DataError, match=f"expected {'0' * 64}"):
        fetch("binarized-mnist", tmp_path, base_url=server["url"])
    assert os.listdir(tmp_path / "binarized_mnist") == []


def test_checksum_of_a_file_written_here(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    assert checksums.of_file(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    write_idx(tmp_path / "a.gz", np.zeros((2, 2), np.uint8))
    first = checksums.of_file(tmp_path / "a.gz")
    write_idx(tmp_path / "a.gz", np.zeros((2, 2), np.uint8))
    assert checksums.of_file(tmp_path / "a.gz") == first


REAL = pytest.mark.skipif(not os.environ.get("GENLATENT_DATA"), reason="GENLATENT_DATA names no folder of data sets")


@REAL
@pytest.mark.parametrize("name", PUBLISHED)
def test_the_real_files_hold_their_checksums(name, monkeypatch):
    def offline(*_):
        raise AssertionError("a sound file was fetched again")

    monkeypatch.setattr("genlatent.data.fetch.download", offline)
    assert len(fetch(name)) == len(PUBLISHED[name])
