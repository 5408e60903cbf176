"""Files and folders are whole or absent."""

import errno
import os

import pytest

from genlatent import storage
from genlatent.errors import RunError


def full_disk(*args):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_file_is_replaced_whole(tmp_path):
    place = tmp_path / "a" / "note.txt"
    storage.write_text(place, "one")
    storage.write_text(place, "two")
    assert place.read_text() == "two"
    assert [file.name for file in place.parent.iterdir()] == ["note.txt"]


def test_error_inside_leaves_what_was_there(tmp_path):
    place = tmp_path / "note.txt"
    storage.write_text(place, "old")
    with pytest.raises(ZeroDivisionError), storage.new_file(place) as temporary:
        temporary.write_text(f"half {1 // 0}")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("note.txt", "old")]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_full_disk_is_one_sentence_and_leaves_the_old_file(tmp_path, monkeypatch, call):
    place = tmp_path / "note.txt"
    storage.write_text(place, "old")
    monkeypatch.setattr(os, call, full_disk)
    with pytest.raises(RunError, match="No space left on device; nothing half-written"):
        storage.write_text(place, "new")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("note.txt", "old")]


@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_full_disk_leaves_no_folder(tmp_path, monkeypatch, call):
    monkeypatch.setattr(os, call, full_disk)
    with pytest.raises(RunError, match="No space left"), storage.new_folder(tmp_path / "run") as temporary:
        (temporary / "file").write_text("x")
    assert list(tmp_path.iterdir()) == []


def test_partial_leftovers_are_removed(tmp_path):
    storage.beside(tmp_path / "file", 1).write_text("x")
    storage.beside(tmp_path / "folder", 1).mkdir()
    (tmp_path / "kept").write_text("x")
    storage.remove_partial(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["kept"]


def test_damaged_json(tmp_path):
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(RunError, match=r"x\.json cannot be read"):
        storage.read_json(tmp_path / "x.json")


def test_second_holder_of_a_lock_is_refused(tmp_path):
    with (
        storage.lock(tmp_path / ".lock", "somebody is here"),
        pytest.raises(RunError, match="somebody is here"),
        storage.lock(tmp_path / ".lock", "somebody is here"),
    ):
        pass
    with storage.lock(tmp_path / ".lock", "free again"):
        assert (tmp_path / ".lock").exists()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (errno.ENOSPC, "nothing half-written was left, what was there before stays; make room, or name another place"),
        (errno.EROFS, "what was there before stays; name a place that may be written to"),
        (errno.EIO, "what was there before stays"),
    ],
)
def test_what_keeps_a_place_from_being_written_is_said_with_what_to_do(tmp_path, error, words):
    with pytest.raises(RunError) as caught, storage.said(tmp_path / "x"):
        raise OSError(error, "in the words of some library")
    assert str(caught.value).startswith(f"{tmp_path / 'x'} could not be written: {os.strerror(error)}; ")
    assert str(caught.value).endswith(words)


def test_a_disk_that_does_not_confirm_a_name_has_the_file_all_the_same(tmp_path, monkeypatch):
    place, sync = tmp_path / "note.txt", os.fsync
    calls = iter([sync, full_disk])
    monkeypatch.setattr(os, "fsync", lambda descriptor: next(calls)(descriptor))
    with pytest.raises(RunError, match="is written, but the disk did not confirm it: No space left on device"):
        storage.write_text(place, "new")
    assert place.read_text() == "new"


def test_a_lock_in_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunError, match="could not be written: File exists"), storage.lock(tmp_path / "file/x", ""):
        pass


def test_an_error_in_a_scratch_folder_is_nobodys_but_the_users(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(BrokenPipeError), storage.scratch() as folder:
        raise BrokenPipeError(folder.name)
    assert list(tmp_path.iterdir()) == []


def test_files_of_others_that_look_unfinished_stay(tmp_path):
    (tmp_path / ".note.txt.backup.partial").write_text("of another program")
    storage.write_text(tmp_path / "note.txt", "x")
    assert (tmp_path / ".note.txt.backup.partial").exists()
