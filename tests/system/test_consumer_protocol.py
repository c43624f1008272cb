"""The new consumer protocol with real clients: Java through a kill and a restart, confluent-kafka."""
# ctest: timeout=500

import subprocess

import client_libraries
import harness

RECORDS = 60_000
# Rebalances go from heartbeat to heartbeat; five seconds each would make a slow test.
QUICK = ("--set", "group.consumer.heartbeat.interval.ms=500")


class ConsumerProtocol(harness.SystemTest):
    def test_java_members_come_and_go_through_a_kill(self):
        java = client_libraries.java("ConsumerProtocol")
        broker = self.start_broker(*QUICK)
        output = self.new_dir("members") / "out"
        with open(output, "w", encoding="utf-8") as out:
            client = subprocess.Popen([*java, broker.kafka, "members", str(RECORDS)], stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        try:
            harness.wait_until(lambda: client.poll() is not None or "half" in output.read_text(encoding="utf-8"), 120, "half of it")
            broker.kill()
            broker.start(same_ports=True)
            self.assertEqual(client.wait(170), 0, output.read_text(encoding="utf-8"))
        finally:
            client.kill()
        self.assertIn(f"arrived {RECORDS} again 0", output.read_text(encoding="utf-8"))

    def test_java_members_of_both_protocols_in_one_live_group(self):
        java = client_libraries.java("ConsumerProtocol")
        broker = self.start_broker(*QUICK, "--set", "group.initial.rebalance.delay.ms=500")
        done = harness.run([*java, broker.kafka, "members", RECORDS, "mixed"], deadline_s=170, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(f"arrived {RECORDS} again 0", done.stdout)

    def test_confluent_kafka_members_come_and_go(self):
        # The first whose librdkafka calls the protocol finished.
        python = client_libraries.python("2.12.1")
        broker = self.start_broker(*QUICK)
        done = harness.run([python, client_libraries.CLIENTS / "consumer_protocol.py", broker.kafka, "members", RECORDS], deadline_s=150, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    harness.main()
