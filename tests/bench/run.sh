#!/bin/sh
# What `make bench` runs once the server is built: BENCH names groups, OTHER other servers (name=path), ARGS options.
set -eu
${MAKE:-make} --no-print-directory bench-programs
set -- ${BENCH:-speed} ${ARGS:-}
for other in ${OTHER:-}; do set -- "$@" --other "$other"; done
exec python3 tests/bench/bench.py "$@"
