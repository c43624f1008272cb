"""Starts the built server, talks to it with kcat, breaks disks under it. Standard library only.

A test file ends with `harness.main()`; its classes derive from SystemTest. Every wait has a deadline, and waits on the
event itself where there is one. What needs root is skipped by name without it.
"""

import contextlib
import ctypes
import fcntl
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
BIN_DIR = Path(os.environ.get("CHRONIK_BIN_DIR", REPO / "build/release/bin"))
READY = re.compile(r"^ready kafka=(\S+) admin=(\S+)")
SKIPPED = 77

# Under a sanitizer, and beside other tests on two cores, everything takes longer.
DEADLINE_S = 60.0


class Skip(unittest.SkipTest):
    """Raised with the reason when this machine cannot run a test."""


def wait_until(event, deadline_s=DEADLINE_S, what="the event"):
    """Waits for a threading.Event, or for a callable to become true, and returns its value.

    A callable is asked again every 20 ms: only for what gives no event (another process's files, say).
    """
    if isinstance(event, threading.Event):
        if not event.wait(deadline_s):
            raise AssertionError(f"{what} did not happen within {deadline_s} s")
        return True
    end = time.monotonic() + deadline_s
    while True:
        value = event()
        if value:
            return value
        if time.monotonic() >= end:
            raise AssertionError(f"{what} did not happen within {deadline_s} s")
        time.sleep(0.02)


def wait_for_count(count, target, stall_s=DEADLINE_S, what="the count"):
    """Waits until count() is target: as long as it grows, for how fast a disk is proves nothing. Asked every 20 ms."""
    seen, since = count(), time.monotonic()
    while seen != target:
        if time.monotonic() - since >= stall_s:
            raise AssertionError(f"{what}: {seen} of {target}, and no more for {stall_s} s")
        time.sleep(0.02)
        now = count()
        if now > seen:
            since = time.monotonic()
        seen = now


def need_root(why):
    if os.geteuid() != 0:
        raise Skip(f"needs root: {why}")


def need_tool(name):
    if shutil.which(name) is None:
        raise Skip(f"needs {name}")


def run(command, deadline_s=DEADLINE_S, check=True, **options):
    """A command's outcome; its output is text, its standard input is empty unless given."""
    if "input" not in options:
        options.setdefault("stdin", subprocess.DEVNULL)
    given = options.pop("input", None)
    if given is not None:
        options["stdin"] = subprocess.PIPE
    command = [str(part) for part in command]
    # In a group of its own: what it started in turn must not hold its pipes open for ever.
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, **options)
    try:
        out, err = process.communicate(given, timeout=deadline_s)
    except BaseException as failure:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        said = "".join(process.communicate())
        if not isinstance(failure, subprocess.TimeoutExpired):
            raise
        raise AssertionError(f"{' '.join(command)} did not end within {deadline_s} s; it said: {said}") from None
    if check and process.returncode != 0:
        raise AssertionError(f"{' '.join(command)} ended with {process.returncode}: {out}{err}")
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def fetch(command, what, deadline_s, **options):
    """Runs an installer; a registry out of reach, or one that hangs, skips, with the end of what was said."""
    try:
        done = run(command, deadline_s=deadline_s, check=False, **options)
    except AssertionError as late:
        raise Skip(f"{what} cannot be fetched: {str(late)[-300:]}") from None
    if done.returncode != 0:
        raise Skip(f"{what} cannot be fetched: {(done.stderr or done.stdout).strip()[-300:]}")


class Broker:
    """One chronik-server process on ports the kernel chose. start() returns once it serves."""

    def __init__(self, data_dir, args=(), program=None):
        self.data_dir = Path(data_dir)
        self.args = [str(arg) for arg in args]
        self.program = [str(part) for part in (program or [BIN_DIR / "chronik-server"])]
        self.kafka = self.admin = None  # HOST:PORT, once ready
        self._held = []  # sockets that keep its ports for it while it is down
        self.process = None
        self.lines = []  # standard output and error of every run, in order
        self._changed = threading.Condition()
        self._open_pipes = 0

    def start(self, deadline_s=DEADLINE_S, same_ports=False):
        """same_ports: for clients that are to find the server again after a restart."""
        if self.process is not None:
            raise RuntimeError("already running")
        if not same_ports:
            self._let_go()
            kafka, admin = (self._hold_port() for _ in range(2))
        else:
            kafka, admin = self.kafka, self.admin
        command = [*self.program, "--data-dir", str(self.data_dir), "--listen", kafka, "--admin", admin, *self.args]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            errors="replace")
        self._open_pipes = 2
        first_line = len(self.lines)
        for pipe in (self.process.stdout, self.process.stderr):
            threading.Thread(target=self._collect, args=(pipe,), daemon=True).start()
        try:
            found = self.wait_for_line(READY, deadline_s, since=first_line)
        except AssertionError:
            self.kill()
            raise
        self.kafka, self.admin = found.groups()
        return self

    def _hold_port(self):
        """HOST:PORT that no other process is given until _let_go. A bound socket that does not listen lets the server listen, which
        sets SO_REUSEADDR as well; while the server is down, connections are refused."""
        held = socket.socket()
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        self._held.append(held)
        return f"127.0.0.1:{held.getsockname()[1]}"

    def _let_go(self):
        while self._held:
            self._held.pop().close()

    def _collect(self, pipe):
        with pipe:
            for line in pipe:
                with self._changed:
                    self.lines.append(line.rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._open_pipes -= 1
            self._changed.notify_all()

    def wait_for_line(self, pattern, deadline_s=DEADLINE_S, since=0):
        """The first match in what the server printed, from line `since` on; fails at once if the server ends first."""
        pattern = re.compile(pattern)
        end = time.monotonic() + deadline_s
        with self._changed:
            while True:
                for line in self.lines[since:]:
                    found = pattern.search(line)
                    if found:
                        return found
                since = len(self.lines)
                if self._open_pipes == 0:
                    code = self.process.wait(DEADLINE_S)
                    raise AssertionError(f"the server ended with {code} before it printed {pattern.pattern!r}")
                if not self._changed.wait(max(0.0, end - time.monotonic())) and time.monotonic() >= end:
                    raise AssertionError(f"the server did not print {pattern.pattern!r} within {deadline_s} s")

    def running(self):
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self):
        return self.process.pid

    def stop(self, deadline_s=DEADLINE_S):
        """SIGTERM; fails unless the server then ends by itself with exit code 0."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the server did not stop within {deadline_s} s of SIGTERM") from None
        self._reaped()
        if code != 0:
            raise AssertionError(f"the server ended with {code} after SIGTERM")

    def kill(self, deadline_s=DEADLINE_S):
        """kill -9. (A process with an operation frozen in the kernel ends only when it thaws.)"""
        self.process.kill()
        self.process.wait(deadline_s)
        self._reaped()

    def restart(self, kill=False, **options):
        if kill:
            self.kill()
        else:
            self.stop()
        return self.start(**options)

    def finish(self):
        """At the end of a test: stops it; a server that had ended by itself is a failure."""
        self._let_go()
        if self.process is None:
            return
        if not self.running():
            code = self.process.wait()
            self._reaped()
            raise AssertionError(f"the server had ended by itself, with {code}")
        self.stop()

    def _reaped(self):
        self.process = None
        with self._changed:
            self._changed.wait_for(lambda: self._open_pipes == 0, DEADLINE_S)

    def metric(self, name):
        """The values of one metric, by its labels, once every shard has answered a scrape in time."""
        end = time.monotonic() + DEADLINE_S
        while True:
            with urllib.request.urlopen(f"http://{self.admin}/metrics", timeout=20) as answer:
                rows = [line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if not line.startswith("#")]
            if all(value != "0" for labels, value in rows if labels.startswith("chronik_shard_up")):
                return {labels: float(value) for labels, value in rows if labels.split("{")[0] == name}
            if time.monotonic() > end:
                raise AssertionError(f"a shard did not answer for {DEADLINE_S} s")

    def log(self, last=200):
        with self._changed:
            return "\n".join(self.lines[-last:])


def no_wait_is_overdue(broker):
    """One that is due counts until its turn comes; a wait that nobody ends stays."""
    wait_until(lambda: set(broker.metric("chronik_waits_overdue").values()) == {0.0}, what="an end of overdue waits")


# kcat, as a user would call it.


def kcat(broker, *args, input=None, deadline_s=DEADLINE_S, check=True):
    need_tool("kcat")
    options = {} if input is None else {"input": input}
    return run(["kcat", "-b", broker.kafka, *args], deadline_s, check, **options)


def produce(broker, topic, lines, *args, deadline_s=DEADLINE_S):
    """Each line is one record; returns once all are acknowledged by all replicas."""
    text = "".join(f"{line}\n" for line in lines)
    kcat(broker, "-P", "-t", topic, "-X", "acks=all", *args, input=text, deadline_s=deadline_s)


def consume(broker, topic, *args, deadline_s=DEADLINE_S):
    """Every record of a topic from its beginning to its present end, as lines."""
    return kcat(broker, "-C", "-q", "-e", "-t", topic, "-o", "beginning", *args, deadline_s=deadline_s).stdout.splitlines()


# Disks that fill, stall and fail; all need root.


def mount(case, arguments, directory):
    need_root("mount")
    done = run(["mount", *arguments, directory], check=False)
    if done.returncode != 0:
        raise Skip(f"mount is refused here: {done.stderr.strip()}")
    case.addCleanup(run, ["umount", "--lazy", directory])
    return directory


def tmpfs(case, size):
    """A directory on a disk of `size` bytes (\"8m\" will do): fill it, and there is no space left."""
    return mount(case, ["-t", "tmpfs", "-o", f"size={size}", "tmpfs"], case.new_dir("tmpfs"))


def ext4(case, size_mb=64):
    """A directory on an ext4 of its own, in a loop-mounted file."""
    need_root("a loop device")
    need_tool("mkfs.ext4")
    image = case.new_dir("image") / "ext4"
    with open(image, "wb") as file:
        file.truncate(size_mb << 20)
    run(["mkfs.ext4", "-q", "-F", image])
    return mount(case, ["-o", "loop", image], case.new_dir("ext4"))


class Frozen:
    """`with Frozen(directory):` every write to its file system stalls; thawed at the end whatever happens."""

    def __init__(self, directory):
        self.directory = directory

    def __enter__(self):
        done = run(["fsfreeze", "--freeze", self.directory], check=False)
        if done.returncode != 0:
            raise Skip(f"fsfreeze is refused here: {done.stderr.strip()}")
        return self

    def __exit__(self, *_):
        run(["fsfreeze", "--unfreeze", self.directory])


def shut_down(directory, flush_log=False):
    """EXT4_IOC_SHUTDOWN: from here on every operation on that file system answers EIO."""
    ioc_shutdown = 0x8004587D  # _IOR('X', 125, __u32)
    flags = ctypes.c_uint32(1 if flush_log else 2)  # EXT4_GOING_FLAGS_LOGFLUSH, _NOLOGFLUSH
    fd = os.open(directory, os.O_RDONLY)
    try:
        fcntl.ioctl(fd, ioc_shutdown, flags)
    except OSError as error:
        raise Skip(f"EXT4_IOC_SHUTDOWN is refused here: {error}") from None
    finally:
        os.close(fd)


class SystemTest(unittest.TestCase):
    """Directories and brokers that are gone after the test; the brokers' logs are shown if it failed."""

    def run(self, result=None):
        self._brokers = []
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            for broker in self._brokers:
                print(f"--- the server printed ({broker.data_dir}):\n{broker.log()}\n---", file=sys.stderr)

    def new_dir(self, name="dir"):
        path = Path(tempfile.mkdtemp(prefix=f"chronik-{name}-"))
        self.addCleanup(shutil.rmtree, path, ignore_errors=True)
        return path

    def new_broker(self, *args, data_dir=None, program=None):
        """A broker that is not started yet; `args` are added to its command line."""
        broker = Broker(data_dir or self.new_dir("data"), args, program)
        self._brokers.append(broker)
        self.addCleanup(broker.finish)
        return broker

    def start_broker(self, *args, **options):
        return self.new_broker(*args, **options).start()


def main():
    """unittest.main, with exit code 77 if every test was skipped."""
    outcome = unittest.main(exit=False, verbosity=2).result
    for _, reason in outcome.skipped:
        print(f"skipped: {reason}", flush=True)
    if not outcome.wasSuccessful():
        sys.exit(1)
    sys.exit(SKIPPED if outcome.testsRun and len(outcome.skipped) == outcome.testsRun else 0)
