"""The clients: where each comes from (pinned), what it needs, how its program in this directory is built and called.

Everything goes to build/interop/CLIENT. A missing tool chain, or one too old, is a harness.Skip with its name.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import harness

HERE = Path(__file__).resolve().parent
BUILD = harness.REPO / "build" / "interop"
INSTALL_DEADLINE_S = 900


@dataclass(frozen=True)
class Client:
    name: str
    label: str
    version: str
    make: Callable  # (Client) -> the beginning of a command; SCENARIO ADDRESS SECONDS are added

    def install(self):
        return self.make(self)


def need(*tools):
    """Skips with the name of a tool chain that is not here."""
    for tool in tools:
        if shutil.which(tool) is None:
            raise harness.Skip(f"no {tool}")


def need_version(command, pattern, least):
    """Skips if a tool is older than `least`, a tuple."""
    need(command[0])
    said = harness.run(command).stdout
    found = re.search(pattern, said)
    version = tuple(map(int, found.groups())) if found else ()
    if version < least:
        raise harness.Skip(f"{command[0]} {'.'.join(map(str, version))} is too old, needs {'.'.join(map(str, least))}")


@contextlib.contextmanager
def installing(name, *inputs):
    """Yields (directory, fresh): `fresh` unless this was built from the same files and versions before. Tests that run at the
    same time wait for each other."""
    directory = BUILD / name
    directory.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    for part in inputs:
        digest.update(part.read_bytes() if isinstance(part, Path) else str(part).encode())
    stamp = directory / ".stamp"
    with open(directory / ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        fresh = not stamp.exists() or stamp.read_text(encoding="utf-8") != digest.hexdigest()
        yield directory, fresh
        stamp.write_text(digest.hexdigest(), encoding="utf-8")


def fetch(command, what, **options):
    """Runs an installer; a registry out of reach, or one that hangs, skips."""
    harness.fetch(["nice", *command], what, INSTALL_DEADLINE_S, **options)


def compile_with(command, **options):
    harness.run(["nice", *command], deadline_s=INSTALL_DEADLINE_S, **options)


def python(program, *packages):
    """tests/interop/python/<program>.py in a virtual environment with these packages."""

    def make(client):
        with installing(client.name, *packages) as (directory, fresh):
            venv = directory / "venv"
            if fresh:
                shutil.rmtree(venv, ignore_errors=True)
                compile_with([sys.executable, "-m", "venv", venv])
                fetch([venv / "bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages], client.label)
        return [venv / "bin/python", HERE / "python" / f"{program}.py"]

    return make


JAVA_FAST = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]


def fetch_jars(client, jars, profile=None):
    """The jars that java/pom.xml names, and those of one of its profiles."""
    shutil.rmtree(jars, ignore_errors=True)
    fetch(["mvn", "-q", "-B", "-f", HERE / "java" / "pom.xml", *([f"-P{profile}"] if profile else []), "dependency:copy-dependencies",
           f"-DoutputDirectory={jars}"], client.label)


def java(main, profile=None):
    """tests/interop/java/<main>.java."""

    def make(client):
        need("java", "javac", "mvn")
        source = HERE / "java" / f"{main}.java"
        with installing(client.name, HERE / "java" / "pom.xml", source) as (directory, fresh):
            jars, classes = directory / "jars", directory / "classes"
            if fresh:
                fetch_jars(client, jars, profile)
                shutil.rmtree(classes, ignore_errors=True)
                compile_with(["javac", "-cp", f"{jars}/*", "-d", classes, source])
        return ["java", *JAVA_FAST, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{classes}:{jars}/*", main]

    return make


def kcat(_):
    """Debian's kcat and librdkafka, which a Python program drives."""
    need("kcat")
    return [sys.executable, HERE / "tools" / "kcat.py"]


def kafka_tools(client):
    """Kafka's command-line tools, which a Python program starts as Kafka's scripts would."""
    need("java", "mvn")
    with installing(client.name, HERE / "java" / "pom.xml") as (directory, fresh):
        if fresh:
            fetch_jars(client, directory / "jars", "tools")
    return [sys.executable, HERE / "tools" / "kafka_tools.py", directory / "jars"]


def go(program):
    """tests/interop/go/<program>, built with the versions that its go.mod pins."""

    def make(client):
        source = HERE / "go"
        need_version(["go", "version"], r"go(\d+)\.(\d+)", _go_at_least(source / "go.mod"))
        files = [source / "go.mod", source / "go.sum", *sorted((source / "scenario").glob("*.go")), *sorted((source / program).glob("*.go"))]
        with installing(client.name, *files) as (directory, fresh):
            if fresh:
                fetch(["go", "mod", "download"], client.label, cwd=source)
                compile_with(["go", "build", "-o", directory / program, f"./{program}"], cwd=source)
        return [directory / program]

    return make


def node(program):
    """tests/interop/js/<program>.js with the packages of its package-lock.json."""

    def make(client):
        need("node", "npm")
        files = [HERE / "js" / name for name in ("package.json", "package-lock.json", f"{program}.js")]
        with installing(client.name, *files) as (directory, fresh):
            if fresh:
                for file in files:
                    shutil.copy(file, directory)
                fetch(["npm", "ci", "--silent", "--no-audit", "--no-fund"], client.label, cwd=directory)
        return ["node", directory / f"{program}.js"]

    return make


def cargo(client):
    """tests/interop/rust; its librdkafka is compiled from source, through ccache where that is installed."""
    need("make", "cc")
    need_version(["cargo", "--version"], r"cargo (\d+)\.(\d+)", (1, 85))
    source = HERE / "rust"
    with installing(client.name, source / "Cargo.toml", source / "Cargo.lock", *sorted((source / "src").glob("*.rs"))) as (directory, fresh):
        if fresh:
            environment = {**os.environ, "CARGO_TARGET_DIR": str(directory)}
            if shutil.which("ccache"):
                environment["CC"] = "ccache cc"
            fetch(["cargo", "fetch", "--locked", "-q"], client.label, cwd=source, env=environment)
            compile_with(["cargo", "build", "--locked", "-q"], cwd=source, env=environment)
    return [directory / "debug" / "chronik-interop"]


def _go_at_least(mod):
    return tuple(map(int, re.search(r"^go (\d+)\.(\d+)", mod.read_text(encoding="utf-8"), re.M).groups()))


KAFKA = "4.1.2"  # as in java/pom.xml

CLIENTS = [
    Client("java", "Java kafka-clients", KAFKA, java("Interop")),
    Client("confluent-kafka", "confluent-kafka for Python (librdkafka 2.16)", "2.16.1",
           python("confluent", "confluent-kafka==2.16.1")),
    Client("kcat", "kcat (Debian's librdkafka 2.0, C)", "1.7.1", kcat),
    Client("kafka-python", "kafka-python", "3.0.12",
           python("kafka_python", "kafka-python==3.0.12", "lz4==4.4.5", "zstandard==0.25.0", "python-snappy==0.7.3")),
    Client("aiokafka", "aiokafka", "0.14.0", python("aio_kafka", "aiokafka==0.14.0", "cramjam==2.14.0", "async-timeout==5.0.1")),
    Client("franz-go", "franz-go", "1.22.2", go("franz")),
    Client("sarama", "sarama", "1.61.1", go("sarama")),
    Client("kafka-go", "segmentio kafka-go", "0.4.51", go("segmentio")),
    Client("kafkajs", "KafkaJS", "2.2.4", node("kafkajs")),
    Client("rdkafka-rust", "rdkafka for Rust (librdkafka 2.12)", "0.39.0", cargo),
    Client("kafka-tools", "Kafka's command-line tools", KAFKA, kafka_tools),
    Client("kafka-streams", "Kafka Streams", KAFKA, java("Streams", "streams")),
]
