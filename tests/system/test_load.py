"""128 producers, 64 consumers and a reader that never reads, for a minute: no error, nothing lost, memory within its budgets."""
# ctest: timeout=300 serial

import json
import os
import socket
import struct
import subprocess

import harness

SECONDS = int(os.environ.get("CHRONIK_LOAD_SECONDS", "60"))
RATE = 20000  # records a second, over all producers
# Write-ahead log (its memory is the tails'), requests and answers, and what the process itself needs.
RSS_MAX_MB = 256 + 256 + 160


def resident_mb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    raise AssertionError("no VmHWM")



def fetch_frame(topic, correlation):
    """A Fetch v4 request for as much as there is, from the beginning."""
    name = topic.encode()
    body = struct.pack(">iiiib", -1, 100, 1, 64 << 20, 0)
    body += struct.pack(">ih", 1, len(name)) + name + struct.pack(">iiqi", 1, 0, 0, 64 << 20)
    header = struct.pack(">hhih", 1, 4, correlation, 4) + b"deaf"
    return struct.pack(">i", len(header) + len(body)) + header + body


class Load(harness.SystemTest):
    def test_128_producers_64_consumers_and_a_reader_that_never_reads(self):
        broker = self.start_broker()
        bench = harness.BIN_DIR / "chronik-bench"
        harness.kcat(broker, "-L", "-t", "load")  # auto-created
        harness.run([bench, "create-topic", "--bootstrap", broker.kafka, "--topic", "many", "--partitions", "16"])
        harness.run([bench, "produce", "--bootstrap", broker.kafka, "--topic", "deaf", "--create-topic", "--partitions", "1",
                     "--records", "20000", "--size", "4000", "--quiet", "--no-verify"], deadline_s=60)
        deaf = []
        host, port = broker.kafka.rsplit(":", 1)
        for i in range(4):
            reader = socket.create_connection((host, int(port)))
            for correlation in range(20):
                reader.sendall(fetch_frame("deaf", correlation))
            deaf.append(reader)
        # The group first, and whole: they commit nothing, so who comes late would have the others read all again.
        consumers = subprocess.Popen(
            [str(bench), "consume", "--bootstrap", broker.kafka, "--topic", "many", "--clients", "64", "--group", "g",
             "--records", str(RATE * SECONDS), "--json", "--quiet"], stdout=subprocess.PIPE, text=True)

        def whole():
            said = harness.run([harness.BIN_DIR / "chronik", "--bootstrap", broker.kafka, "--json", "group", "describe", "g"], check=False)
            group = json.loads(said.stdout) if said.returncode == 0 else {}
            return consumers.poll() is not None or (group.get("state"), group.get("members")) == ("Stable", 64)

        harness.wait_until(whole, what="a group of 64")
        self.assertIsNone(consumers.poll(), "the consumers ended before the first record")
        producers = subprocess.Popen(
            [str(bench), "produce", "--bootstrap", broker.kafka, "--topic", "many", "--clients", "128", "--seconds",
             str(SECONDS), "--size", "200", "--rate", str(RATE), "--json", "--quiet"], stdout=subprocess.PIPE, text=True)
        out, _ = producers.communicate(timeout=SECONDS + 120)
        read, _ = consumers.communicate(timeout=SECONDS + 60)
        self.assertEqual(producers.returncode, 0, out)
        self.assertEqual(consumers.returncode, 0, read)
        wrote, got = json.loads(out), json.loads(read)
        peak = resident_mb(broker.pid)
        print(f"acked {wrote['acked']}, failed {wrote['failed']}, consumed {got.get('records')}, peak {peak:.0f} MiB")
        self.assertEqual(wrote["failed"], 0)
        self.assertEqual(wrote["verify"]["mismatches"], 0)
        self.assertEqual(wrote["verify"]["read"], wrote["acked"])
        self.assertEqual(got["records"], wrote["acked"])
        self.assertLess(peak, RSS_MAX_MB)
        harness.no_wait_is_overdue(broker)
        for reader in deaf:
            reader.close()


if __name__ == "__main__":
    harness.main()
