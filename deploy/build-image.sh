#!/bin/sh
# Builds the container image. Extra arguments go to the builder as they are.
#
#   BUILDER=podman TAG=camera-auditor:0.1 BASE=debian:12-slim WITH_NMAP=1 deploy/build-image.sh
#
# Behind a mirror or a proxy, name files of this machine that the build may read; none of them stays in the image:
#   PIP_CONF=FILE   pip's settings    APT_CONF=FILE   apt's settings    CA_FILE=FILE   certificates, at /run/secrets/ca
set -eu

fail() { printf 'build-image: %s\n' "$*" >&2; exit 1; }
builder=${BUILDER:-}
if [ -z "$builder" ]; then
    for candidate in buildah podman docker; do
        if command -v "$candidate" >/dev/null 2>&1; then builder=$candidate; break; fi
    done
    [ -n "$builder" ] || fail "none of buildah, podman and docker is installed"
fi
for secret in "pip=${PIP_CONF:-}" "apt=${APT_CONF:-}" "ca=${CA_FILE:-}"; do
    file=${secret#*=}
    [ -n "$file" ] || continue
    [ -r "$file" ] || fail "cannot read $file"
    set -- --secret "id=${secret%%=*},src=$file" "$@"
done
tag=${TAG:-camera-auditor}
cd "$(dirname "$0")/.."
set -- --file Dockerfile --tag "$tag" --build-arg "BASE=${BASE:-debian:12-slim}" \
    --build-arg "WITH_NMAP=${WITH_NMAP:-0}" "$@" .
case ${builder##*/} in
    buildah) exec "$builder" build "$@" ;;
    *) DOCKER_BUILDKIT=1 exec "$builder" build "$@" ;;
esac
