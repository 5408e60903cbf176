import resource
import statistics
import subprocess
import sys

import pytest

VERBS = ("train", "sample", "evaluate", "diagnose", "demo", "models", "info", "data", "compare", "report")
VERBS += (
    "encode",
    "decode",
    "reconstruct",
    "denoise",
    "impute",
    "score",
    "traverse",
    "interpolate",
    "recipes",
    "explore",
    "reproduce",
)
HEAVY = ("torch", "pyro", "arviz", "matplotlib", "numpy", "scipy", "sklearn")


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def processor_time():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_help_names_every_verb_and_loads_nothing_heavy():
    code = (
        "import sys\n"
        "from genlatent.cli.main import answer\n"
        "assert answer(['--help']) == 0\n"
        f"print('loaded:', [name for name in {HEAVY} if name in sys.modules])"
    )
    said = python(code)
    assert said.endswith("loaded: []\n")
    assert all(verb in said for verb in VERBS)


def test_help_answers_in_half_a_second():
    """By the processor's time, which no neighbour changes; there is nothing else to wait for."""
    times = []
    for _ in range(5):
        before = processor_time()
        python("from genlatent.cli.main import answer; answer(['--help'])")
        times.append(processor_time() - before)
    assert statistics.median(times) < 0.5


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb, ask):
    said = ask(verb, "--help")
    assert said.code == 0
    assert "Usage" in said.out


def test_the_launcher_starts_the_command_line():
    done = subprocess.run([sys.executable, "cli.py", "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "evaluate" in done.stdout


def test_a_reader_that_goes_away_is_no_error():
    writer = subprocess.Popen(
        [sys.executable, "cli.py", "data", "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    writer.stdout.close()
    said = writer.stderr.read()
    writer.stderr.close()
    writer.wait()
    assert "Traceback" not in said
