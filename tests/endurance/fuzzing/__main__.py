"""`python -m tests.endurance.fuzzing [--inputs N] [FORMAT ...]`: what became of the inputs, as JSON."""

import argparse
import json

from tests.endurance.fuzzing.children import campaign
from tests.endurance.fuzzing.formats import FORMATS

parser = argparse.ArgumentParser()
parser.add_argument("formats", nargs="*", default=list(FORMATS))
parser.add_argument("--inputs", type=int, default=300)
parser.add_argument("--first", type=int, default=0)
asked = parser.parse_args()
print(json.dumps({name: campaign(name, asked.inputs, asked.first) for name in asked.formats}, indent=1))
