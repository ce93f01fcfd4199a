#!/bin/sh
# The rules of the house, each a test: lint.sh [check ...], all of them by default.
#
#   rules     what tests/lint/rules.py knows: include direction, lengths, columns, words, headers
#   unused    functions that no other file uses (after a build)
#   format    clang-format finds nothing to change
#   cppcheck  warnings, performance, portability
#   tidy      clang-tidy: bugprone-*, clang-analyzer-*
#   scripts   shell and Python scripts parse
set -u
mkdir -p build/lint
passed=0
failed=0
jobs=$(nproc 2>/dev/null || echo 2)
flags='-std=gnu17 -D_GNU_SOURCE -I. -DFLAGSTONE_DEBUG'
sources=$(ls server/*.c slab/*.c slab/base/*.c defrag/*.c protocol/*.c 2>/dev/null)
tests=$(find tests -name '*.c')
headers=$(find server slab defrag protocol tests -name '*.h')

rules() { python3 tests/lint/rules.py; }

unused() {
    ${MAKE:-make} --no-print-directory -s server && python3 tests/lint/unused.py build/release
}

format() { clang-format --dry-run -Werror $sources $headers $tests; }

check_cpp() {
    cppcheck --quiet --std=c11 --language=c -D_GNU_SOURCE -I. -j "$jobs" --error-exitcode=1 --inline-suppr \
        --enable=warning,performance,portability --suppress=missingIncludeSystem --suppress=missingInclude \
        --suppress=signConversion --suppress=internalAstError --suppress=normalCheckLevelMaxBranches \
        --suppress=unknownMacro $sources
}

# The analyzer's shallow mode: the deep one takes ten times as long, and finds little more in code of this kind.
tidy() {
    shallow='--extra-arg=-Xclang --extra-arg=-analyzer-config --extra-arg=-Xclang --extra-arg=mode=shallow'
    printf '%s\n' $sources | xargs -P "$jobs" -I FILE sh -c \
        "clang-tidy --quiet $shallow FILE -- $flags 2>/dev/null || { echo 'clang-tidy: FILE'; exit 1; }"
}

scripts() {
    for script in $(find tests conf .ci -name '*.sh') .ci/run; do bash -n "$script" || return 1; done
    python3 - $(find tests -name '*.py') <<'END'
import ast, sys
for path in sys.argv[1:]:
    ast.parse(open(path).read(), path)
END
}

check() {
    name=$1
    shift
    began=$(date +%s)
    if "$@" >"build/lint/$name.log" 2>&1; then
        passed=$((passed + 1))
        echo "ok     lint $name, $(($(date +%s) - began)) s"
    else
        failed=$((failed + 1))
        echo "FAILED lint $name, $(($(date +%s) - began)) s"
        tail -n 200 "build/lint/$name.log"
    fi
}

for name in ${*:-rules scripts format unused cppcheck tidy}; do
    case $name in
    cppcheck) check cppcheck check_cpp ;;
    *) check "$name" "$name" ;;
    esac
done
echo "$passed passed, $failed failed" | tee build/lint/results
[ "$failed" = 0 ]
