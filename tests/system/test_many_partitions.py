"""Many partitions, few descriptors: everything is written and read, also after kill -9; an idle partition costs
kilobytes and no descriptor, a request no line of log."""
# ctest: timeout=240 serial

import json
import os
import re
import socket
import struct
import time
from pathlib import Path

import harness

SERVER = harness.BIN_DIR / "chronik-server"


def limited(descriptors):
    """The server under `ulimit -n`, soft and hard; as the same process."""
    return ["bash", "-c", f'ulimit -n {descriptors}; exec "$0" "$@"', SERVER]


def text(value):
    data = value.encode()
    return struct.pack(">h", len(data)) + data


def crc32c_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


CRC32C = crc32c_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ CRC32C[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def batch(value):
    """One record, as a producer sends it."""
    now = int(time.time() * 1000)
    record = bytes([0, 0, 0, 1, len(value) * 2]) + value + b"\x00"
    record = bytes([len(record) * 2]) + record
    tail = struct.pack(">hiqqqhii", 0, 0, now, now, -1, -1, -1, 1) + record
    return struct.pack(">qiibI", 0, 9 + len(tail), 0, 2, crc32c(tail)) + tail


class Connection:
    """One connection that speaks old, plain versions: what librdkafka does not, many topics in one request."""

    def __init__(self, broker):
        host, port = broker.kafka.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), 10)
        self.socket.settimeout(30)

    def ask(self, key, version, body):
        head = struct.pack(">hhih", key, version, 7, 4) + b"many"
        self.socket.sendall(struct.pack(">i", len(head) + len(body)) + head + body)
        length = struct.unpack(">i", self._take(4))[0]
        return self._take(length)[4:]

    def _take(self, length):
        data = bytearray()
        while len(data) < length:
            more = self.socket.recv(min(length - len(data), 1 << 20))
            if not more:
                raise AssertionError("the server closed the connection")
            data += more
        return bytes(data)

    def create_topics(self, names, partitions):
        body = struct.pack(">i", len(names))
        for name in names:
            body += text(name) + struct.pack(">ihii", partitions, 1, 0, 0)
        answer = self.ask(19, 2, body + struct.pack(">i?", 30000, False))
        at, codes = 8, []
        for _ in names:
            at += 2 + struct.unpack_from(">h", answer, at)[0]
            code, length = struct.unpack_from(">hh", answer, at)
            codes.append(code)
            at += 4 + max(length, 0)
        return set(codes)

    def produce(self, names, partitions, value):
        """A record to each partition; value(topic, partition) is its value."""
        body = struct.pack(">hhii", -1, -1, 30000, len(names))
        for name in names:
            body += text(name) + struct.pack(">i", partitions)
            for index in range(partitions):
                records = batch(value(name, index))
                body += struct.pack(">ii", index, len(records)) + records
        answer = self.ask(0, 3, body)
        at, codes = 4, []
        for _ in names:
            at += 2 + struct.unpack_from(">h", answer, at)[0] + 4
            for _ in range(partitions):
                codes.append(struct.unpack_from(">h", answer, at + 4)[0])
                at += 22
        return set(codes)

    def fetch(self, names, partitions, start=0):
        """What each partition holds from an offset, by (topic, partition): the bytes of its batches."""
        body = struct.pack(">iiiibi", -1, 100, 1, 64 << 20, 0, len(names))
        for name in names:
            body += text(name) + struct.pack(">i", partitions)
            for index in range(partitions):
                body += struct.pack(">iqi", index, start, 1 << 20)
        answer = self.ask(1, 4, body)
        at, found = 8, {}
        for _ in names:
            length = struct.unpack_from(">h", answer, at)[0]
            name = answer[at + 2:at + 2 + length].decode()
            at += 2 + length + 4
            for _ in range(partitions):
                index, code, _, _, aborted = struct.unpack_from(">ihqqi", answer, at)
                at += 26 + 16 * max(aborted, 0)
                size = struct.unpack_from(">i", answer, at)[0]
                found[name, index] = answer[at + 4:at + 4 + max(size, 0)] if code == 0 else None
                at += 4 + max(size, 0)
        return found


def in_lots(names, size=50):
    return [names[i:i + size] for i in range(0, len(names), size)]


def descriptors(broker):
    return len(os.listdir(f"/proc/{broker.pid}/fd"))


def resident_kb(broker):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{broker.pid}/status").read_text()).group(1))


class ManyPartitions(harness.SystemTest):
    def bench(self, *args, deadline_s=180):
        command = [harness.BIN_DIR / "chronik-bench", *args, "--json", "--quiet"]
        return json.loads(harness.run(command, deadline_s).stdout)

    def connect(self, broker):
        connection = Connection(broker)
        self.addCleanup(connection.socket.close)
        return connection

    def test_500_partitions_with_200_descriptors(self):
        broker = self.start_broker("--set", "wal.max.bytes=67108864", program=limited(200))
        common = ["--bootstrap", broker.kafka, "--topic", "t"]
        # Several times what the write-ahead log may hold: every partition is flushed again and again.
        result = self.bench("produce", *common, "--create-topic", "--partitions", 500, "--records", 200000, "--size", 1000)
        self.assertEqual(result["acked"], 200000)
        self.assertEqual(result["verify"]["mismatches"], 0)
        self.assertEqual(result["verify"]["in_log"], result["verify"]["read"])
        self.assertLess(descriptors(broker), 200)
        broker.restart(kill=True, same_ports=True)
        began = time.monotonic()
        lines = harness.consume(broker, "t", "-f", "%p %o\n", deadline_s=120)
        print(f"read again in {time.monotonic() - began:.1f} s with {descriptors(broker)} descriptors")
        self.assertEqual(len(set(lines)), 200000)
        self.assertLess(len(broker.lines), 40)

    # lesson: 1,000 topics x 3 partitions: crash, 24 million log lines, 26.6 GB of memory, 0 of 3,000 read
    def test_1000_topics_of_3_partitions(self):
        names = [f"topic-{i:04}" for i in range(1000)]
        broker = self.start_broker(program=limited(300))
        connection = self.connect(broker)
        before = resident_kb(broker)
        began = time.monotonic()
        for lot in in_lots(names):
            self.assertEqual(connection.create_topics(lot, 3), {0})
        each_kb = (resident_kb(broker) - before) / 3000
        print(f"1,000 topics created in {time.monotonic() - began:.1f} s, {each_kb:.1f} KB each idle partition")
        self.assertLess(each_kb, 64)
        self.write_and_read(connection, names, [b"one"])
        broker.restart(kill=True)
        connection = self.connect(broker)
        self.read(connection, names, [b"one"])
        self.write_and_read(connection, names, [b"one", b"two"])
        # Idle for a while, so all of it goes to files.
        logs = broker.data_dir.glob
        harness.wait_for_count(lambda: sum(log.stat().st_size > 0 for log in logs("topic-*/*.log")), 3000,
                               stall_s=90, what="partitions flushed")
        print(f"flushed: {descriptors(broker)} descriptors, {resident_kb(broker) >> 10} MB")
        self.assertLess(descriptors(broker), 150)
        broker.restart(kill=True)
        connection = self.connect(broker)
        self.read(connection, names, [b"one", b"two"])
        print(f"read from files: {descriptors(broker)} descriptors, {resident_kb(broker) >> 10} MB")
        self.assertLess(descriptors(broker), 150)
        self.assertLess(resident_kb(broker), 512 << 10)
        self.assertLess(len(broker.lines), 40)

    def write_and_read(self, connection, names, values):
        for lot in in_lots(names):
            codes = connection.produce(lot, 3, lambda name, index: b"%s of %s-%d" % (values[-1], name.encode(), index))
            self.assertEqual(codes, {0})
        self.read(connection, names, values)

    def read(self, connection, names, values):
        whole = 0
        for lot in in_lots(names):
            for (name, index), data in connection.fetch(lot, 3).items():
                self.assertIsNotNone(data, f"{name}-{index}")
                expected = [b"%s of %s-%d" % (value, name.encode(), index) for value in values]
                if data.count(expected[-1]) == 0:  # an answer may end where the files do; a consumer asks for the rest
                    data += connection.fetch([name], 3, start=data.count(b" of "))[name, index]
                self.assertEqual([data.count(value) for value in expected], [1] * len(values), f"{name}-{index} holds {data}")
                whole += 1
        self.assertEqual(whole, 3000)


if __name__ == "__main__":
    harness.main()
