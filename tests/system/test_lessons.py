"""Incidents of earlier systems that show only in a running process: wake-ups, memory, log lines, bytes on disk. The table of
all of them is docs/lessons.md."""
# ctest: timeout=300 serial

import json
import os
import socket
import struct
import subprocess
import time
import urllib.request

import harness
import test_bad_input as raw

BENCH = harness.BIN_DIR / "chronik-bench"
WAL_32M = ("--set", "wal.max.bytes=33554432", "--set", "wal.file.bytes=4194304")
PROCESS_MB = 80  # what a server needs besides its write-ahead log and its memory budget


def bench(broker, command, *args, deadline_s=120):
    done = harness.run([BENCH, command, "--bootstrap", broker.kafka, *args, "--json"], deadline_s)
    return json.loads(done.stdout)


def write(broker, topic, *args, **options):
    return bench(broker, "produce", "--topic", topic, "--create-topic", "--quiet", *args, **options)


def metrics(broker, name):
    """The values of one metric, by its labels."""
    return broker.metric(name)


def status_of(pid, key):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith(key + ":"):
                return int(line.split()[1])
    raise AssertionError(f"no {key}")


def wake_ups(pid):
    """Voluntary context switches of each thread; threads come and go."""
    counts = {}
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            counts[thread] = status_of(f"{pid}/task/{thread}", "voluntary_ctxt_switches")
        except (FileNotFoundError, ProcessLookupError):
            pass  # it has just ended
    return counts


def wake_ups_since(pid, before):
    return sum(count - before.get(thread, 0) for thread, count in wake_ups(pid).items())


def bytes_under(directory):
    total = 0
    for parent, _, names in os.walk(directory):
        for name in names:
            try:
                total += os.stat(os.path.join(parent, name)).st_blocks * 512
            except FileNotFoundError:
                pass  # removed meanwhile, as it should be
    return total


class Idle(harness.SystemTest):
    # lesson: 230 empty commits a second with 23 partitions; 24 million log lines; "Deadlock detector" flagged idle nodes
    def wakes_up(self, partitions):
        broker = self.start_broker()
        bench(broker, "create-topic", "--topic", "t", "--partitions", partitions)
        write(broker, "t", "--records", partitions, "--size", 100)
        time.sleep(1.5)  # the write-ahead log seals itself half a second after the last record
        lines = len(broker.lines)
        for _ in range(3):  # on a busy machine the seal may come late; what polls does so each time
            before, began = wake_ups(broker.pid), time.monotonic()
            time.sleep(4)  # what is measured is time without work
            rate = wake_ups_since(broker.pid, before) / (time.monotonic() - began)
            print(f"{partitions} partitions, idle: {rate:.1f} wake-ups a second")
            if rate <= 10:
                break
        self.assertLessEqual(rate, 10)
        self.assertEqual(len(broker.lines), lines, broker.log(20))
        with urllib.request.urlopen(f"http://{broker.admin}/health", timeout=10) as answer:
            self.assertEqual(json.load(answer)["directories"][0]["state"], "online")
        harness.no_wait_is_overdue(broker)
        before = wake_ups(broker.pid)
        metrics(broker, "chronik_waits_overdue")
        # Requests for pages can be seen, once the thread that answered has gone to sleep again.
        harness.wait_until(lambda: wake_ups_since(broker.pid, before) > 0, 10, "the wake-ups of a request")

    def test_with_1_partition_it_wakes_up_at_most_ten_times_a_second(self):
        self.wakes_up(1)

    def test_with_1000_partitions_it_wakes_up_at_most_ten_times_a_second(self):
        self.wakes_up(1000)

    # lesson: log line per request
    def test_requests_write_no_log_lines(self):
        broker = self.start_broker("--set", "num.partitions=1")
        harness.produce(broker, "t", ["first"])
        lines = len(broker.lines)
        for _ in range(20):
            harness.produce(broker, "t", [f"{i}" for i in range(100)], "-X", "batch.num.messages=1")
        self.assertEqual(len(harness.consume(broker, "t")), 2001)
        self.assertGreater(sum(metrics(broker, "chronik_requests_total").values()), 1000)
        self.assertLess(len(broker.lines), lines + 10, broker.log(20))  # the last of its starting may come late


class Creation(harness.SystemTest):
    # lesson: topic creation took 20-30 s
    def test_a_thousand_partitions_in_less_than_a_second(self):
        broker = self.start_broker()
        took = []
        for name in ("t", "u", "v"):  # one of them may meet a disk that is busy with something else
            began = time.monotonic()
            bench(broker, "create-topic", "--topic", name, "--partitions", 1000)
            took.append(time.monotonic() - began)
        print("1,000 partitions led after", *(f"{one:.3f}" for one in took), "s, the client's start included")
        self.assertLess(sorted(took)[1], 1.0)
        self.assertEqual(sum(metrics(broker, "chronik_partitions").values()), 3000)

    # lesson: first produce to a new topic waits on an event
    def test_first_record_of_a_new_topic_waits_for_no_timer(self):
        broker = self.start_broker("--set", "num.partitions=1")
        host, port = broker.kafka.rsplit(":", 1)
        times, syncs = [], []
        with socket.create_connection((host, int(port)), 20) as connection, open(broker.data_dir / "probe", "wb") as probe:
            for i in range(20):
                topic = f"new-{i:02d}"
                name = struct.pack(">ih", 1, len(topic)) + topic.encode()
                began = time.monotonic()
                metadata = self.ask(connection, raw.frame(3, 4, name + b"\x01"))  # creates it
                self.assertIn(topic.encode(), metadata)
                answer = self.ask(connection, raw.produce_v3(topic, raw.batch()))
                times.append(time.monotonic() - began)
                error = struct.unpack_from(">h", answer, 4 + 4 + 2 + len(topic) + 4 + 4)[0]
                self.assertEqual(error, 0, topic)
                began = time.monotonic()
                probe.write(b"x" * 4096)
                probe.flush()
                os.fdatasync(probe.fileno())
                syncs.append(time.monotonic() - began)
        times.sort()
        print(f"20 first records: median {times[10] * 1000:.1f} ms, slowest {times[-1] * 1000:.1f} ms; "
              f"the slowest sync of the disk {max(syncs) * 1000:.1f} ms")
        # A busy disk may delay one or two of them by chance, or all of them as it delays others; a timer delays more.
        self.assertLess(times[-3], 0.5 + 4 * max(syncs))

    def ask(self, connection, data):
        connection.sendall(data)
        size = struct.unpack(">i", self.receive(connection, 4))[0]
        return self.receive(connection, size)

    def receive(self, connection, size):
        data = b""
        while len(data) < size:
            more = connection.recv(size - len(data))
            self.assertTrue(more, "the server closed the connection")
            data += more
        return data


class Memory(harness.SystemTest):
    def budget_returns(self, broker):
        """Every reservation was given back: of requests served, refused and broken off."""
        harness.wait_until(lambda: set(metrics(broker, "chronik_memory_budget_used_bytes").values()) == {0.0}, 20,
                           "the return of all memory")

    # lesson: Broker rejected every produce until restart after 16-512 MB
    def test_many_times_the_budget_passes_and_all_of_it_returns(self):
        budget = 32 << 20
        broker = self.start_broker(*WAL_32M, "--set", f"memory.budget.bytes={budget}", "--set",
                                   "socket.request.max.bytes=4194304")
        result = write(broker, "t", "--partitions", 4, "--records", 25_000, "--size", 10_000, "--clients", 8)
        self.assertEqual((result["acked"], result["verify"]["read"], result["verify"]["mismatches"]), (25_000, 25_000, 0))
        self.budget_returns(broker)
        # More than the budget again on each path that ends in an error.
        host, port = broker.kafka.rsplit(":", 1)
        refused = raw.produce_v3("t", raw.batch() + bytes(1_000_000))  # what follows the batch is none
        count = 2 * budget // len(refused)
        for _ in range(count):
            with socket.create_connection((host, int(port)), 20) as connection:
                connection.sendall(refused)
                connection.settimeout(20)
                self.assertTrue(connection.recv(4))
            with socket.create_connection((host, int(port)), 20) as connection:
                connection.sendall(refused[:-1])  # breaks off before its last byte
        self.budget_returns(broker)
        self.assertGreaterEqual(sum(metrics(broker, "chronik_request_errors_total").values()), count)
        harness.produce(broker, "t", ["goes on"])
        self.assertLess(status_of(broker.pid, "VmHWM") / 1024, 32 + 32 + PROCESS_MB)

    # lesson: Memory exhaustion under load
    def test_a_slow_disk_holds_producers_back_instead_of_filling_memory(self):
        directory = harness.ext4(self, 512)
        broker = self.start_broker(*WAL_32M, "--set", "memory.budget.bytes=33554432", "--set",
                                   "socket.request.max.bytes=4194304", "--set", "disk.stall.timeout.ms=30000",
                                   data_dir=directory / "data")
        write(broker, "t", "--partitions", 4, "--records", 100, "--no-verify")
        command = [BENCH, "produce", "--bootstrap", broker.kafka, "--topic", "t", "--records", "20000", "--size", "10000",
                   "--clients", "8", "--timeout-ms", "120000", "--no-verify", "--json", "--quiet"]
        with harness.Frozen(directory):
            load = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True)
            time.sleep(4)  # a disk that is slow, not one that has failed: less than disk.stall.timeout.ms
        out, _ = load.communicate(timeout=150)
        self.assertEqual(load.returncode, 0, out)
        result = json.loads(out)
        self.assertEqual((result["acked"], result["failed"]), (20_000, 0))
        peak = status_of(broker.pid, "VmHWM") / 1024
        print(f"200 MB against a disk that stood still for 4 s: peak {peak:.0f} MiB")
        self.assertLess(peak, 32 + 32 + PROCESS_MB)
        self.budget_returns(broker)

    # lesson: Recovery ran out of memory at 43.9 M records
    def test_recovery_streams(self):
        broker = self.start_broker(*WAL_32M)
        write(broker, "t", "--partitions", 4, "--records", 60_000, "--size", 10_000, "--clients", 4, "--no-verify")
        broker.restart(kill=True)
        peak = status_of(broker.pid, "VmHWM") / 1024
        print(f"recovered a log of 600 MB with a peak of {peak:.0f} MiB")
        self.assertLess(peak, 32 + PROCESS_MB)
        self.assertEqual(bench(broker, "consume", "--topic", "t", "--quiet")["records"], 60_000)


class Disk(harness.SystemTest):
    # lesson: Retention setting ignored, 44 GB of orphan log
    def retention(self, *settings):
        broker = self.start_broker(*WAL_32M, "--set", "log.segment.bytes=1048576", "--set",
                                   "log.retention.check.interval.ms=200", "--set", "num.partitions=1", *settings)
        write(broker, "t", "--partitions", 1, "--records", 10_000, "--size", 10_000, "--no-verify")
        # What remains: two segments, the write-ahead log, and metadata.
        harness.wait_until(lambda: bytes_under(broker.data_dir) < (32 + 4 + 4) << 20, 60, "bytes given back to the disk")
        harness.produce(broker, "t", ["last"])
        self.assertEqual(self.end(broker), 10_001)
        broker.restart(kill=True)
        self.assertEqual(self.end(broker), 10_001)

    def end(self, broker):
        return int(harness.kcat(broker, "-Q", "-t", "t:0:-1").stdout.rsplit(" ", 1)[-1])

    def test_retention_by_size_gives_bytes_back(self):
        self.retention("--set", "log.retention.bytes=2097152")

    def test_retention_by_time_gives_bytes_back(self):
        self.retention("--set", "log.retention.ms=1500")

    def test_a_deleted_topic_gives_bytes_back(self):
        broker = self.start_broker(*WAL_32M)
        write(broker, "t", "--partitions", 3, "--records", 10_000, "--size", 10_000, "--no-verify")
        self.assertGreater(bytes_under(broker.data_dir), 60 << 20)
        host, port = broker.kafka.rsplit(":", 1)
        with socket.create_connection((host, int(port)), 20) as connection:
            connection.sendall(raw.frame(20, 1, struct.pack(">ih", 1, 1) + b"t" + struct.pack(">i", 20_000)))
            self.assertTrue(connection.recv(4))
        harness.wait_until(lambda: bytes_under(broker.data_dir) < (32 + 4 + 4) << 20, 60, "bytes given back to the disk")


class Clients(harness.SystemTest):
    # lesson: every one of these passed with 1-10 clients and failed at 64-128
    def test_128_clients_with_small_batches_on_300_partitions_while_others_catch_up(self):
        broker = self.start_broker(*WAL_32M)
        bench(broker, "create-topic", "--topic", "many", "--partitions", 300)
        write(broker, "many", "--records", 50_000, "--size", 100, "--no-verify")
        command = [BENCH, "produce", "--bootstrap", broker.kafka, "--topic", "many", "--clients", "128", "--seconds", "8",
                   "--rate", "4000", "--size", "100", "--linger-ms", "0", "--set", "batch.num.messages=1", "--json", "--quiet",
                   "--no-verify"]
        load = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True)
        behind = bench(broker, "consume", "--topic", "many", "--clients", 4, "--records", 50_000, "--quiet")
        out, _ = load.communicate(timeout=120)
        self.assertEqual(load.returncode, 0, out)
        wrote = json.loads(out)
        self.assertEqual(wrote["failed"], 0)
        self.assertGreater(wrote["acked"], 1000)
        self.assertGreaterEqual(behind["records"], 50_000)
        everything = bench(broker, "consume", "--topic", "many", "--quiet")["records"]
        self.assertEqual(everything, 50_000 + wrote["acked"])
        harness.no_wait_is_overdue(broker)


if __name__ == "__main__":
    harness.main()
