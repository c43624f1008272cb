"""5,000, 50,000 and 1,000,000 records, on 1 and on 3 partitions: all arrive, in partition order, once."""
# ctest: timeout=240

import json
from collections import defaultdict

import harness


class Counts(harness.SystemTest):
    def through_kcat(self, count, partitions):
        broker = self.start_broker("--set", f"num.partitions={partitions}")
        lines = [f"record {i:07d}" for i in range(count)]
        # Without the pause librdkafka's sticky partitioner may send all of a short run to one partition.
        harness.produce(broker, "t", lines, "-X", "sticky.partitioning.linger.ms=0")
        read = harness.kcat(broker, "-C", "-q", "-e", "-t", "t", "-o", "beginning", "-f", "%p %o %s\n").stdout.splitlines()
        per_partition = defaultdict(list)
        for row in read:
            partition, offset, value = row.split(" ", 2)
            per_partition[partition].append((int(offset), value))
        for rows in per_partition.values():
            self.assertEqual([offset for offset, _ in rows], list(range(len(rows))))
            values = [value for _, value in rows]
            self.assertEqual(values, sorted(values))  # one producer: partition order is production order
        everything = sorted(value for rows in per_partition.values() for _, value in rows)
        self.assertEqual(everything, lines)
        if partitions > 1:
            self.assertEqual(len(per_partition), partitions)

    def test_5000_records_on_1_partition(self):
        self.through_kcat(5_000, 1)

    def test_5000_records_on_3_partitions(self):
        self.through_kcat(5_000, 3)

    def test_50000_records_on_1_partition(self):
        self.through_kcat(50_000, 1)

    def test_50000_records_on_3_partitions(self):
        self.through_kcat(50_000, 3)

    def test_a_million_records_on_1_and_on_3_partitions(self):
        broker = self.start_broker()
        for partitions in (1, 3):
            done = harness.run([harness.BIN_DIR / "chronik-bench", "produce", "--bootstrap", broker.kafka, "--topic",
                                f"million-{partitions}", "--create-topic", "--partitions", partitions, "--records", 1_000_000,
                                "--size", 100, "--idempotence", "--json", "--quiet"], deadline_s=110)
            result = json.loads(done.stdout)
            self.assertEqual((result["acked"], result["verify"]["read"], result["verify"]["mismatches"]),
                             (1_000_000, 1_000_000, 0))


if __name__ == "__main__":
    harness.main()
