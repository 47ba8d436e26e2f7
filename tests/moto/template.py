"""Parses CloudFormation's YAML, functions in their short form as mappings, and prints each document as JSON."""

import json
import sys

import yaml


class Loader(yaml.SafeLoader):
    """Knows whatever begins with an exclamation mark."""


def function(loader, name, node):
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_scalar(node)}


Loader.add_multi_constructor("!", function)
for path in sys.argv[1:]:
    with open(path, encoding="ascii") as file:
        for document in yaml.load_all(file, Loader):
            print(json.dumps(document))
