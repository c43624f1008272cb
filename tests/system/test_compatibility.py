"""docs/compatibility.md says what the program answers: its tables are regenerated, a running server is asked, and every
version that it names is sent a request."""
# ctest: timeout=120 sanitize=address

import contextlib
import re
import socket
import struct
import sys

import harness

sys.path.insert(0, str(harness.REPO / "tests" / "differential"))

import compatibility  # noqa: E402

GOLDEN = harness.REPO / "src" / "wire" / "testdata" / "golden.txt"
UNSUPPORTED_VERSION = 35

def flexible_since():
    """From the table of src/wire/api.h, which golden vectors check."""
    text = (harness.REPO / "src/wire/api.h").read_text(encoding="utf-8")
    rows = re.findall(r'\{ApiKey::\w+, "(\w+)", \d+, \d+, (\w+), \d+\}', text)
    return {name: 99 if since == "kNeverFlexible" else int(since) for name, since in rows}


def golden_requests():
    """(API, version) -> a well-formed body, written by Kafka's classes."""
    bodies = {}
    for line in GOLDEN.read_text(encoding="utf-8").splitlines():
        name, *rest = line.split(" ", 3)
        if name.endswith("Request"):
            bodies[name.removesuffix("Request"), int(rest[0])] = b"" if rest[1] == "-" else bytes.fromhex(rest[1])
    return bodies


class Compatibility(harness.SystemTest):
    def setUp(self):
        self.rows = compatibility.served()

    def ask(self, broker, key, version, body, flexible, deadline_s=30):
        """The answer without its frame, None if the connection was closed."""
        host, port = broker.kafka.rsplit(":", 1)
        head = struct.pack(">hhih", key, version, 5, 1) + b"x" + (b"\x00" if flexible else b"")
        with socket.create_connection((host, int(port)), 10) as connection:
            connection.settimeout(deadline_s)
            connection.sendall(struct.pack(">i", len(head) + len(body)) + head + body)
            data = b""
            while len(data) < 4 or len(data) < 4 + struct.unpack(">i", data[:4])[0]:
                with contextlib.suppress(ConnectionResetError):
                    more = connection.recv(65536)
                    if more:
                        data += more
                        continue
                return None
        return data[4:]

    def test_document_is_what_the_code_says(self):
        text = compatibility.DOCUMENT.read_text(encoding="utf-8")
        self.assertEqual(text, compatibility.rendered(text), "run tests/differential/compatibility.py")

    def test_running_server_advertises_exactly_the_table(self):
        answer = self.ask(self.start_broker(), 18, 0, b"", False)
        correlation, error, count = struct.unpack(">ihi", answer[:10])
        advertised = [struct.unpack(">hhh", answer[10 + 6 * i:16 + 6 * i]) for i in range(count)]
        self.assertEqual((correlation, error, len(answer)), (5, 0, 10 + 6 * count))
        self.assertEqual(advertised, [(key, low, high) for key, _, _, low, high in self.rows])

    def test_every_advertised_version_is_answered(self):
        broker = self.start_broker()
        bodies, flexible = golden_requests(), flexible_since()
        for key, name, low, _, high in self.rows:
            for version in range(low, high + 1):
                body = bodies[name, version]
                if name == "Fetch":  # wait for nothing: max_wait_ms and min_bytes
                    at = 4 if version < 15 else 0
                    body = body[:at] + bytes(8) + body[at + 8:]
                answer = self.ask(broker, key, version, body, version >= flexible[name])
                self.assertIsNotNone(answer, f"{name} version {version}: the connection was closed")
                self.assertEqual(answer[:4], b"\0\0\0\5", f"{name} version {version}")
                if name == "ApiVersions":
                    self.assertNotEqual(struct.unpack(">h", answer[4:6])[0], UNSUPPORTED_VERSION, f"version {version}")
        self.assertNotIn("closed:", broker.log())


if __name__ == "__main__":
    harness.main()
