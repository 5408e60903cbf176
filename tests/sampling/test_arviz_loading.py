import os
import subprocess
import sys

QUIET = "from genlatent.sampling.arviz_loading import load_arviz; print(load_arviz().__name__)"


def loaded(code: str, home: str) -> subprocess.CompletedProcess[str]:
    """`code`, run by a user to whom ArviZ has not spoken today."""
    fresh = os.environ | {"HOME": home, "XDG_CACHE_HOME": home}
    return subprocess.run(
        [sys.executable, "-W", "error::FutureWarning", "-c", code], env=fresh, capture_output=True, text=True
    )


def test_a_user_does_not_read_what_arviz_announces(tmp_path):
    told = loaded(QUIET, str(tmp_path))
    assert (told.returncode, told.stdout, told.stderr) == (0, "arviz\n", "")
