"""What the tests share: every test ends within a deadline, a new place per backend, and the store to test against."""

import atexit
import faulthandler
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import chronik

DEADLINE_S = 200  # what a busy machine may take; those who start these tests allow more
BIN_DIR = os.environ.get("CHRONIK_BIN_DIR", "")  # has chronik-server; without it, what needs one is skipped
needs_server = unittest.skipUnless(BIN_DIR, "CHRONIK_BIN_DIR does not say where chronik-server is")


class Server:
    """A chronik-server process over a directory of its own, on ports the kernel chose."""

    def __init__(self, directory):
        self.directory = directory
        # Bound and not listening: nobody else is given the port while the server is down.
        self._held = socket.socket()
        self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._held.bind(("127.0.0.1", 0))
        self.admin = f"127.0.0.1:{self._held.getsockname()[1]}"
        self.start()

    def start(self):
        """Each time on the same port."""
        self.process = subprocess.Popen([f"{BIN_DIR}/chronik-server", "--data-dir", str(self.directory), "--listen", "127.0.0.1:0",
                                         "--admin", self.admin], stdout=subprocess.PIPE, text=True)
        self.admin = re.search(r"^ready .*admin=(\S+)", self.process.stdout.readline())[1]
        self.url = f"http://{self.admin}"

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


_shared = []


def server_url():
    """Of one server that the tests of this process share."""
    if not _shared:
        directory = tempfile.mkdtemp(prefix="chronik-python-server-")
        atexit.register(shutil.rmtree, directory, ignore_errors=True)
        _shared.append(Server(directory))
        atexit.register(_shared[0].kill)
    return _shared[0].url


def wait_until(holds):
    """Asks every 10 ms, for what gives no event; the test's own deadline ends it."""
    while not holds():
        time.sleep(0.01)


class Case(unittest.TestCase):
    """A test that takes longer than DEADLINE_S prints where every thread stands, and fails."""

    def setUp(self):
        faulthandler.dump_traceback_later(DEADLINE_S, exit=True)
        self.addCleanup(faulthandler.cancel_dump_traceback_later)
        self.dir = Path(tempfile.mkdtemp(prefix="chronik-python-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def open(self, where, **options):
        store = chronik.open(where, **options)
        self.addCleanup(store.close)
        return store

    def python(self, program, *args, **options):
        """Starts a Python of the same environment; it is gone at the end of the test."""
        process = subprocess.Popen([sys.executable, "-c", program, *map(str, args)], stdout=subprocess.PIPE, text=True, **options)

        def end():
            process.kill()
            process.communicate()

        self.addCleanup(end)
        return process


def places(directory):
    """Where a store can be: every embedded backend, and the server if there is one."""
    found = {"memory": "memory:", "sqlite": f"sqlite:{directory}/store.db", "log": f"{directory}/log"}
    if BIN_DIR:
        found["server"] = server_url()
    return found
