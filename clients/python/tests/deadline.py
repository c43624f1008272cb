"""What the tests share: every test ends within a deadline, a new place per backend, and the store to test against."""

import faulthandler
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import chronik

DEADLINE_S = 60
SERVER = os.environ.get("CHRONIK_TEST_SERVER", "")  # http://HOST:PORT of a chronik-server whose store is this test's alone


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
    if SERVER:
        found["server"] = SERVER
    return found
