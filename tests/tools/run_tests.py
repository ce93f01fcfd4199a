#!/usr/bin/env python3
"""Runs test programs and counts their cases.

A program is a cmocka one, or prints a line "N passed, M failed[, K skipped]" itself. Each gets FLAGSTONE_SERVER (the
server of the same flavour) and a time limit, and is ended with everything it started when that is over. Output is
shown for those that fail. The totals go to build/<flavour>/results.<name>, for .ci/run to add up, and how long each
took to build/<flavour>/times.<name>. Those that took longest the last time begin first, so that none is waited for
alone at the end; where there was no last time, those that are known to take long do.
"""
import argparse
import concurrent.futures
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:exitcode=99:allocator_may_return_null=1:detect_stack_use_after_return=0",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "exitcode=66:halt_on_error=0:second_deadlock_stack=1:report_signal_unsafe=0",
}

FILES = 16384
# Known to take long in every flavour, the longest first.
LONG = ["test_memory", "test_limit", "test_defrag", "test_large", "test_keyspace"]


def processors():
    """CI_JOBS, or those that this process may use."""
    return int(os.environ.get("CI_JOBS") or len(os.sched_getaffinity(0)))


def plain_name(command, flavour):
    return command[0].removeprefix(f"build/{flavour}/")


def times_path(flavour, results):
    return f"build/{flavour}/times.{results}"


def longest_first(commands, flavour, results):
    """Orders the commands by the times of this flavour's last run, of the release build's, or by what is known."""
    times = {}
    for path in (times_path("release", results), times_path(flavour, results)):
        if os.path.exists(path):
            with open(path) as lines:
                times.update((name, float(took_s)) for took_s, name in (line.split() for line in lines))

    def rank(command):
        base = os.path.basename(command[0])
        known = LONG.index(base) if base in LONG else len(LONG)
        return (-times.get(plain_name(command, flavour), 0), known, "/unit/" in command[0])
    return sorted(commands, key=rank)


def counts(text):
    """(passed, failed, skipped) as a program printed them, or None."""
    own = re.findall(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", text, re.M)
    if own:
        return tuple(int(n or 0) for n in own[-1])
    passed = re.findall(r"\[  PASSED  \] (?:.*: )?(\d+) test\(s\)", text)
    if not passed:
        return None
    failed = re.findall(r"\[  FAILED  \] (?:.*: )?(\d+) test\(s\)", text)
    skipped = re.findall(r"\[  SKIPPED \] (?:.*: )?(\d+) test\(s\)", text)
    return tuple(sum(map(int, found)) for found in (passed, failed, skipped))


def launcher(flavour):
    """TSan's shadow memory does not know every layout that address randomisation may choose."""
    if "tsan" not in flavour or not shutil.which("setarch"):
        return []
    prefix = ["setarch", os.uname().machine, "-R"]
    return prefix if subprocess.run(prefix + ["true"], stderr=subprocess.DEVNULL).returncode == 0 else []


def raise_file_limit():
    """Some tests have a thousand connections at both ends; the usual soft limit is 1,024 files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    want = FILES if hard == resource.RLIM_INFINITY else min(hard, FILES)
    if soft != resource.RLIM_INFINITY and soft < want:
        resource.setrlimit(resource.RLIMIT_NOFILE, (want, hard))


def run(command, env, limit_s):
    began = time.monotonic()
    child = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, start_new_session=True)
    late = False
    try:
        output = child.communicate(timeout=limit_s)[0]
    except subprocess.TimeoutExpired:
        late = True
        os.killpg(child.pid, signal.SIGKILL)
        output = child.communicate()[0]
    text = output.decode("utf-8", "replace")
    found = counts(text)
    passed, failed, skipped = found or (0, 0, 0)
    why = ""
    if late:
        why = f"not finished after {limit_s} s"
    elif child.returncode and not failed:
        why = f"ended with status {child.returncode}"
    elif not found:
        why = "printed no result"
    if why:
        failed += 1
    return passed, failed, skipped, why, text, time.monotonic() - began


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--flavour", default="release")
    parser.add_argument("--server", required=True)
    parser.add_argument("--limit", type=int, default=0, help="seconds a program may take")
    parser.add_argument("--jobs", type=int, default=processors())
    parser.add_argument("--results", default="tests")
    parser.add_argument("programs", nargs="*")
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    options = parser.parse_args(sys.argv[1:split])
    # After "--" stands one program with its options.
    commands = [[program] for program in options.programs]
    if sys.argv[split + 1:]:
        commands.append(sys.argv[split + 1:])
    limit_s = options.limit or (400 if options.flavour in ("release", "debug") else 900)
    env = dict(os.environ, FLAGSTONE_SERVER=os.path.abspath(options.server), FLAGSTONE_FLAVOUR=options.flavour)
    for name, value in SANITIZERS.items():
        env[name] = value + (":" + os.environ[name] if name in os.environ else "")
    prefix = launcher(options.flavour)
    raise_file_limit()

    commands = longest_first(commands, options.flavour, options.results)
    total, times = [0, 0, 0], []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        jobs = {pool.submit(run, prefix + command, env, limit_s): command for command in commands}
        for job in concurrent.futures.as_completed(jobs):
            passed, failed, skipped, why, text, took_s = job.result()
            for i, n in enumerate((passed, failed, skipped)):
                total[i] += n
            name = plain_name(jobs[job], options.flavour)
            times.append((took_s, name))
            word = "FAILED" if failed else "ok"
            print(f"{word:6} {name}: {passed} passed, {failed} failed, {skipped} skipped, {took_s:.1f} s"
                  + (f" ({why})" if why else ""), flush=True)
            if failed:
                print("\n".join("    | " + line for line in text.splitlines()[-200:]), flush=True)
            elif skipped:
                print("\n".join("    | " + line for line in text.splitlines() if re.search("skip", line, re.I)))
    summary = f"{total[0]} passed, {total[1]} failed" + (f", {total[2]} skipped" if total[2] else "")
    times.sort(reverse=True)
    slowest = ", ".join(f"{os.path.basename(name)} {took_s:.0f} s" for took_s, name in times[:5])
    print(f"{options.flavour} {options.results}: {summary}; {slowest}")
    os.makedirs(f"build/{options.flavour}", exist_ok=True)
    with open(f"build/{options.flavour}/results.{options.results}", "w") as out:
        out.write(summary + "\n")
    with open(times_path(options.flavour, options.results), "w") as out:
        out.writelines(f"{took_s:.1f} {name}\n" for took_s, name in times)
    return 1 if total[1] else 0


if __name__ == "__main__":
    sys.exit(main())
