"""The two servers that are compared, and the driver that speaks to each: Apache Kafka with its own classes, from Maven
Central into build/kafka-server, and Chronik. All on the loop-back address, on ports that are free."""

import contextlib
import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPO = HERE.parents[1]
sys.path.insert(0, str(REPO / "tests" / "system"))

import harness  # noqa: E402

VERSION = os.environ.get("KAFKA_VERSION", "4.1.0")  # differences.json is about the default
JARS = REPO / "build" / "kafka-server" / VERSION
DRIVER = REPO / "build" / "kafka-server" / "driver"

# What both are told, by the name both know; the rest is each server's default.
SETTINGS = {
    "node.id": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "group.initial.rebalance.delay.ms": "0",
    "group.consumer.max.size": "3",
    "group.max.size": "3",
}
# What Kafka needs to be said and Chronik, on one node, does by itself; and features that Chronik does not have.
KAFKA_ONLY = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "num.io.threads": "2",
    "num.network.threads": "2",
    "log.cleaner.dedupe.buffer.size": "2097152",
    "log.initial.task.delay.ms": "3600000",
}


def fetch():
    """Kafka's jars and the compiled driver, made once; harness.Skip where this machine cannot."""
    for tool in ("java", "javac", "mvn"):
        harness.need_tool(tool)
    (REPO / "build").mkdir(exist_ok=True)
    with open(REPO / "build" / ".kafka-server.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (JARS / "complete").exists():
            shutil.rmtree(JARS, ignore_errors=True)
            harness.fetch(["mvn", "-q", "-B", "-f", HERE / "pom.xml", f"-Dkafka.version={VERSION}",
                           "dependency:copy-dependencies", f"-DoutputDirectory={JARS}"], f"Apache Kafka {VERSION}", deadline_s=300)
            (JARS / "complete").touch()
        source, built = HERE / "Driver.java", DRIVER / "Driver.class"
        if not built.exists() or built.stat().st_mtime < source.stat().st_mtime:
            DRIVER.mkdir(parents=True, exist_ok=True)
            harness.run(["javac", "-nowarn", "-cp", f"{JARS}/*", "-d", DRIVER, source], deadline_s=120)


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def java(*arguments, heap="512m"):
    # Short runs: the first compiler is enough, and one collector thread leaves the other core to the other server.
    return ["java", f"-Xmx{heap}", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", *arguments]


@contextlib.contextmanager
def kafka():
    """A fresh Apache Kafka; gives its address."""
    directory = Path(tempfile.mkdtemp(prefix="chronik-kafka-"))
    port, controller = free_ports(2)
    settings = {**SETTINGS, **KAFKA_ONLY, "log.dirs": str(directory / "data"),
                "controller.quorum.voters": f"1@127.0.0.1:{controller}",
                "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}"}
    properties = directory / "server.properties"
    properties.write_text("".join(f"{key}={value}\n" for key, value in settings.items()), encoding="utf-8")
    harness.run(java("-cp", f"{JARS}/*", "kafka.tools.StorageTool", "format", "-t", "4L6g3nShT-eMCtK--X86sw", "-c", properties),
                deadline_s=60)
    with open(directory / "log", "w", encoding="utf-8") as log:
        process = subprocess.Popen(java("-cp", f"{JARS}/*", "kafka.Kafka", str(properties)), stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=subprocess.STDOUT)
    try:
        def answers():
            if process.poll() is not None:
                raise AssertionError(f"Kafka ended with {process.returncode}: {(directory / 'log').read_text()[-2000:]}")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return True
            return False

        harness.wait_until(answers, 60, "Apache Kafka's first answer")
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()  # its data is thrown away: nothing to close cleanly
        process.wait(30)
        shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def chronik():
    """A fresh Chronik; gives its address."""
    directory = Path(tempfile.mkdtemp(prefix="chronik-data-"))
    arguments = [part for key, value in SETTINGS.items() for part in ("--set", f"{key}={value}")]
    broker = harness.Broker(directory, arguments)
    try:
        broker.start()
        yield broker.kafka
        broker.finish()
    except BaseException:
        print(f"--- chronik-server printed:\n{broker.log()}\n---", file=sys.stderr)
        raise
    finally:
        if broker.running():
            broker.kill()
        shutil.rmtree(directory, ignore_errors=True)


class Driver:
    """One process of Driver.java, for one server."""

    def __init__(self, address):
        self.process = subprocess.Popen(java("-cp", f"{DRIVER}:{JARS}/*", "Driver", address, heap="128m"),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def ask(self, **command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError("the driver ended")
        return json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
