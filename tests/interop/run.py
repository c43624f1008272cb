"""`./dev interop [CLIENT...]`: real clients from their registries against fresh servers; a table client x scenario.

Each client gets a server of its own (temporary data, ephemeral port) and is installed into build/interop/CLIENT once.
Logs of scenarios are in build/interop/logs. Once every client has a result, docs/compatibility.md is written too.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))

import clients  # noqa: E402  (after the path)
import harness  # noqa: E402
import table  # noqa: E402
from scenarios import BY_NAME, LACKS, SCENARIOS  # noqa: E402

RESULTS = clients.BUILD / "results"
LOGS = clients.BUILD / "logs"
# The scenarios have few members: groups form at once, and those of KIP-848 hear of changes soon. kcat cannot say how many
# partitions it wants.
FAST_GROUPS = [part for setting in ("num.partitions=4", "group.initial.rebalance.delay.ms=0",
                                    "group.consumer.heartbeat.interval.ms=200") for part in ("--set", setting)]


@dataclass
class Outcome:
    """One cell: `result` is ok, failed, lacks or skipped."""
    result: str
    reason: str
    seconds: float = 0.0


class Server:
    """A broker and its data, gone at the end of the `with` block."""

    def __enter__(self):
        self.data = Path(tempfile.mkdtemp(prefix="chronik-interop-"))
        self.broker = harness.Broker(self.data, FAST_GROUPS)
        self.broker.start()
        return self.broker

    def __exit__(self, *_):
        try:
            if self.broker.running():
                self.broker.kill()
        finally:
            shutil.rmtree(self.data, ignore_errors=True)


def end(process):
    """Ends a client's program and what it started, whatever state it is in."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def run_scenario(client, command, broker, scenario, load_seconds):
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"{client.name}-{scenario.name}.log"
    started = time.monotonic()
    deadline = started + scenario.deadline_s + (load_seconds if scenario.name == "load" else 0)
    environment = {**os.environ, "CHRONIK_DATA_DIR": str(broker.data_dir), "PYTHONDONTWRITEBYTECODE": "1"}
    lines = []
    going = threading.Event()
    with open(log, "w", encoding="utf-8") as errors:
        process = subprocess.Popen([*map(str, command), scenario.name, broker.kafka, str(load_seconds)], stdout=subprocess.PIPE,
                                   stderr=errors, stdin=subprocess.DEVNULL, text=True, errors="replace", env=environment,
                                   start_new_session=True)

        def collect():
            with process.stdout:
                for line in process.stdout:
                    lines.append(line.rstrip())
                    if line.strip() == "go":
                        going.set()

        reader = threading.Thread(target=collect, daemon=True)
        reader.start()
        late = ""
        try:
            if scenario.name == "load":
                while not going.wait(0.1) and process.poll() is None and time.monotonic() < deadline:
                    pass
                if going.is_set():
                    time.sleep(load_seconds / 2)
                    broker.kill()
                    broker.start(same_ports=True)
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            late = f"no end after {time.monotonic() - started:.0f} s"
        finally:
            end(process)
        reader.join(5)
    with open(log, "a", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    last = next((line for line in reversed(lines) if line), "") or _last_line(log) or f"exit code {process.returncode}"
    result = "failed" if late else {0: "ok", LACKS: "lacks"}.get(process.returncode, "failed")
    said = " · ".join(part for part in (late, last) if part).replace(f"{harness.REPO}/", "")
    return Outcome(result, said[:400], time.monotonic() - started)


def _last_line(log):
    return next((line for line in reversed(log.read_text(encoding="utf-8").splitlines()) if line.strip()), "").strip()


def run_client(client, names=None, load_seconds=30, say=print):
    """Outcome by scenario name; every one `skipped` with the reason if the client cannot be installed here."""
    wanted = [BY_NAME[name] for name in names] if names else SCENARIOS
    try:
        command = client.install()
    except harness.Skip as missing:
        say(f"{client.name}: skipped ({missing})")
        return {scenario.name: Outcome("skipped", str(missing)) for scenario in wanted}
    except AssertionError as broken:
        say(f"{client.name}: cannot be built: {broken}")
        return {scenario.name: Outcome("failed", "cannot be built") for scenario in wanted}
    outcomes = {}
    with Server() as broker:
        for scenario in wanted:
            outcome = run_scenario(client, command, broker, scenario, load_seconds)
            outcomes[scenario.name] = outcome
            say(f"{client.name:18} {scenario.name:13} {outcome.result:7} {outcome.seconds:5.1f} s  {outcome.reason}")
            if not broker.running():
                say(f"{client.name}: THE SERVER ENDED\n{broker.log()}")
                outcome.result, outcome.reason = "failed", "the server ended"
                break
        (LOGS / f"{client.name}-server.log").write_text(broker.log(2000) + "\n", encoding="utf-8")
    return outcomes


def save(client, outcomes):
    """A part of the scenarios replaces only its own cells."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    file = RESULTS / f"{client.name}.json"
    before = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    before.update({name: asdict(outcome) for name, outcome in outcomes.items()})
    file.write_text(json.dumps(before, indent=1), encoding="utf-8")


def load_all():
    found = {}
    for client in clients.CLIENTS:
        file = RESULTS / f"{client.name}.json"
        if file.exists():
            found[client.name] = {name: Outcome(**cell) for name, cell in json.loads(file.read_text(encoding="utf-8")).items()}
    return found


def main():
    by_name = {client.name: client for client in clients.CLIENTS}
    parser = argparse.ArgumentParser(prog="./dev interop", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("client", nargs="*", help="default: all of " + ", ".join(by_name))
    parser.add_argument("--scenario", action="append", choices=list(BY_NAME), help="only this one; may be repeated")
    parser.add_argument("--load-seconds", type=int, default=30, help="length of the load (default 30)")
    parser.add_argument("--list", action="store_true", help="clients and scenarios, then end")
    options = parser.parse_args()
    if options.list:
        for client in clients.CLIENTS:
            print(f"{client.name:18} {client.label} {client.version}")
        for scenario in SCENARIOS:
            print(f"  {scenario.name:13} {scenario.what}")
        return 0
    unknown = [name for name in options.client if name not in by_name]
    if unknown:
        parser.error(f"no client {unknown[0]}; there are {', '.join(by_name)}")
    ran = {}
    for name in options.client or by_name:
        ran[name] = run_client(by_name[name], options.scenario, options.load_seconds, lambda line: print(line, flush=True))
        save(by_name[name], ran[name])
    print()
    print(table.terminal(ran, clients.CLIENTS))
    everything = load_all()
    lacking = [client.name for client in clients.CLIENTS
               if set(everything.get(client.name, {})) != set(BY_NAME)]
    if lacking:
        print(f"docs/compatibility.md left as it was: no result yet for all scenarios of {', '.join(lacking)}")
    else:
        table.write_docs(harness.REPO / "docs" / "compatibility.md", everything, clients.CLIENTS)
        print("docs/compatibility.md written")
    return 1 if any(o.result == "failed" for outcomes in ran.values() for o in outcomes.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
