import subprocess

import pytest

from benchmarks import cold_start
from benchmarks.harness import Settings


def test_every_process_is_timed_against_the_imports(monkeypatch):
    ran = []
    monkeypatch.setattr(cold_start, "process", lambda code, *arguments: lambda: ran.append((code, *arguments)))
    monkeypatch.setattr(Settings, "seconds", lambda self, full, quick: 0.0)
    found = cold_start.benchmark(Settings())
    names = ["import", "--help", "sample vae -n 64", "sample rbm -n 64", "first training step"]
    assert [row.work for row in found] == names
    assert {row.peer for row in found} == {cold_start.PEER}
    assert any(command[1] == "sample" for command in ran if len(command) > 1)


def test_a_first_sample_may_take_so_much_longer():
    within, beyond = ({cold_start.PEER: 2000.0, "sample vae -n 64": ms} for ms in (3000.0, 3700.0))
    assert cold_start.row("sample vae -n 64", within).said == "+1.00 s; goal 1.5 s reached"
    assert cold_start.row("sample vae -n 64", beyond).said == "+1.70 s; goal 1.5 s NOT reached"


def test_a_process_that_fails_is_no_time():
    with pytest.raises(subprocess.CalledProcessError):
        cold_start.process("raise SystemExit(3)")()
