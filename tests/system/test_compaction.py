"""A compacted topic that is written and read while it is compacted, through kills: in bounded memory, nothing lost."""
# ctest: timeout=300

import contextlib
import os
import subprocess
import time

import client_libraries
import harness

# On demand: CHRONIK_COMPACTED_MB=5120 tests/system/test_compaction.py
MEGABYTES = int(os.environ.get("CHRONIK_COMPACTED_MB", "256"))
KEYS = 100_000 if MEGABYTES >= 2048 else 20_000
KILLS = 4
RSS_MAX_MB = 256 + 256 + 160  # write-ahead log, requests and answers, the process itself; the cleaner's map is within


def resident_mb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))


def size_mb(directory, topic):
    total = 0
    for root, _, files in os.walk(directory):
        if os.path.basename(root).rsplit("-", 1)[0] != topic:
            continue
        for name in files:
            with contextlib.suppress(FileNotFoundError):  # removed meanwhile, as it should be
                total += os.stat(os.path.join(root, name)).st_blocks * 512 if name.endswith(".log") else 0
    return total / (1 << 20)


class Compaction(harness.SystemTest):
    def test_a_topic_written_read_killed_and_compacted_keeps_the_last_of_each_key(self):
        python = client_libraries.python("2.12.1")
        script = client_libraries.CLIENTS / "compacted.py"
        broker = self.start_broker("--set", "log.cleaner.backoff.ms=1000")
        directory = self.new_dir("clients")
        last = directory / "last"

        def start(*arguments):
            return subprocess.Popen([str(part) for part in (python, script, *arguments)], stdin=subprocess.DEVNULL,
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

        began = time.monotonic()
        writer = start("write", broker.kafka, "compacted", MEGABYTES, KEYS, last)
        harness.wait_until(lambda: size_mb(broker.data_dir, "compacted") > 1 or writer.poll() is not None, 60, "the first segment")
        tail = start("tail", broker.kafka, "compacted", last)
        peak, largest = 0, 0
        try:
            for kill in range(KILLS):
                harness.wait_until(lambda: time.monotonic() > began + (kill + 1) * MEGABYTES / 300 or writer.poll() is not None, 600, "time")
                peak = max(peak, resident_mb(broker.pid))
                largest = max(largest, size_mb(broker.data_dir, "compacted"))
                broker.kill()
                broker.start(same_ports=True)
            wrote, _ = writer.communicate(timeout=900)
            self.assertEqual(writer.returncode, 0, wrote)
            tailed, _ = tail.communicate(timeout=60)
            self.assertEqual(tail.returncode, 0, tailed)
        finally:
            writer.kill()
            tail.kill()
        # What each key needs, as much again that is not compacted yet, and the active segments.
        live = KEYS * 1000 / (1 << 20)
        bound = 2.5 * live + 2 * max(1, MEGABYTES / 64)
        harness.wait_until(lambda: size_mb(broker.data_dir, "compacted") < bound, 120,
                           f"the topic to shrink to {bound:.0f} MiB")
        peak = max(peak, resident_mb(broker.pid))
        done = harness.run([python, script, "check", broker.kafka, "compacted", last], deadline_s=200)
        print(f"wrote {MEGABYTES} MiB: {wrote.strip()}, tailed {tailed.strip()}, kept {done.stdout.strip()}; largest seen "
              f"{largest:.0f} MiB, at the end {size_mb(broker.data_dir, 'compacted'):.0f} MiB, peak memory {peak:.0f} MiB, "
              f"{time.monotonic() - began:.0f} s")
        self.assertLess(peak, RSS_MAX_MB)


if __name__ == "__main__":
    harness.main()
