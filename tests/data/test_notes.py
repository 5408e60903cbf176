import numpy as np

from genlatent.data.notes import beside, note_of, write_beside
from genlatent.data.written import write_npy


def test_a_note_holds_for_the_file_it_was_written_for_and_for_no_other(tmp_path):
    place = tmp_path / "x.npy"
    write_npy(np.zeros(3), place)
    write_beside(place, {"seed": "4"})
    assert note_of(place) == {"seed": "4"}
    write_npy(np.ones(3), place)
    assert note_of(place) == {}
    assert beside(place).exists()


def test_an_array_is_written_as_numpy_writes_it(tmp_path):
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    np.save(tmp_path / "theirs.npy", x)
    write_npy(x, tmp_path / "ours.npy")
    assert (tmp_path / "ours.npy").read_bytes() == (tmp_path / "theirs.npy").read_bytes()
