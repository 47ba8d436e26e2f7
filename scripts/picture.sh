#!/usr/bin/env bash
# Draws docs/img/fix.svg, the picture in the README, from what the program really prints.
set -euo pipefail
cd "$(dirname "$0")/.."
command=(fix --sandbox=fixtures/worlds/second-role.json --dry-run)
mkdir -p docs/img
drawing=$(mktemp)
trap 'rm -f "$drawing"' EXIT
COLUMNS=100 cargo run --quiet --locked -- "${command[@]}" --color always 2>/dev/null |
  python3 scripts/picture.py keymend "${command[@]}" >"$drawing"
# Not moved: mktemp's mode is 0600.
cat "$drawing" >docs/img/fix.svg
