"""A million checkpoints in one session: opened at once, paged through in constant memory, pruned, and the bytes come back."""
# ctest: timeout=180 serial

import json

import harness

COUNT = 1_000_000
KEPT = 1_000
# Of processor time: docs/performance.md holds the opening to 100 ms on a quiet machine, a test beside others proves that the half
# second has not come back that decoding every record took.
OPEN_CPU_MS_MAX = 200


class Million(harness.SystemTest):
    def operation(self, name, *words):
        done = harness.run([harness.BIN_DIR / "chronik-bench", "checkpoints", name, "--dir", self.dir, "--count", COUNT, "--json", *words],
                           deadline_s=120)
        return json.loads(done.stdout)

    def test_a_million_open_page_and_go(self):
        self.dir = self.new_dir("million")
        made = self.operation("fill")
        self.assertEqual(made["checkpoints"], COUNT)
        opened = [self.operation("open") for _ in range(5)]
        print("opening, ms:", [round(one["ms"]) for one in opened], "of processor:", [round(one["cpu_ms"]) for one in opened])
        self.assertLess(min(one["cpu_ms"] for one in opened), OPEN_CPU_MS_MAX)
        paged = self.operation("page")
        self.assertLess(paged["resident_max_kb"] - paged["resident_before_kb"], 8 << 10)
        pruned = self.operation("prune", "--keep", str(KEPT))
        # Open, two files of the write-ahead log stay; closed, what is kept.
        self.assertGreater(pruned["bytes_returned"], made["disk_bytes"] * 0.9)
        self.assertLess(pruned["disk_bytes_closed"], 2 << 20)


if __name__ == "__main__":
    harness.main()
