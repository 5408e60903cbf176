import subprocess
import sys

import pytest

from genlatent import registry
from genlatent.data.catalogue import NAMED
from genlatent.data.manifest import PUBLISHED


@pytest.mark.parametrize("name", NAMED)
def test_every_name_leads_to_a_function_that_says_what_it_holds(name):
    assert registry.load(NAMED[name].place).__doc__
    assert NAMED[name].about


def test_what_is_read_from_files_can_be_fetched():
    assert set(PUBLISHED) == {name for name, entry in NAMED.items() if entry.folder is not None}


def test_names_and_fetching_need_no_torch():
    code = "import sys, genlatent.data.catalogue, genlatent.data.fetch; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_loading_needs_no_heavy_packages():
    heavy = "{'pyro', 'arviz', 'matplotlib', 'sklearn', 'PIL', 'pyarrow'}"
    code = (
        f"import sys, genlatent.data.sources as s; s.load_data('two-moons'); sys.exit(bool({heavy} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
