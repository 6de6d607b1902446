# SPDX-License-Identifier: MIT
# lib.sh - what the scripts share: installing what is missing, and the packages of each purpose. Sourced by bash.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
JOBS=$(nproc)

BUILD_PACKAGES=(gcc libc6-dev cmake ninja-build pkg-config libevent-dev libjson-c-dev libcurl4-openssl-dev libsqlite3-dev libhiredis-dev
    nettle-dev uthash-dev libxxhash-dev)
TRY_PACKAGES=(curl ca-certificates)
TEST_PACKAGES=(g++ make libcmocka-dev abigail-tools redis-server clang libclang-rt-14-dev clang-tidy clang-format cppcheck procps git ca-certificates curl openssl tinyproxy-bin)
BARE_PACKAGES=(debootstrap git)

# Installs those of the named Debian packages that are missing.
install_packages() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        as_root=(sudo)
        command -v sudo >/dev/null || {
            echo "missing packages: ${missing[*]}: install them, or run this as root" >&2
            return 1
        }
    fi
    echo "installing ${missing[*]}"
    "${as_root[@]}" apt-get update -qq >&2 &&
        DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends \
            "${missing[@]}" >/dev/null
}

# npm, if the machine has none: Debian's conflicts with one that came another way.
install_npm() {
    command -v npm >/dev/null || install_packages npm
}
