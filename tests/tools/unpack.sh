#!/bin/sh
# Unpacks Debian packages under build/packages: unpack.sh PACKAGE ...
#
# They are not installed: no service starts, and the machine stays as it is. Each is build/packages/PACKAGE, with usr/
# and so on in it. A package that is there already is left alone. Status 1, with the reason, when one cannot be had.
set -eu
cd "$(dirname "$0")/../.."
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || { echo "there is no apt-get here"; exit 1; }
mkdir -p build/packages
fetched=
for package in "$@"; do
    [ ! -d "build/packages/$package" ] || continue
    folder=$(mktemp -d "build/packages/.$package.XXXXXX")
    trap 'rm -rf "$folder"' EXIT
    # Fetching as another user, which apt-get warns of, is not needed for what is only unpacked.
    fetch() { (cd "$folder" && apt-get -o APT::Sandbox::User=root -q download "$package" >log 2>&1); }
    if ! fetch; then
        # Package lists may be absent or old.
        [ -n "$fetched" ] || { [ "$(id -u)" = 0 ] && apt-get update -q >/dev/null 2>&1; } || true
        fetched=yes
        fetch || { echo "$package cannot be fetched: $(tail -n 1 "$folder/log")"; exit 1; }
    fi
    dpkg-deb -x "$folder"/*.deb "$folder/root"
    mv "$folder/root" "build/packages/$package"
    rm -rf "$folder"
done
