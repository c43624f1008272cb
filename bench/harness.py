"""What every measure needs: starting servers and ending them by their pid, running chronik-bench, medians."""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import statistics
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
READY_S = 60


class Failure(Exception):
    """A run that failed: one line."""


class Server:
    """A process that says `ready kafka=HOST:PORT`; the head of a process group of its own."""

    def __init__(self, command, log):
        self.command = command
        self.started = time.monotonic()
        with open(log, "ab") as sink:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=sink, stdin=subprocess.DEVNULL, start_new_session=True, text=True)
        self.address = self._await_ready(log)
        self.ready_s = time.monotonic() - self.started

    def _await_ready(self, log):
        timer = Deadline(self, READY_S)
        for line in self.process.stdout:
            if line.startswith("ready kafka="):
                timer.cancel()
                return line.split()[1].removeprefix("kafka=")
        timer.cancel()
        self.process.wait()
        raise Failure(f"{shlex.join(self.command)} ended before it was ready, see {log}")

    def pids(self):
        """The process and its descendants (the reference runs below a shell)."""
        children = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                text = stat.read_text()
            except OSError:
                continue
            parent = int(text.rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(stat.parent.name))
        found, queue = [], [self.process.pid]
        while queue:
            pid = queue.pop()
            found.append(pid)
            queue += children.get(pid, [])
        return found

    def resident_mib(self):
        return sum(status_numbers(f"/proc/{pid}/status", "VmRSS") for pid in self.pids()) / 1024

    def switches(self):
        """Voluntary context switches so far, by thread."""
        tasks = (task for pid in self.pids() for task in Path(f"/proc/{pid}").glob("task/*"))
        return {task.name: status_numbers(task / "status", "voluntary_ctxt_switches") for task in tasks}

    def wakeups_per_s(self, seconds):
        """Sampled often, since a thread that ends takes its count along: it loses a quarter of a second, and counts once."""
        start, total, before = time.monotonic(), 0, self.switches()
        while time.monotonic() - start < seconds:
            time.sleep(0.25)
            now = self.switches()
            total += sum(max(0, count - before.get(thread, 0)) for thread, count in now.items())
            total += len(before.keys() - now.keys())
            before = now
        return total / (time.monotonic() - start)

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stop()


def status_numbers(path, key):
    """The number behind `key` in a /proc status file; 0 when the process or thread has ended meanwhile."""
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(key + ":"))


class Deadline:
    """Kills a server that does not become ready, so that reading its output ends."""

    def __init__(self, server, seconds):
        self.timer = threading.Timer(seconds, server.kill)
        self.timer.daemon = True
        self.timer.start()

    def cancel(self):
        self.timer.cancel()


@dataclass
class Row:
    """One line of the table. `ok` is None where the issue sets no gate."""
    measure: str
    what: str
    ours: str
    against: str
    ratio: str
    gate: str
    aim: str
    ok: bool | None = None
    data: dict = field(default_factory=dict)


class Bench:
    """The settings of a run, and the commands it has given."""

    def __init__(self, options):
        self.options = options
        self.rounds = options.rounds
        self.quick = options.quick
        self.tool = str(options.build / "bin" / "chronik-bench")
        self.work = options.dir.resolve()
        self.commands = {}  # measure -> commands, in order, each once
        self.measure = ""
        self.counter = 0
        self.ports = []

    def free_port(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.ports.append(probe.getsockname()[1])
        return self.ports[-1]

    def fresh_dir(self, name):
        self.counter += 1
        path = self.work / f"{name}-{self.counter}"
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return path

    def note(self, command):
        text = shlex.join(str(word) for word in command)
        for known, name in ((str(self.work), "DIR"), (str(ROOT) + "/", ""), (str(ROOT), ".")):
            text = text.replace(known, name)
        # What differs between rounds only: the number of the directory, the port.
        text = re.sub(r"(DIR/[\w-]+?)-\d+\b", r"\1", text)
        text = re.sub("|".join(rf"\b{port}\b" for port in self.ports) or "$^", "PORT", text)
        known = self.commands.setdefault(self.measure, [])
        if text not in known:
            known.append(text)

    def server_command(self, data, extra=()):
        if self.options.server:
            return [word.replace("{dir}", str(data)).replace("{port}", str(self.free_port()))
                    for word in shlex.split(self.options.server)]
        words = [str(self.options.build / "bin" / "chronik-server"), "--data-dir", str(data),
                 "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
        for setting in [*self.options.set, *extra]:
            words += ["--set", setting]
        return words

    def start(self, data, extra=()):
        command = self.server_command(data, extra)
        self.note(command)
        return Server(command, self.work / "server.log")

    def start_mock(self, *topics):
        command = [self.tool, "mock"]
        for topic in topics:
            command += ["--topic", topic]
        self.note(command)
        return Server(command, self.work / "mock.log")

    def start_kafka(self, data):
        command = [str(ROOT / "bench" / "kafka_reference.sh"), "start", str(data), str(self.free_port())]
        self.note(command)
        return Server(command, self.work / "kafka.log")

    def alternate(self, sides):
        """Runs all sides in each round, first in this order, then in the reverse. `sides`: (list to append to, function).

        Before each one the kernel's dirty pages are written out: else the disk would still be busy with the work of the side
        before, which makes the raw baseline look slow and the ratio good.
        """
        for round_number in range(self.rounds):
            for kept, measure in sides if round_number % 2 == 0 else sides[::-1]:
                os.sync()
                kept.append(measure(round_number))

    def run(self, *words, shown=None):
        """chronik-bench WORDS --json; the object it printed. `shown`: words as documented, where they change per round."""
        command = [self.tool, *(str(word) for word in words)]
        at = command.index("--") if "--" in command else len(command)
        full = [*command[:at], "--json", *command[at:]]
        self.note([self.tool, *shown] if shown else command)
        done = subprocess.run(full, capture_output=True, text=True, timeout=1800)
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or ["no output"]
            raise Failure(f"{lines[-1]} ({len(lines)} lines; first: {lines[0]})" if len(lines) > 1 else lines[-1])
        return json.loads(done.stdout)

    def load(self, server, topic, *words):
        """produce or e2e against a server, quietly, noted with ADDRESS and TOPIC for what differs between rounds."""
        verb, rest = words[0], [str(word) for word in words[1:]]
        quiet = ["--quiet"] if verb in ("produce", "e2e", "consume") else []
        return self.run(verb, "--bootstrap", server.address, "--topic", topic, *rest, *quiet,
                        shown=[verb, "--bootstrap", "ADDRESS", "--topic", "TOPIC", *rest, *quiet])


def median(values):
    return statistics.median(values)


def spread(values, form="{:.2f}"):
    """median (lowest-highest)"""
    return f"{form.format(median(values))} ({form.format(min(values))}–{form.format(max(values))})"


def rate(value):
    return f"{value:,.0f}"
