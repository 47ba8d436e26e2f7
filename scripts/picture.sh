#!/usr/bin/env bash
# Draws the picture in the README, docs/img/fix-dark.svg and fix-light.svg, from what the program really prints:
# picture.sh [FOLDER]
#
# KEYMEND is the program; without it, it is built.
set -euo pipefail
folder=$(realpath -m "${1:-$(dirname "$0")/../docs/img}")
cd "$(dirname "$0")/.."
command=(fix --sandbox=fixtures/worlds/second-role.json --dry-run)
program=("${KEYMEND:-}")
[[ -n ${KEYMEND:-} ]] || program=(cargo run --quiet --locked --)
mkdir -p "$folder"
printed=$(mktemp)
trap 'rm -f "$printed"' EXIT
COLUMNS=100 "${program[@]}" "${command[@]}" --color always >"$printed" 2>/dev/null
for theme in dark light; do
  python3 scripts/picture.py "$theme" keymend "${command[@]}" <"$printed" >"$folder/fix-$theme.svg"
done
