#!/usr/bin/env bash
# Installs the Debian packages the build needs, if they are missing. Arguments: more packages.
set -euo pipefail

packages=(libsqlite3-dev libpq-dev pkg-config "$@")
missing=()
for package in "${packages[@]}"; do
    if ! dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed'; then
        missing+=("$package")
    fi
done
if ! command -v swift >/dev/null; then
    echo "setup: there is no swift; install the Swift 6.3 toolchain (https://swift.org/install)" >&2
    exit 1
fi
if [[ ${#missing[@]} -eq 0 ]]; then exit 0; fi
echo "== install ${missing[*]}"
root=()
if [[ "$(id -u)" -ne 0 ]]; then root=(sudo); fi
export DEBIAN_FRONTEND=noninteractive
"${root[@]}" apt-get update -q
"${root[@]}" apt-get install -q -y --no-install-recommends "${missing[@]}"
