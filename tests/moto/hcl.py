"""Parses HCL files as a configuration's tool does, and prints each as JSON."""

import json
import sys

import hcl2

for name in sys.argv[1:]:
    with open(name, encoding="utf-8") as file:
        print(json.dumps(hcl2.load(file)))
