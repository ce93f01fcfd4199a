#!/usr/bin/env python3
"""make install and uninstall, and what they put there: the service, its log's rotation, the manual page."""
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools"))
import cases
from cases import SERVER, TREE, Skip, until


def make(goal, root, prefix, sysconfdir=None):
    """As the Makefile's goal does it, with the server that is tested."""
    sysconfdir = sysconfdir or ("/etc/flagstone" if prefix == "/usr" else prefix + "/etc/flagstone")
    env = dict(os.environ, DESTDIR=root, PREFIX=prefix, SYSCONFDIR=sysconfdir, SERVER=SERVER)
    done = subprocess.run([os.path.join(TREE, "conf/install.sh"), goal], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    return done.stdout


def files(root):
    return sorted("/" + os.path.relpath(os.path.join(folder, name), root)
                  for folder, _, names in os.walk(root) for name in names)


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def run_program(name, packages, *arguments):
    """Runs a program of the machine, or of packages (its own first, then libraries) that are only unpacked."""
    path, env = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin"), dict(os.environ)
    if not path:
        roots = cases.unpack(*packages)
        path = glob.glob(roots[0] + f"/**/*bin/{name}", recursive=True)[0]
        env["LD_LIBRARY_PATH"] = ":".join(lib for root in roots for lib in glob.glob(root + "/**/lib/*-linux-gnu",
                                                                                     recursive=True))
    return subprocess.run([path, *arguments], capture_output=True, text=True, env=env)


def test_nothing_is_left():
    for prefix in ("/usr", "/usr/local", "/opt/a/b"):
        with tempfile.TemporaryDirectory() as root:
            make("install", root, prefix)
            there = files(root)
            assert len(there) >= 9, there
            for path in there:
                assert path.startswith(prefix + "/") or (prefix == "/usr" and path.startswith("/etc/")), path
            for path in (prefix + "/bin/flagstone-server", prefix + "/share/man/man1/flagstone-server.1",
                         prefix + "/lib/systemd/system/flagstone.service"):
                assert path in there, f"{path} is missing of {there}"
            make("install", root, prefix)  # again, over itself
            assert files(root) == there
            make("uninstall", root, prefix)
            assert os.listdir(root) == [], files(root)
            make("uninstall", root, prefix)  # nothing there is no error


def test_makefile_passes_folders_on():
    done = subprocess.run(["make", "-n", "-C", TREE, "install", "DESTDIR=/a b", "PREFIX=/usr"], capture_output=True,
                          text=True, env={k: v for k, v in os.environ.items() if not k.startswith("MAKE")})
    assert "DESTDIR='/a b' PREFIX='/usr' SYSCONFDIR='/etc/flagstone' conf/install.sh install" in done.stdout, done


def test_others_files_stay():
    with tempfile.TemporaryDirectory() as root:
        os.makedirs(root + "/usr/bin")
        write(root + "/usr/bin/other", "")
        make("install", root, "/usr")
        make("uninstall", root, "/usr")
        assert files(root) == ["/usr/bin/other"]


def test_edited_configuration_stays():
    with tempfile.TemporaryDirectory() as root:
        conf, rotation = root + "/etc/flagstone/flagstone.conf", root + "/etc/logrotate.d/flagstone"
        default = read(os.path.join(TREE, "conf/flagstone.conf"))
        make("install", root, "/usr")
        assert read(conf) == default
        # Defaults of an older version, which nobody has edited, make room for the new ones.
        for path in (conf, root + "/usr/share/doc/flagstone/flagstone.conf"):
            write(path, "port 6379\n")
        make("install", root, "/usr")
        assert read(conf) == default
        for path in (conf, rotation):
            write(path, read(path) + "# mine\n")
        said = make("install", root, "/usr")
        assert said.count("has been edited and is kept") == 2, said
        assert read(conf) == default + "# mine\n"
        make("uninstall", root, "/usr")
        assert files(root) == ["/etc/flagstone/flagstone.conf", "/etc/logrotate.d/flagstone"]
        make("install", root, "/usr")
        assert read(conf) == default + "# mine\n"


def test_unit():
    with tempfile.TemporaryDirectory() as root:
        prefix = root + "/usr"
        make("install", "", prefix)
        unit = prefix + "/lib/systemd/system/flagstone.service"
        text = read(unit)
        assert "@bin" not in text and "@sys" not in text.replace("@system-service", ""), text
        command = re.search(r"^ExecStart=(.*)$", text, re.M).group(1).split()
        done = subprocess.run([command[0], "--check-conf", *command[1:]], capture_output=True, text=True)
        assert done.stdout == "The configuration is right.\n", done
        # Clients, 32 files, and four for each of 256 workers at most: see server/listener.c.
        clients = int(re.search(r"^maxclients (\d+)$", read(command[1]), re.M).group(1))
        assert int(re.search(r"^LimitNOFILE=(\d+)$", text, re.M).group(1)) >= clients + 32 + 4 * 256
        patience = int(re.search(r"^shutdown-timeout (\d+)$", read(command[1]), re.M).group(1))
        assert int(re.search(r"^TimeoutStopSec=(\d+)$", text, re.M).group(1)) > patience
        analyze = shutil.which("systemd-analyze")
        if not analyze:
            raise Skip("there is no systemd-analyze here")
        done = subprocess.run([analyze, "verify", "--man=no", unit], capture_output=True, text=True)
        assert "flagstone" not in done.stderr and done.returncode == 0, done.stderr


def test_manual_page():
    with tempfile.TemporaryDirectory() as root:
        make("install", root, "/usr/local")
        path = root + "/usr/local/share/man/man1/flagstone-server.1"
        text = read(path)
        assert "/usr/local/etc/flagstone/flagstone.conf" in text
        conf = read(os.path.join(TREE, "conf/flagstone.conf"))
        names = re.findall(r"^([a-z][a-z0-9-]+) ", conf, re.M)
        assert len(names) > 50
        for name in names:
            assert "\n.It Cm " + name.replace("-", "\\-") + "\n" in text, f"{name} is missing"
        done = run_program("mandoc", ["mandoc"], "-T", "lint", path)
        # That other packages' pages are not in this machine's index says nothing about ours.
        complaints = [line for line in done.stdout.splitlines()
                      if not re.search(r"mandoc\.db|: referenced manual", line)]
        assert not complaints, "\n".join(complaints)


def test_log_rotation():
    with tempfile.TemporaryDirectory() as root:
        log, pidfile = root + "/log/flagstone.log", root + "/pid"
        os.mkdir(root + "/log")
        with cases.Server("--logfile", "") as plain:  # a server that logs to a file is not seen to be ready
            port = str(plain.port)
        child = subprocess.Popen([SERVER, "--port", port, "--logfile", log, "--pidfile", pidfile])
        try:
            until(lambda: os.path.exists(log) and "Ready to accept" in read(log), "the server starts")
            rules = read(os.path.join(TREE, "conf/flagstone.logrotate"))
            rules = rules.replace("/var/log/flagstone/", root + "/log/").replace("/var/run/flagstone.pid", pidfile)
            rules = rules.replace("/run/systemd/system", root + "/none")  # by the pid file
            rules = re.sub(r"^ *(su|create) .*\n", "", rules, flags=re.M)  # the user may not exist here
            rules = rules.replace("weekly", "weekly\n    nocreate")
            write(root + "/rules", rules)
            os.chmod(root + "/rules", 0o644)
            os.chmod(root + "/log", 0o755)
            done = run_program("logrotate", ["logrotate", "libpopt0"], "--force", "--state", root + "/state",
                               root + "/rules")
            assert done.returncode == 0 and "error" not in done.stderr, done.stderr
            until(lambda: os.path.exists(log) and "the log was opened anew" in read(log), "the log is opened anew")
            assert "Ready to accept" in read(log + ".1") and "SIGHUP" not in read(log + ".1")
        finally:
            child.send_signal(signal.SIGTERM)
            child.wait(timeout=cases.DEADLINE_S)


if __name__ == "__main__":
    cases.main(sys.modules[__name__])
