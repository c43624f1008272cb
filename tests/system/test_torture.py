"""The workloads and checkers of the simulator against a real server: kill -9, SIGSTOP, other shard counts, a full disk."""
# ctest: timeout=300 serial

import os
import subprocess
import tempfile
import unittest

import harness


class Torture(unittest.TestCase):
    def torture(self, directory, *more):
        words = [str(harness.BIN_DIR / "chronik-torture"), "--minutes", "0.3", "--dir", directory, "--quiet", *more]
        done = subprocess.run(words, capture_output=True, text=True, timeout=280)
        if done.returncode == 77:
            self.skipTest(done.stdout.strip())
        self.assertEqual(done.returncode, 0, done.stdout[-8000:] + done.stderr[-2000:])
        return done.stdout

    def test_a_real_server_keeps_every_property_under_kills_and_pauses(self):
        with tempfile.TemporaryDirectory(dir=harness.BIN_DIR.parent) as directory:
            said = self.torture(directory, "--seed", "1")
            self.assertIn("kill -9", said)

    def test_a_real_server_keeps_every_property_on_a_disk_that_fills(self):
        if os.geteuid() != 0:
            self.skipTest("mounting a small file system needs root")
        with tempfile.TemporaryDirectory() as directory:
            said = self.torture(directory, "--small-disk", "--seed", "2")
            self.assertIn("full disk", said)


if __name__ == "__main__":
    unittest.main()
