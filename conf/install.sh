#!/bin/sh
# Installs the built server, or takes it away again: install.sh install|uninstall
#
# The environment has DESTDIR (a tree that stands for the root directory, or empty), PREFIX and SYSCONFDIR. A
# configuration that somebody has edited is neither replaced nor removed. Nothing outside of DESTDIR is touched. SERVER is
# the program, ./flagstone-server by default.
set -eu
cd "$(dirname "$0")/.."

server=${SERVER:-./flagstone-server}
bin=$PREFIX/bin
doc=$PREFIX/share/doc/flagstone
man=$PREFIX/share/man/man1
unit=$PREFIX/lib/systemd/system
users=$PREFIX/lib/sysusers.d
rotate=$(dirname "$SYSCONFDIR")/logrotate.d
conf=$SYSCONFDIR/flagstone.conf
rotation=$rotate/flagstone

# The file with its paths, in the place of those that it has in the repository.
localized() { sed -e "s|@bindir@|$bin|g" -e "s|@sysconfdir@|$SYSCONFDIR|g" "$1"; }

# edited INSTALLED NAME: is the file there, and different from the one that came with it (a copy is kept in $doc)?
edited() { [ -e "$DESTDIR$1" ] && ! cmp -s "$DESTDIR$1" "$DESTDIR$doc/$2"; }

# put_conf FILE NAME: a configuration file, to be edited there.
put_conf() {
    if edited "$1" "$2"; then
        echo "$DESTDIR$1 has been edited and is kept; the new defaults are $DESTDIR$doc/$2"
    else
        install -m 644 "conf/$2" "$DESTDIR$1"
    fi
}

take_conf() {
    if edited "$1" "$2"; then
        echo "$DESTDIR$1 has been edited and is kept"
    else
        rm -f "$DESTDIR$1"
    fi
}

# Removes a folder that is empty, and those above it that are. What every system has is left to a real one.
take_folder() {
    folder=$1
    while [ "$folder" != / ] && [ "$folder" != . ]; do
        case $folder in
        */flagstone) ;;
        *) [ -n "$DESTDIR" ] || break ;;
        esac
        rmdir "$DESTDIR$folder" 2>/dev/null || [ ! -e "$DESTDIR$folder" ] || break
        folder=$(dirname "$folder")
    done
}

case ${1:-} in
install)
    for folder in "$bin" "$doc" "$man" "$unit" "$users" "$rotate" "$SYSCONFDIR"; do
        install -d "$DESTDIR$folder"
    done
    install -m 755 "$server" "$DESTDIR$bin/flagstone-server"
    put_conf "$conf" flagstone.conf
    put_conf "$rotation" flagstone.logrotate
    install -m 644 LICENSE README.md conf/flagstone.conf conf/flagstone.logrotate "$DESTDIR$doc/"
    install -m 644 conf/flagstone.sysusers "$DESTDIR$users/flagstone.conf"
    localized conf/flagstone.service >"$DESTDIR$unit/flagstone.service"
    "$server" --print-man | sed "s|/etc/flagstone|$SYSCONFDIR|g" >"$DESTDIR$man/flagstone-server.1"
    chmod 644 "$DESTDIR$unit/flagstone.service" "$DESTDIR$man/flagstone-server.1"
    ;;
uninstall)
    take_conf "$conf" flagstone.conf
    take_conf "$rotation" flagstone.logrotate
    rm -f "$DESTDIR$bin/flagstone-server" "$DESTDIR$man/flagstone-server.1" "$DESTDIR$unit/flagstone.service" \
        "$DESTDIR$users/flagstone.conf"
    rm -rf "$DESTDIR$doc"
    for folder in "$bin" "$doc" "$man" "$unit" "$users" "$rotate" "$SYSCONFDIR"; do
        take_folder "$folder"
    done
    ;;
*)
    echo "usage: install.sh install|uninstall" >&2
    exit 2
    ;;
esac
