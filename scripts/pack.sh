#!/usr/bin/env bash
# Packs what the release workflow has built: pack.sh TAG BUILT DIST [IMAGES]
#
# BUILT holds keymend-TARGET/keymend for each target, the one for this machine among them, which writes the
# man page and the completions. IMAGES holds container images, image-ARCHITECTURE.tar. DIST gets an archive for each
# target, each image, SHA256SUMS and NOTES.md.
set -euo pipefail
tag=$1 built=$(realpath "$2") images=${4:+$(realpath "$4")}
grep -qF "## [${tag#v}]" "$(dirname "$0")/../CHANGELOG.md" || { echo "CHANGELOG.md has no section for $tag" >&2; exit 1; }
mkdir -p "$3"
dist=$(realpath "$3")
cd "$(dirname "$0")/.."

chmod +x "$built"/keymend-*/keymend
keymend=$built/keymend-$(uname -m)-unknown-linux-musl/keymend

common=$(mktemp -d)
trap 'rm -rf "$common"' EXIT
cp README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE "$common"
mkdir "$common/man" "$common/completions"
"$keymend" man >"$common/man/keymend.1"
"$keymend" completions bash >"$common/completions/keymend.bash"
"$keymend" completions fish >"$common/completions/keymend.fish"
"$keymend" completions zsh >"$common/completions/_keymend"

for directory in "$built"/keymend-*; do
  target=${directory##*/keymend-}
  name=keymend-$tag-$target
  mkdir "$common/$name"
  cp -R "$directory/keymend" "$common"/{README.md,CHANGELOG.md,LICENSE-MIT,LICENSE-APACHE,man,completions} "$common/$name"
  tar -C "$common" --sort=name --owner=0 --group=0 --numeric-owner -czf "$dist/$name.tar.gz" "$name"
done
if [ -n "$images" ]; then
  for image in "$images"/image-*.tar; do
    cp "$image" "$dist/keymend-$tag-${image##*/}"
  done
fi
(cd "$dist" && sha256sum -- *.tar* >SHA256SUMS)

# The version's section of the changelog.
awk -v version="${tag#v}" '/^## / { printing = index($0, "[" version "]") } printing && !/^## /' CHANGELOG.md >"$dist/NOTES.md"
