#!/usr/bin/env bash
# Makes a container image of a static keymend, without a daemon, and tries it: container-image.sh KEYMEND IMAGE
#
# KEYMEND is the program, linked statically. IMAGE is the file that the image is written to, as an OCI archive, which podman and
# docker load. Debian or Ubuntu, as root: buildah and the certificate authorities are installed where they are missing.
set -euo pipefail
keymend=$(realpath "$1") image=$(realpath -m "$2")
here=$(cd "$(dirname "$0")/.." && pwd)
roots=/etc/ssl/certs/ca-certificates.crt

if ! command -v buildah >/dev/null || [ ! -e "$roots" ]; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends buildah ca-certificates >/dev/null
fi
# Nothing is in the image that could load a library.
if readelf --program-headers --wide "$keymend" | grep -q INTERP; then
  echo "$keymend is not static" >&2
  exit 1
fi

context=$(mktemp -d)
# A store of its own, which goes with it; without namespaces, that it works in a container too.
buildah() { command buildah --root "$context/store" --runroot "$context/run" --storage-driver vfs "$@"; }
trap 'rm -rf "$context"' EXIT
mkdir -p "$context/files/home/.local/state"
cp "$keymend" "$context/files/keymend"
cp "$roots" "$context/files/ca-certificates.crt"
echo 'keymend:x:65532:65532::/home/keymend:/sbin/nologin' >"$context/files/passwd"

version=$("$keymend" --version)
buildah bud --quiet --isolation chroot --label "org.opencontainers.image.version=${version#keymend }" \
  --label "org.opencontainers.image.licenses=MIT OR Apache-2.0" \
  --file "$here/Containerfile" --tag keymend "$context/files" >/dev/null

container=$(buildah from keymend)
run() { buildah run --isolation chroot "$container" -- /usr/bin/keymend "$@"; }
[ "$(run --version)" = "$version" ]
plan=$(run fix --sandbox --dry-run)
grep -q '^Plan: ' <<<"$plan" || { echo "$plan" >&2; echo "the image does not plan on the sandbox" >&2; exit 1; }
# A run that writes keeps its journal beside the world.
cp "$here/fixtures/worlds/second-role.json" "$context/world.json"
buildah copy --quiet --chown 65532:65532 "$container" "$context/world.json" /home/keymend/world.json >/dev/null
run fix --sandbox=world.json --yes >/dev/null
[ "$(run check --sandbox=world.json >/dev/null && echo mended)" = mended ]
user=$(buildah inspect --format '{{.OCIv1.Config.User}}' "$container")
[ "$user" = 65532:65532 ] || { echo "it runs as $user" >&2; exit 1; }

rm -f "$image"
buildah push --quiet keymend "oci-archive:$image:keymend:${version#keymend }"
echo "$image: $version, $(stat -c %s "$image") bytes"
