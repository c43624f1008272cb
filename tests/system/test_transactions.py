"""Exactly once with real clients: librdkafka (transactions version 1), Java (version 2) through kills of the broker."""
# ctest: timeout=400

import os
import subprocess
import time

import client_libraries
import harness

# More on demand: CHRONIK_KILLS=50 tests/system/test_transactions.py
KILLS = int(os.environ.get("CHRONIK_KILLS", "6"))
RECORDS = max(20_000, 12_000 * KILLS)


class Transactions(harness.SystemTest):
    def test_librdkafka_commits_aborts_and_is_fenced(self):
        python = client_libraries.python()
        broker = self.start_broker("--set", "group.initial.rebalance.delay.ms=100")
        done = harness.run([python, client_libraries.CLIENTS / "transactions.py", broker.kafka], deadline_s=120)
        self.assertEqual(len(done.stdout.splitlines()), 4, done.stdout)

    def test_java_moves_each_record_exactly_once_through_kills(self):
        command = client_libraries.java("Transactions")
        broker = self.start_broker("--set", "group.initial.rebalance.delay.ms=0", "--shards", "2")
        output = self.new_dir("client") / "out"
        with open(output, "w", encoding="utf-8") as out:
            client = subprocess.Popen([*command, broker.kafka, "source", "target", str(RECORDS)], stdout=out,
                                      stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        try:
            harness.wait_until(lambda: "filled" in output.read_text(encoding="utf-8") or client.poll() is not None, 60, "the source")
            kills = 0
            while client.poll() is None and kills < KILLS:
                time.sleep(0.7 + 0.13 * (kills % 5))  # while transactions run, at different moments
                broker.kill()
                broker.start(same_ports=True)
                kills += 1
            said = lambda: output.read_text(encoding="utf-8")
            self.assertEqual(client.wait(60 + 6 * KILLS), 0, said()[-3000:])
            self.assertEqual(kills, KILLS, "the client was done too soon: " + said()[-1000:])
        finally:
            client.kill()
        self.assertIn(f"exactly {RECORDS}", said())


if __name__ == "__main__":
    harness.main()
