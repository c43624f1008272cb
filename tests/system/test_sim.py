"""The simulator: one seed is one world, wherever its memory lies and however often it runs."""
# ctest: timeout=300

import re
import subprocess
import unittest

import harness


class Sim(unittest.TestCase):
    def world(self, seed, *before):
        words = [*before, str(harness.BIN_DIR / "chronik-sim"), "--seed", str(seed), "--seeds", "1", "--seconds", "10", "--quiet"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=100)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return re.search(r"trace hash (\w{16})", done.stdout)[1]

    def test_the_same_seed_gives_the_same_trace_in_every_process(self):
        # Each process has its own address-space layout; that of the last is a fixed one.
        for seed in (7, 8):
            hashes = {self.world(seed), self.world(seed), self.world(seed, "setarch", "--addr-no-randomize")}
            self.assertEqual(len(hashes), 1)
        self.assertNotEqual(self.world(7), self.world(8))

    def test_every_state_worth_reaching_is_reached(self):
        # Each kind of world in turn. Which states these are: src/sim/harness/sometimes.h.
        words = [str(harness.BIN_DIR / "chronik-sim"), "--world", "all", "--seed", "1", "--seeds", "36", "--seconds", "20",
                 "--quiet", "--no-shrink", "--sometimes"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=280)
        self.assertEqual(done.returncode, 0, done.stdout[-8000:] + done.stderr[-2000:])


if __name__ == "__main__":
    unittest.main()
