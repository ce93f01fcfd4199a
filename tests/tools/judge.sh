#!/bin/sh
# Puts the judge of the differential tests at build/judge/redis-server. Debian's redis-check-rdb and redis-server are
# one program that looks at the name it was started by, so redis-tools alone is enough and no service is installed.
set -eu
mkdir -p build/judge
judge=build/judge/redis-server
source=$(command -v redis-check-rdb) || { echo "redis-check-rdb is missing: tests/tools/deps.sh test" >&2; exit 1; }
cmp -s "$source" $judge || { cp "$source" $judge.$$ && mv $judge.$$ $judge; }
