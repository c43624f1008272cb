"""Virtual environments with the wheel of clients/python, each made once per wheel in build/. Tests that run at the same time wait for
each other."""

import contextlib
import fcntl
import hashlib
import os
import shutil

import harness

PACKAGE = harness.REPO / "clients" / "python"
BUILD = harness.REPO / "build"
PYTHON = "/usr/bin/python3"  # the wheel is for Debian's
ENVIRONMENT = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONDONTWRITEBYTECODE": "1",
               "CHRONIK_BIN_DIR": str(harness.BIN_DIR), "CHRONIK_HEADER": str(harness.REPO / "include/chronik/checkpoint.h")}


def wheel():
    found = sorted((BUILD / "python").glob("chronik-*.whl"))
    if not found:
        raise harness.Skip("no wheel: ./dev build python makes it")
    return found[-1]


def make(directory, *packages):
    """An environment with these from their registry, and the wheel; the path of its Python."""
    harness.run([PYTHON, "-m", "venv", directory], deadline_s=120)
    python = directory / "bin" / "python"
    harness.run([python, "-m", "pip", "install", "-q", "--no-index", "--no-deps", wheel()], deadline_s=120, env=ENVIRONMENT)
    if packages:
        harness.fetch([python, "-m", "pip", "install", "-q", *packages], "LangGraph", deadline_s=400, env=ENVIRONMENT)
    return python


def langgraph():
    """A Python with the wheel, LangGraph and its conformance tests."""
    requirements = PACKAGE / "tests" / "requirements.txt"
    directory = BUILD / "venv-langgraph"
    digest = hashlib.sha256(wheel().read_bytes() + requirements.read_bytes()).hexdigest()
    with open(BUILD / ".venv-langgraph.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ready = directory / "ready"
        with contextlib.suppress(FileNotFoundError):
            if ready.read_text(encoding="utf-8") == digest:
                return directory / "bin" / "python"
        shutil.rmtree(directory, ignore_errors=True)
        make(directory, "-r", requirements)
        ready.write_text(digest, encoding="utf-8")
    return directory / "bin" / "python"
