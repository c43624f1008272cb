"""Disks that fill, fail, stall, rot or may not be written: each gives a clear error, the server lives, nothing acknowledged is lost."""
# ctest: timeout=200

import json
import os
import subprocess
import time
import urllib.error
import urllib.request

import harness


def health(broker):
    try:
        with urllib.request.urlopen(f"http://{broker.admin}/health", timeout=10) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return json.load(error)


def state(broker):
    return health(broker)["directories"][0]["state"]


def produce_until_refused(broker, topic, size=50_000, most=2000):
    """Values acknowledged before the first refusal, and what kcat said."""
    acked = []
    for i in range(most):
        value = f"{i:06d}" + "x" * size
        done = harness.kcat(broker, "-P", "-t", topic, "-X", "acks=all", "-X", "message.timeout.ms=15000", input=value + "\n", check=False)
        if done.returncode != 0 or "failed" in done.stderr.lower():
            return acked, done.stderr
        acked.append(value)
    raise AssertionError(f"{most} records of {size} bytes and no refusal")


class DiskFaults(harness.SystemTest):
    def test_full_disk_refuses_produce_and_recovers_by_itself(self):
        directory = harness.tmpfs(self, "96m")
        broker = self.start_broker("--set", "wal.max.bytes=16777216", "--set", "wal.file.bytes=4194304",
                                   data_dir=directory / "data")
        filler = directory / "filler"
        harness.produce(broker, "kept", ["before"])
        free = os.statvfs(directory).f_bavail * os.statvfs(directory).f_frsize
        with open(filler, "wb") as file:
            file.write(b"\0" * (free - (6 << 20)))
        acked, said = produce_until_refused(broker, "t")
        self.assertEqual(harness.consume(broker, "t"), acked)  # reads go on
        self.assertEqual(harness.consume(broker, "kept"), ["before"])
        self.assertEqual(state(broker), "full", said)
        harness.run([harness.BIN_DIR / "chronik", "--bootstrap", broker.kafka, "topic", "delete", "kept"])  # so does deletion
        filler.unlink()
        harness.wait_until(lambda: state(broker) == "online", 60, "service by itself")
        harness.produce(broker, "t", ["after"])
        self.assertEqual(harness.consume(broker, "t"), [*acked, "after"])
        broker.restart(kill=True)
        self.assertEqual(harness.consume(broker, "t"), [*acked, "after"])

    def test_eio_takes_the_directory_offline_and_loses_nothing(self):
        directory = harness.ext4(self, 256)
        broker = self.start_broker("--set", "wal.max.bytes=33554432", data_dir=directory / "data")
        harness.produce(broker, "t", ["one", "two"])
        harness.shut_down(directory)
        done = harness.kcat(broker, "-P", "-t", "t", "-X", "acks=all", "-X", "message.timeout.ms=3000", input="three\n", check=False)
        self.assertNotEqual(done.returncode, 0)
        harness.wait_until(lambda: state(broker) == "offline", 60, "the directory to go offline")
        self.assertIn("t", harness.kcat(broker, "-L").stdout)  # metadata goes on
        broker.kill()

    def test_a_stalled_disk_is_answered_by_the_deadline_and_reported(self):
        directory = harness.ext4(self, 256)
        broker = self.start_broker("--set", "wal.max.bytes=33554432", "--set", "disk.stall.timeout.ms=6000",
                                   data_dir=directory / "data")
        harness.produce(broker, "t", ["one", "two"])
        with harness.Frozen(directory):
            began = time.monotonic()
            done = harness.kcat(broker, "-P", "-t", "t", "-X", "acks=all", "-X", "message.timeout.ms=20000", input="three\n", check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertLess(time.monotonic() - began, 45)
            self.assertEqual(state(broker), "offline")
            detail = health(broker)["directories"][0]["detail"]
            self.assertIn("stall", detail)
            self.assertIn("t", harness.kcat(broker, "-L").stdout)
            waits = urllib.request.urlopen(f"http://{broker.admin}/debug/waits", timeout=10).read().decode()
            self.assertIn("held by the kernel", waits)
        broker.kill()
        broker.start()
        read = harness.consume(broker, "t")
        self.assertEqual(read[:2], ["one", "two"])  # three's fate was open
        self.assertIn(read[2:], ([], ["three"]))

    def flip(self, path, position):
        with open(path, "r+b") as file:
            file.seek(position)
            byte = file.read(1)
            file.seek(position)
            file.write(bytes([byte[0] ^ 0x40]))

    def test_a_flipped_byte_in_a_segment_is_reported_and_the_rest_stays_readable(self):
        broker = self.start_broker("--set", "num.partitions=1")
        for i in range(20):
            harness.produce(broker, "t", [f"record {i} " + "y" * 200])
        broker.stop()  # flushes into the segment
        segment = broker.data_dir / "t-0" / "00000000000000000000.log"
        size = segment.stat().st_size
        self.flip(segment, size // 2)
        broker.start()
        first = harness.kcat(broker, "-C", "-q", "-t", "t", "-o", "0", "-c", "5").stdout.splitlines()
        self.assertEqual([row.split(" y")[0] for row in first], [f"record {i}" for i in range(5)])
        damaged = harness.kcat(broker, "-C", "-q", "-e", "-t", "t", "-o", "0", "-X", "check.crcs=true", check=False,
                               deadline_s=20)
        self.assertLess(len(damaged.stdout.splitlines()), 20)
        self.assertIn("orrupt", damaged.stderr + broker.log())
        last = harness.kcat(broker, "-C", "-q", "-t", "t", "-o", "15", "-c", "5").stdout.splitlines()
        self.assertEqual([row.split(" y")[0] for row in last], [f"record {i}" for i in range(15, 20)])
        harness.produce(broker, "t", ["goes on"])

    def test_a_flipped_byte_in_the_write_ahead_log_is_never_taken_for_a_torn_end(self):
        broker = self.start_broker("--set", "num.partitions=1")
        for i in range(10):
            harness.produce(broker, "t", [f"record {i}"])
        wal = sorted((broker.data_dir / "wal").glob("*.wal"))[0]

        def sealed():
            """A group in the block behind the last record: without it the flipped record would be a torn end."""
            content = wal.read_bytes()
            at = content.find(b"record 9")
            behind = (at // 4096 + 1) * 4096
            return at > 0 and content[behind:behind + 4] == b"CGRP"

        harness.wait_until(sealed, what="the seal")
        broker.kill()
        original = wal.read_bytes()
        at = original.find(b"record 9")
        self.assertGreater(at, 0)
        self.flip(wal, at)
        done = subprocess.run([str(harness.BIN_DIR / "chronik-server"), "--data-dir", str(broker.data_dir), "--listen", "127.0.0.1:0",
                               "--admin", "127.0.0.1:0"], capture_output=True, text=True, timeout=60, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(str(wal.name), done.stderr)
        wal.write_bytes(original)  # nothing else was changed: with the file restored all is there
        broker.start()
        self.assertEqual(harness.consume(broker, "t"), [f"record {i}" for i in range(10)])


class Directories(harness.SystemTest):
    def server(self, *args):
        return subprocess.run([str(harness.BIN_DIR / "chronik-server"), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0",
                               *[str(a) for a in args]], capture_output=True, text=True, timeout=30, check=False)

    def test_a_directory_in_use_exits_2_and_says_so(self):
        broker = self.start_broker()
        done = self.server("--data-dir", broker.data_dir)
        self.assertEqual(done.returncode, 2)
        self.assertIn("in use", done.stderr)
        self.assertEqual(len(done.stderr.strip().splitlines()), 1)

    def test_a_read_only_directory_exits_2_and_names_it(self):
        harness.need_root("mount")
        directory = harness.tmpfs(self, "1m")
        harness.run(["mount", "-o", "remount,ro", directory])
        done = self.server("--data-dir", directory / "data")
        self.assertEqual(done.returncode, 2)
        self.assertIn(str(directory), done.stderr)

    def test_bad_options_exit_2_with_one_line(self):
        for args, word in (
            (["--set", "no.such.key=1"], "no.such.key"), (["--set", "num.partitions=many"], "num.partitions"),
            (["--set", "nonsense"], "nonsense"), (["--listen", "0.0.0.0:0"], "--advertise"), (["--listen", "nowhere"], "nowhere"),
            (["--frobnicate"], "frobnicate"), (["--config", "/does/not/exist.toml"], "/does/not/exist.toml"),
        ):
            done = subprocess.run([str(harness.BIN_DIR / "chronik-server"), "--data-dir", str(self.new_dir()), *args],
                                  capture_output=True, text=True, timeout=30, check=False)
            self.assertEqual(done.returncode, 2, args)
            self.assertIn(word, done.stderr)
            self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)

    def test_sigterm_and_sigint_exit_0_within_ten_seconds(self):
        import signal
        for number in (signal.SIGTERM, signal.SIGINT):
            broker = harness.Broker(self.new_dir("data")).start()
            harness.produce(broker, "t", ["x"])
            began = time.monotonic()
            broker.process.send_signal(number)
            self.assertEqual(broker.process.wait(10), 0)
            self.assertLess(time.monotonic() - began, 10)


if __name__ == "__main__":
    harness.main()
