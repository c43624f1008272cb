"""Kafka's own dump tool reads our segments and finds its indexes in order: the layout on disk, confirmed by somebody else."""
# ctest: timeout=300

import re

import harness

DUMP = harness.REPO / "tests" / "dump_with_kafka.sh"


class KafkaReadsSegments(harness.SystemTest):
    def test_dump_tool_confirms_log_and_indexes(self):
        for tool in ("java", "mvn"):
            harness.need_tool(tool)
        broker = self.start_broker("--set", "num.partitions=1", "--set", "log.segment.bytes=1048576")
        lines = [f"record {i} " + "k" * 700 for i in range(4000)]
        harness.produce(broker, "t", lines, "-z", "lz4", "-X", "batch.num.messages=50")
        harness.produce(broker, "t", lines[:100])
        broker.stop()
        directory = broker.data_dir / "t-0"
        logs = sorted(directory.glob("*.log"))
        self.assertGreater(len(list(directory.glob("*.index"))), 0)
        done = harness.run([DUMP, *logs], deadline_s=240, check=False)
        if "cannot fetch" in done.stderr:
            raise harness.Skip("Kafka's jars cannot be fetched")
        self.assertEqual(done.returncode, 0, done.stdout[-2000:] + done.stderr[-2000:])
        counted = sum(int(count) for count in re.findall(r"baseOffset: \d+ lastOffset: \d+ count: (\d+)", done.stdout))
        self.assertEqual(counted, 4100)
        self.assertNotIn("isvalid: false", done.stdout)
        indexes = [*directory.glob("*.index"), *directory.glob("*.timeindex")]
        checked = harness.run([DUMP, *indexes], deadline_s=240)
        said = checked.stdout + checked.stderr
        for complaint in ("Mismatches in", "Non-secutive", "Found timestamp mismatch", "Found out of order", "Exception"):
            self.assertNotIn(complaint, said)


if __name__ == "__main__":
    harness.main()
