"""Input that lies: malformed, truncated, oversized and unknown frames, damaged batches, half-closed and reset connections. Each gets a clear end, and the
server goes on serving others."""
# ctest: timeout=120 sanitize=address

import random
import socket
import struct
import urllib.request

import harness


def frame(key, version, body, correlation=7, client=b"bad"):
    head = struct.pack(">hhih", key, version, correlation, len(client)) + client
    return struct.pack(">i", len(head) + len(body)) + head + body


def produce_v3(topic, batch):
    name = topic.encode()
    return frame(0, 3, struct.pack(">hhi", -1, -1, 5000) + struct.pack(">ih", 1, len(name)) + name +
                 struct.pack(">iii", 1, 0, len(batch)) + batch)


# One valid batch of one record, value "v"; its CRC-32C is right.
def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def batch(value=b"v", magic=2, control=False, count=1):
    record = bytes([0, 0, 0, 1, len(value) * 2]) + value + b"\x00"
    record = bytes([len(record) * 2]) + record
    tail = struct.pack(">hiqqqhii", 0x20 if control else 0, count - 1, 1, 1, -1, -1, -1, count) + record
    crc = crc32c(tail)
    return struct.pack(">qiibI", 0, 9 + len(tail), 0, magic, crc) + tail


class BadInput(harness.SystemTest):
    def setUp(self):
        self.broker = self.start_broker("--set", "num.partitions=1")
        harness.produce(self.broker, "t", ["first"])

    def connect(self):
        host, port = self.broker.kafka.rsplit(":", 1)
        connection = socket.create_connection((host, int(port)), 10)
        connection.settimeout(20)
        self.addCleanup(connection.close)
        return connection

    def answer(self, connection):
        """The next frame, or nothing if the server closed."""
        data = b""
        while len(data) < 4 or len(data) < 4 + struct.unpack(">i", data[:4])[0]:
            try:
                more = connection.recv(65536)
            except ConnectionResetError:
                return None
            if not more:
                return None
            data += more
        return data[4:]

    def assert_closed(self, data):
        connection = self.connect()
        connection.sendall(data)
        self.assertIsNone(self.answer(connection), f"not closed after {data[:40]!r}")

    def assert_alive(self, *lines):
        self.assertEqual(harness.consume(self.broker, "t"), ["first", *lines])

    def produce_error(self, data):
        connection = self.connect()
        connection.sendall(produce_v3("t", data))
        answer = self.answer(connection)
        self.assertIsNotNone(answer)
        # correlation, 1 topic, "t", 1 partition, index, error
        return struct.unpack(">h", answer[4 + 4 + 3 + 4 + 4:][:2])[0]

    def test_malformed_frames_end_the_connection_and_nothing_else(self):
        for data in (
            struct.pack(">i", -1), struct.pack(">i", -2**31), struct.pack(">i", 2**31 - 1), struct.pack(">i", 0),
            b"GET / HTTP/1.1\r\n\r\n" + b"x" * 64, frame(9999, 0, b""), frame(-5, 0, b""), frame(0, 99, b""), frame(1, 3, b""),
            frame(3, 1, struct.pack(">i", 2**31 - 1)), frame(3, 1, struct.pack(">ih", 1, 500) + b"short"),
            frame(3, 9, b"\xff" * 40), frame(0, 3, b"\x00"), frame(11, 5, b"\x00\x05ab"), frame(19, 5, b"\xff\xff\xff\xff\x0f"),
        ):
            self.assert_closed(data)
        self.assert_alive()
        metrics = urllib.request.urlopen(f"http://{self.broker.admin}/metrics", timeout=10).read().decode()
        counted = [line for line in metrics.splitlines() if line.startswith("chronik_malformed_requests_total")]
        self.assertGreater(sum(float(line.split()[-1]) for line in counted), 5)

    def test_random_bytes_never_hurt(self):
        chance = random.Random(7)
        for _ in range(200):
            connection = self.connect()
            size = chance.randrange(1, 200)
            data = struct.pack(">i", size) + struct.pack(">hh", chance.randrange(0, 70), chance.randrange(0, 14)) + chance.randbytes(size)
            connection.sendall(data)
            connection.close()
        self.assert_alive()

    def test_unknown_api_versions_version_is_answered_in_version_0(self):
        connection = self.connect()
        connection.sendall(frame(18, 99, b""))
        answer = self.answer(connection)
        self.assertEqual(struct.unpack(">ih", answer[:6]), (7, 35))
        self.assertGreater(struct.unpack(">i", answer[6:10])[0], 20)

    def test_damaged_batches_are_refused_by_name(self):
        good = batch()
        self.assertEqual(self.produce_error(good), 0)
        flipped = bytearray(good)
        flipped[-2] ^= 1
        self.assertEqual(self.produce_error(bytes(flipped)), 2)  # CORRUPT_MESSAGE
        self.assertEqual(self.produce_error(good[:-1]), 87)  # INVALID_RECORD: no whole batch
        self.assertEqual(self.produce_error(batch(magic=1)), 43)  # UNSUPPORTED_FOR_MESSAGE_FORMAT
        self.assertEqual(self.produce_error(batch(control=True)), 87)  # INVALID_RECORD
        self.assertEqual(self.produce_error(batch(count=5)), 87)
        self.assertNotEqual(self.produce_error(b""), 0)
        self.assert_alive("v")

    def test_half_closed_and_reset_connections(self):
        for _ in range(50):
            half = self.connect()
            half.sendall(frame(18, 0, b""))
            half.shutdown(socket.SHUT_WR)
            self.assertIsNotNone(self.answer(half))  # asked before the end: answered
            self.assertIsNone(self.answer(half))
            reset = self.connect()
            reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            reset.sendall(produce_v3("t", batch())[:30])
            reset.close()
        self.assert_alive()
        harness.wait_until(lambda: self.connections() <= 1, what="the end of all connections")

    def connections(self):
        metrics = urllib.request.urlopen(f"http://{self.broker.admin}/metrics", timeout=10).read().decode()
        return sum(float(line.split()[-1]) for line in metrics.splitlines() if line.startswith("chronik_connections{"))


if __name__ == "__main__":
    harness.main()
