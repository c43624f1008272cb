"""Every package paragraph of the machine's Debian index, through three partitions and back, with three real clients."""
# ctest: timeout=400

import contextlib
import subprocess
import time

import client_libraries
import harness


def known():
    done = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        return []  # part of an index is none
    return [record for record in done.stdout.split(b"\n\n") if record.strip(b"\n")]


def paragraphs():
    """About 60,000 multi-line records; the separator is an empty line."""
    harness.need_tool("apt-cache")
    # Three tests may ask at once, and one of them fetch the index.
    with client_libraries.alone("apt"):
        records = known()
        if len(records) < 10_000:
            # A machine whose index was never fetched knows only what is installed.
            with contextlib.suppress(AssertionError):
                harness.run(["apt-get", "update"], deadline_s=120, check=False)
            records = known()
    if len(records) < 1_000:
        raise harness.Skip("no package index on this machine")
    return records


class RealInput(harness.SystemTest):
    def setUp(self):
        self.records = paragraphs()
        self.work = self.new_dir("input")
        self.input = self.work / "input"
        self.input.write_bytes(b"\n\n".join(self.records))

    def same_records(self, files):
        text = b"".join(file.read_bytes() for file in files)
        arrived = text.split(b"\n\n")
        self.assertEqual(arrived.pop(), b"")
        self.assertEqual(len(arrived), len(self.records))
        self.assertTrue(sorted(arrived) == sorted(self.records), "the union differs from the input")

    def test_kcat_group_of_three_that_come_and_go(self):
        broker = self.start_broker("--set", "num.partitions=3", "--set", "group.initial.rebalance.delay.ms=3000")
        harness.kcat(broker, "-P", "-t", "debian", "-D", "\n\n", "-X", "acks=all", input=self.input.read_text(encoding="utf-8"),
                     deadline_s=120)
        outputs, members = [], []

        def member(*options):
            outputs.append(self.work / f"out{len(outputs)}")
            command = ["kcat", "-b", broker.kafka, "-G", "packages", "-q", "-u", "-f", "%s\n\n",
                       "-X", "auto.offset.reset=earliest", "debian"]
            command[1:1] = options
            with open(outputs[-1], "wb") as out:
                return subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)

        try:
            # One leaves in the middle, after so many records. (Told to by a signal, kcat drops the record it has just taken.)
            members = [member("-c", "2000"), member()]
            harness.wait_until(lambda: sum(o.stat().st_size for o in outputs) > 0, 60, "the first records")
            members.append(member())  # one comes while the others read
            self.assertEqual(members[0].wait(120), 0)  # one leaves; it commits what it has written
            members.append(member())  # and another comes in its place
            total = len(self.input.read_bytes()) + 2
            harness.wait_until(lambda: sum(o.stat().st_size for o in outputs) >= total, 120, "all records")
            time.sleep(1)  # anything that came twice would still come
        finally:
            for process in members:
                process.terminate()
                process.wait(30)
        self.same_records(outputs)

    def test_java_client(self):
        command = client_libraries.java("RoundTrip")
        broker = self.start_broker()
        output = self.work / "out"
        harness.run([*command, broker.kafka, "debian", self.input, output], deadline_s=200)
        self.same_records([output])

    def test_confluent_kafka_client(self):
        python = client_libraries.python()
        broker = self.start_broker()
        output = self.work / "out"
        harness.run([python, client_libraries.CLIENTS / "round_trip.py", broker.kafka, "debian", self.input, output], deadline_s=200)
        self.same_records([output])


if __name__ == "__main__":
    harness.main()
