#!/usr/bin/env bash
# Takes pictures of an HTML report as a browser shows it, in light, in dark and as wide as a phone:
# report-picture.sh [FOLDER]
#
# It needs Debian's chromium, and works on a world of the fixtures.
set -euo pipefail
folder=$(realpath -m "${1:-target/pictures}")
cd "$(dirname "$0")/.."
mkdir -p "$folder"
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT
cargo run --quiet --locked -- fix --sandbox=fixtures/worlds/group-grantee.json --dry-run \
  --report "$folder/report.html" >/dev/null 2>&1

picture() {
  chromium --headless --no-sandbox --disable-gpu --disable-background-networking --no-first-run \
    --user-data-dir="$profile" --hide-scrollbars --window-size=1200,2400 "${@:2}" \
    --screenshot="$folder/report-$1.png" 2>/dev/null
}
picture light "file://$folder/report.html"
picture dark --blink-settings=preferredColorScheme=0 "file://$folder/report.html"
# A window is never that narrow, but a frame is.
printf '<!doctype html><iframe src="report.html" style="border:0;width:380px;height:2300px"></iframe>' >"$folder/phone.html"
picture phone --window-size=500,2400 "file://$folder/phone.html"
chromium --headless --no-sandbox --disable-gpu --disable-background-networking --no-first-run \
  --user-data-dir="$profile" --no-pdf-header-footer --print-to-pdf="$folder/report.pdf" "file://$folder/report.html" 2>/dev/null
ls "$folder"
