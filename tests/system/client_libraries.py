"""Client libraries from their registries, each fetched once into build/: Java classes with kafka-clients, Python with
confluent-kafka. Tests that run at the same time wait for each other."""

import contextlib
import fcntl
import os
import shutil
import sys

import harness

CLIENTS = harness.REPO / "tests" / "clients"
BUILD = harness.REPO / "build"


@contextlib.contextmanager
def alone(name):
    BUILD.mkdir(exist_ok=True)
    with open(BUILD / f".{name}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def java(main):
    """The beginning of a command that runs tests/clients/java/<main>.java."""
    for tool in ("java", "javac", "mvn"):
        harness.need_tool(tool)
    jars = BUILD / "java"
    source = CLIENTS / "java" / f"{main}.java"
    with alone("java"):
        if not list(jars.glob("kafka-clients-*.jar")):
            fetched = BUILD / "java-fetched"  # what is in `jars` is whole
            shutil.rmtree(fetched, ignore_errors=True)
            harness.fetch(["mvn", "-q", "-B", "-f", CLIENTS / "java" / "pom.xml", "dependency:copy-dependencies",
                           f"-DoutputDirectory={fetched}"], "kafka-clients", deadline_s=240)
            shutil.rmtree(jars, ignore_errors=True)
            fetched.rename(jars)
        built = jars / f"{main}.class"
        if not built.exists() or built.stat().st_mtime < source.stat().st_mtime:
            harness.run(["javac", "-cp", f"{jars}/*", "-d", jars, source], deadline_s=60)
    return ["java", "-Xmx512m", "-cp", f"{jars}:{jars}/*", main]


def python(version="2.6.1"):
    """A Python that has this version of confluent-kafka."""
    venv = BUILD / f"venv-{version}"
    with alone(f"venv-{version}"):
        if not (venv / "ready").exists():
            shutil.rmtree(venv, ignore_errors=True)
            harness.run([sys.executable, "-m", "venv", venv], deadline_s=60)
            harness.fetch([venv / "bin" / "python", "-m", "pip", "install", "-q", f"confluent-kafka=={version}"],
                          "confluent-kafka", deadline_s=240, env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"})
            (venv / "ready").touch()
    return venv / "bin" / "python"
