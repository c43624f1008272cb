"""P10 and P12: reading from the beginning, against sendfile of the same files, and what it costs those who write meanwhile."""

import multiprocessing
import os
import shutil
import socket
import struct
import time
from pathlib import Path

from harness import Failure, Row, median, spread
from latency import percentiles

MIB = 1 << 20
FETCH_BYTES = 8 * MIB
FORK = multiprocessing.get_context("fork")


def receive(connection, view):
    have = 0
    while have < len(view):
        got = connection.recv_into(view[have:])
        if got == 0:
            raise Failure("the connection ended early")
        have += got


class Reader:
    """Fetch version 4 of one partition, one request at a time, nothing decoded but where each batch ends."""

    def __init__(self, address, topic):
        host, port = address.rsplit(":", 1)
        self.connection = socket.create_connection((host, int(port)), 60)
        self.topic = topic.encode()
        self.memory = memoryview(bytearray(FETCH_BYTES + MIB))

    def fetch(self, offset):
        """Bytes of batches, and the offset behind them."""
        body = struct.pack(">iiiib", -1, 100, 1, FETCH_BYTES, 0)
        body += struct.pack(">ih", 1, len(self.topic)) + self.topic + struct.pack(">iiqi", 1, 0, offset, FETCH_BYTES)
        header = struct.pack(">hhih", 1, 4, 0, 5) + b"bench"
        self.connection.sendall(struct.pack(">i", len(header) + len(body)) + header + body)
        receive(self.connection, self.memory[:4])
        (size,) = struct.unpack_from(">i", self.memory)
        if size > len(self.memory):
            raise Failure(f"an answer of {size} bytes")
        receive(self.connection, self.memory[:size])
        at = 4 + 4 + 4 + 2 + len(self.topic) + 4
        _, error, _, _, aborted = struct.unpack_from(">ihqqi", self.memory, at)
        at += 26 + 16 * max(aborted, 0)
        (length,) = struct.unpack_from(">i", self.memory, at)
        if error != 0:
            raise Failure(f"fetch at {offset}: error {error}")
        at += 4
        end = at + length
        taken = 0
        while at + 27 <= end:
            base, batch = struct.unpack_from(">qi", self.memory, at)
            if at + 12 + batch > end:
                break
            offset = base + struct.unpack_from(">i", self.memory, at + 23)[0] + 1
            taken += 12 + batch
            at += 12 + batch
        return taken, offset

    def read_all(self):
        """Bytes, to the present end."""
        total, offset = 0, 0
        while True:
            taken, offset = self.fetch(offset)
            if taken == 0:
                return total
            total += taken


def filled(bench, server, volume):
    """A topic of one partition with so many bytes of 1 KB records."""
    bench.load(server, "old", "produce", "--create-topic", "--partitions", 1, "--size", 1024, "--records", volume // 1024, "--no-verify")


def segments(data):
    return sorted(Path(data).glob("old-0/*.log"))


def send_files(listener, files):
    connection, _ = listener.accept()
    with connection:
        for path in files:
            with open(path, "rb") as file:
                size, at = os.fstat(file.fileno()).st_size, 0
                while at < size:
                    at += os.sendfile(connection.fileno(), file.fileno(), at, size - at)


def sendfile_rate(files, volume):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sender = FORK.Process(target=send_files, args=(listener, files))
        sender.start()
        memory = memoryview(bytearray(FETCH_BYTES))
        began, left = time.monotonic(), volume
        with socket.create_connection(listener.getsockname(), 60) as connection:
            while left > 0:
                part = memory[:min(left, len(memory))]
                receive(connection, part)
                left -= len(part)
        took = time.monotonic() - began
        sender.join()
    return volume / MIB / took


def p12(bench):
    """Catch-up read of one partition from the page cache, against sendfile of the same segment files to the same reader."""
    data = bench.fresh_dir("p12")
    with bench.start(data) as server:
        filled(bench, server, (256 if bench.quick else 2048) * MIB)
    with bench.start(data) as server:  # stopping has put all of it into the segment files
        files = segments(data)
        volume = sum(path.stat().st_size for path in files)
        reader = Reader(server.address, "old")

        def ours(_):
            began = time.monotonic()
            total = reader.read_all()
            if total != volume:
                raise Failure(f"{total} bytes read of {volume}")
            return total / MIB / (time.monotonic() - began)

        # Once before, so that both find the page cache as the other left it.
        ours(0)
        sendfile_rate(files, volume)
        read, sent = [], []
        bench.alternate([(read, ours), (sent, lambda _: sendfile_rate(files, volume))])
    shutil.rmtree(data)
    ratios = [a / b for a, b in zip(read, sent)]
    return [Row("P12", f"catch-up read, 1 partition, {volume // MIB:,} MiB, raw client", f"{median(read):,.0f} MiB/s",
                f"sendfile {median(sent):,.0f} MiB/s", spread(ratios), "–", "≥ 0.7", median(ratios) >= 0.7, {"ours": read, "sendfile": sent})]


def read_again_and_again(address, stop, total):
    reader = Reader(address, "old")
    while not stop.is_set():
        offset = 0
        while not stop.is_set():
            taken, offset = reader.fetch(offset)
            if taken == 0:
                break
            total.value += taken


def p10(bench):
    """Publish latency while somebody reads another topic from its beginning, as fast as he can, against the same without him."""
    seconds = 3 if bench.quick else 10
    rate = 20_000
    data = bench.fresh_dir("p10")
    speeds = []
    with bench.start(data) as server:
        filled(bench, server, (256 if bench.quick else 2048) * MIB)

        def publish(_):
            result = bench.load(server, "p10", "produce", "--create-topic", "--partitions", 1, "--size", 1024, "--seconds", seconds,
                                "--rate", rate)
            return percentiles(result, "publish_latency_us")

        def publish_beside_reader(number):
            stop, total = FORK.Event(), FORK.Value("q", 0)
            reader = FORK.Process(target=read_again_and_again, args=(server.address, stop, total))
            began = time.monotonic()
            reader.start()
            try:
                return publish(number)
            finally:
                stop.set()
                reader.join(60)
                speeds.append(total.value / MIB / (time.monotonic() - began))

        beside, alone = [], []
        bench.alternate([(beside, publish_beside_reader), (alone, publish)])
    shutil.rmtree(data)
    ratios = [a[1] / b[1] for a, b in zip(beside, alone)]
    text = [f"p50 {median([p[0] for p in side]):.0f} µs, p99 {median([p[1] for p in side]):.0f} µs" for side in (beside, alone)]
    return [Row("P10", f"publish, {rate:,} rec/s of 1 KB, while another reads 2 GB again and again ({median(speeds):,.0f} MiB/s)", text[0],
                f"without the reader {text[1]}", f"p99 {spread(ratios)}", "–", "≤ 1.5", median(ratios) <= 1.5,
                {"beside": beside, "alone": alone, "reader_mib_per_s": speeds})]
