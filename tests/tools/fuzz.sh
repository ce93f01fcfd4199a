#!/bin/sh
# Runs fuzz targets, each for a bounded time, one a processor at once: fuzz.sh SECONDS PROGRAM ...
#
# Seeds are in tests/fuzz/corpus/<name>/ and stay as they are; what is found grows in build/fuzz/corpus/<name>/.
# An input that fails is left in build/fuzz/failures/. CI_JOBS sets the number of processors to use.
seconds=$1
shift
results=build/fuzz/results

fuzz() {
    name=$(basename "$1" | sed 's/^fuzz_//')
    grown=build/fuzz/corpus/$name
    seeds=tests/fuzz/corpus/$name
    mkdir -p "$grown"
    [ -d "$seeds" ] || seeds=
    dict=tests/fuzz/$name.dict
    [ -e "$dict" ] && dict=-dict=$dict || dict=
    log=build/fuzz/$name.log
    if "$1" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=30 -print_final_stats=1 -verbosity=1 \
        -artifact_prefix="build/fuzz/failures/$name-" $dict "$grown" $seeds >"$log" 2>&1; then
        echo "ok fuzz $name, $seconds s: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs"
    else
        echo "FAILED fuzz $name"
        tail -n 60 "$log"
        return 1
    fi
}

# As one of several, for xargs; a file tells that it passed.
if [ "$1" = --one ]; then
    fuzz "$2" && touch "build/fuzz/passed/$(basename "$2")"
    exit 0
fi
rm -rf build/fuzz/passed
mkdir -p build/fuzz/failures build/fuzz/passed
printf '%s\n' "$@" | xargs -P "${CI_JOBS:-$(nproc 2>/dev/null || echo 2)}" -I PROGRAM "$0" "$seconds" --one PROGRAM
passed=$(ls build/fuzz/passed | wc -l)
failed=$(($# - passed))
echo "$passed passed, $failed failed" | tee $results
[ "$failed" = 0 ]
