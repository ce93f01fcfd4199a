#!/bin/sh
# Runs fuzz targets, each for a bounded time: fuzz.sh SECONDS PROGRAM ...
#
# Seeds are in tests/fuzz/corpus/<name>/ and stay as they are; what is found grows in build/fuzz/corpus/<name>/.
# An input that fails is left in build/fuzz/failures/.
seconds=$1
shift
results=build/fuzz/results
mkdir -p build/fuzz/failures
passed=0
failed=0
for program in "$@"; do
    name=$(basename "$program" | sed 's/^fuzz_//')
    grown=build/fuzz/corpus/$name
    seeds=tests/fuzz/corpus/$name
    mkdir -p "$grown"
    [ -d "$seeds" ] || seeds=
    dict=tests/fuzz/$name.dict
    [ -e "$dict" ] && dict=-dict=$dict || dict=
    echo "== fuzz $name, $seconds s"
    log=build/fuzz/$name.log
    if "$program" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 -print_final_stats=1 -verbosity=1 \
        -artifact_prefix="build/fuzz/failures/$name-" $dict "$grown" $seeds >"$log" 2>&1; then
        passed=$((passed + 1))
        grep -E '^(Done|stat::number_of_executed_units)' "$log"
    else
        failed=$((failed + 1))
        echo "FAILED fuzz $name"
        tail -n 60 "$log"
    fi
done
echo "$passed passed, $failed failed" | tee $results
[ "$failed" = 0 ]
