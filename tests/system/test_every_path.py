"""The server under the sanitizers, with real clients as separate processes: producers, group members, admin calls, restarts; three shards, both disks."""
# ctest: timeout=300 sanitize=thread sanitize=address

import subprocess
import threading
import urllib.request

import harness

PRODUCERS = 12
RECORDS = 300


class EveryPath(harness.SystemTest):
    def through(self, backend):
        broker = self.start_broker("--shards", "3", "--set", f"disk.backend={backend}", "--set", "num.partitions=5",
                                   "--set", "wal.max.bytes=67108864", "--set", "group.initial.rebalance.delay.ms=200")
        expected = sorted(f"{p}:{i} " + "z" * 100 for p in range(PRODUCERS) for i in range(RECORDS))
        codecs = ["none", "gzip", "snappy", "lz4", "zstd"]

        def produce(number):
            lines = [row for row in expected if row.startswith(f"{number}:")]
            harness.produce(broker, "t", lines, "-z", codecs[number % len(codecs)], "-X", "enable.idempotence=true", deadline_s=90)

        threads = [threading.Thread(target=produce, args=(number,)) for number in range(PRODUCERS)]
        for thread in threads:
            thread.start()
        for _ in range(5):
            for page in ("health", "metrics", "debug/waits"):
                urllib.request.urlopen(f"http://{broker.admin}/{page}", timeout=60).read()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(harness.consume(broker, "t", deadline_s=90)), expected)
        self.check_group(broker, expected)
        broker.args[1] = "2"
        broker.restart(kill=True)
        self.assertEqual(sorted(harness.consume(broker, "t", deadline_s=90)), expected)
        broker.restart()
        self.assertEqual(sorted(harness.consume(broker, "t", deadline_s=90)), expected)
        broker.stop()
        said = broker.log()
        self.assertNotIn("Sanitizer", said)
        self.assertNotIn("CHECK failed", said)

    def check_group(self, broker, expected):
        outputs = [self.new_dir("group") / "out" for _ in range(3)]
        members = []
        for output in outputs:
            with open(output, "wb") as out:
                members.append(subprocess.Popen(
                    ["kcat", "-b", broker.kafka, "-G", "g", "-q", "-u", "-X", "auto.offset.reset=earliest", "t"], stdout=out,
                    stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL))
        total = sum(len(row) + 1 for row in expected)
        try:
            harness.wait_until(lambda: sum(o.stat().st_size for o in outputs) >= total, 90, "the group to read everything")
        finally:
            for member in members:
                member.terminate()
                member.wait(30)
        rows = sorted(row for output in outputs for row in output.read_text(encoding="utf-8").splitlines())
        self.assertEqual(rows, expected)

    def test_on_io_uring(self):
        self.through("io_uring")

    def test_on_the_thread_pool_disk(self):
        self.through("threads")


if __name__ == "__main__":
    harness.main()
