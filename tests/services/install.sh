#!/bin/sh
# Install the Debian packages that tests/services needs, where that is possible (root and apt-get); starts no daemon.
# Never fails: a test whose service is missing says so itself (skipped, or failed where CI=true).
set -u
packages="apache2-utils buildah busybox-static ca-certificates chromium containerd debootstrap docker-registry docker.io
openssh-client openssh-server openssl podman skopeo sudo umoci xz-utils zstd"

installed() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }
missing=
for package in $packages; do installed "$package" || missing="$missing $package"; done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "Not installed, and only root with apt-get can:$missing. The tests that need them are skipped." >&2
    exit 0
fi

# Debian asks policy-rc.d before it starts a service; 101 means no. The machine's own answer comes back at the end.
policy=/usr/sbin/policy-rc.d
saved=$policy.before-layerkit
restore() { if [ -e "$saved" ] || [ -L "$saved" ]; then mv -f "$saved" "$policy"; else rm -f "$policy"; fi; }
[ ! -e "$policy" ] && [ ! -L "$policy" ] || mv "$policy" "$saved"
trap restore EXIT
trap 'exit 1' HUP INT TERM
printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"

export DEBIAN_FRONTEND=noninteractive
apt-get update -q >&2
offered=
for package in $missing; do
    if apt-cache show "$package" >/dev/null 2>&1; then offered="$offered $package"; else echo "no package $package here" >&2; fi
done
echo "Installing for the tests:$offered" >&2
# One package that cannot be had must not keep the others away.
# shellcheck disable=SC2086
apt-get install -q -y --no-install-recommends $offered >&2 ||
    for package in $offered; do apt-get install -q -y --no-install-recommends "$package" >&2 || true; done
exit 0
