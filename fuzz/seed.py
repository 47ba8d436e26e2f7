#!/usr/bin/env python3
"""Fills corpus/policy with every policy that the project's fixtures hold, as it is and indented."""

import hashlib
import json
from pathlib import Path

ROOT = Path(__file__).resolve().parent
CORPUS = ROOT / "corpus" / "policy"


def values(path):
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".jsonl":
        yield from (json.loads(line) for line in text.splitlines())
    else:
        yield json.loads(text)


def policies(value):
    """Whatever looks like a policy, at any depth; world files hold some as text."""
    if isinstance(value, str) and value.lstrip().startswith("{") and '"Statement"' in value:
        try:
            value = json.loads(value)
        except ValueError:
            return
    if isinstance(value, dict) and "Statement" in value:
        yield value
    elif isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from policies(inner)


def main():
    CORPUS.mkdir(parents=True, exist_ok=True)
    for path in sorted((ROOT.parent / "fixtures").rglob("*.json*")):
        for value in values(path):
            for policy in policies(value):
                for indent in (None, 2):
                    text = json.dumps(policy, indent=indent, ensure_ascii=False).encode()
                    (CORPUS / hashlib.sha256(text).hexdigest()[:16]).write_bytes(text)


if __name__ == "__main__":
    main()
