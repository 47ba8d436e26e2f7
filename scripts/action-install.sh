#!/usr/bin/env bash
# The GitHub Action's first step: a release's program, downloaded and compared with the release's digests.
#
# Everything comes by variables of the environment, see action.yml.
set -euo pipefail

version=${INPUT_VERSION:-$INPUT_REF}
if [[ ! $version =~ ^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]]; then
  echo "::error::keymend: no release is told by the action's own ref: give the input version, such as v0.1.0"
  exit 2
fi
case $(uname -s)/$(uname -m) in
  Linux/x86_64) target=x86_64-unknown-linux-musl ;;
  Linux/aarch64) target=aarch64-unknown-linux-musl ;;
  Darwin/arm64) target=aarch64-apple-darwin ;;
  Darwin/x86_64) target=x86_64-apple-darwin ;;
  *)
    echo "::error::keymend: there is no release for $(uname -s) on $(uname -m)"
    exit 2
    ;;
esac

name=keymend-$version-$target
folder=$(mktemp -d "$RUNNER_TEMP/keymend-XXXXXX")
gh release download "$version" --repo "$INPUT_REPOSITORY" --dir "$folder" --pattern "$name.tar.gz" --pattern SHA256SUMS
cd "$folder"
digest=$(grep -F "  $name.tar.gz" SHA256SUMS) || {
  echo "::error::keymend: SHA256SUMS of $version does not name $name.tar.gz"
  exit 1
}
if command -v sha256sum >/dev/null; then
  sha256sum --check <<<"$digest"
else
  shasum -a 256 --check <<<"$digest"
fi
tar -xzf "$name.tar.gz"
"$folder/$name/keymend" --version
echo "$folder/$name" >>"$GITHUB_PATH"
echo "program=$folder/$name/keymend" >>"$GITHUB_OUTPUT"
