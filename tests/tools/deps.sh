#!/bin/sh
# Gets the packages that a task needs and this machine lacks: deps.sh run|test|bench|lint|fuzz
#
# What is there already (a header, a program, a package) is left alone. What is missing is named, then installed with
# apt-get; redis-tools brings redis-cli and the judge of the differential tests without any service.
set -eu

task=${1:?usage: deps.sh run|test|bench|lint|fuzz}

program() { command -v "$1" >/dev/null 2>&1; }
library() { program pkg-config && pkg-config --exists "$1"; }
package() { dpkg -s "$1" 2>/dev/null | grep -q '^Status: install ok installed'; }

missing=
need() { # package, then the probe that finds it without dpkg
    name=$1
    shift
    if ! "$@" && ! package "$name"; then missing="$missing $name"; fi
}

need "$(case ${CC:-gcc} in clang*) echo clang ;; *) echo gcc ;; esac)" program "${CC:-gcc}"
need libc6-dev test -e /usr/include/stdio.h
need pkg-config program pkg-config
need libevent-dev library libevent_core
need libjemalloc-dev library jemalloc
need libssl-dev library libcrypto
need redis-tools program redis-cli
case $task in
test | bench | lint | fuzz)
    need python3 program python3
    need libhiredis-dev library hiredis
    need libcmocka-dev library cmocka
    ;;
esac
# The judge is part of redis-tools; a redis-cli from elsewhere does not bring it.
case $task in test | bench) need redis-tools program redis-check-rdb ;; esac
case $task in
lint)
    need clang-format program clang-format
    need clang-tidy program clang-tidy
    need cppcheck program cppcheck
    need git program git
    ;;
fuzz)
    need clang program clang
    # Debian 12 keeps the fuzzer's runtime in a package of its own.
    if program apt-cache && apt-cache show libclang-rt-dev >/dev/null 2>&1; then need libclang-rt-dev false; fi
    ;;
esac

missing=$(printf '%s\n' $missing | sort -u | tr '\n' ' ')
[ -n "${missing% }" ] || exit 0
echo "missing packages: $missing"

root=
if [ "$(id -u)" != 0 ]; then
    root=sudo
    if ! program sudo; then
        echo "install them as root:  apt-get install --no-install-recommends $missing" >&2
        exit 1
    fi
fi
if ! program apt-get; then
    echo "there is no apt-get here; install the equivalents of these packages, then try again" >&2
    exit 1
fi
install() { $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing; }
# Package lists may be absent or old: then they are fetched, and it is tried once more.
install || { $root apt-get update -q && install; }
