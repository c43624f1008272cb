"""The new consumer protocol with real clients: Java through a kill and a restart, confluent-kafka."""
# ctest: timeout=500

import os
import shutil
import subprocess
import sys

import harness

CLIENTS = harness.REPO / "tests" / "clients"
BUILD = harness.REPO / "build"
RECORDS = 60_000
# Rebalances go from heartbeat to heartbeat; five seconds each would make a slow test.
QUICK = ("--set", "group.consumer.heartbeat.interval.ms=500")


class ConsumerProtocol(harness.SystemTest):
    def java(self):
        """The directory with the jars and the compiled program."""
        for tool in ("java", "javac", "mvn"):
            harness.need_tool(tool)
        jars = BUILD / "java-consumer"
        source = CLIENTS / "java" / "ConsumerProtocol.java"
        if not list(jars.glob("kafka-clients-*.jar")):
            jars.mkdir(parents=True, exist_ok=True)
            done = harness.run(["mvn", "-q", "-B", "-f", CLIENTS / "java" / "pom.xml", "dependency:copy-dependencies",
                                f"-DoutputDirectory={jars}"], deadline_s=180, check=False)
            if done.returncode != 0:
                raise harness.Skip(f"kafka-clients cannot be fetched: {done.stdout[-300:]}")
        classes = self.new_dir("classes")
        harness.run(["javac", "-cp", f"{jars}/*", "-d", classes, source], deadline_s=60)
        return f"{classes}:{jars}/*"

    def test_java_members_come_and_go_through_a_kill(self):
        classpath = self.java()
        broker = self.start_broker(*QUICK)
        output = self.new_dir("members") / "out"
        with open(output, "w", encoding="utf-8") as out:
            client = subprocess.Popen(["java", "-Xmx512m", "-cp", classpath, "ConsumerProtocol", broker.kafka, "members",
                                       str(RECORDS)], stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        try:
            harness.wait_until(lambda: client.poll() is not None or "half" in output.read_text(encoding="utf-8"), 120, "half of it")
            broker.kill()
            broker.start(same_ports=True)
            self.assertEqual(client.wait(170), 0, output.read_text(encoding="utf-8"))
        finally:
            client.kill()
        self.assertIn(f"arrived {RECORDS} again 0", output.read_text(encoding="utf-8"))

    def test_java_members_of_both_protocols_in_one_live_group(self):
        classpath = self.java()
        broker = self.start_broker(*QUICK, "--set", "group.initial.rebalance.delay.ms=500")
        done = harness.run(["java", "-Xmx512m", "-cp", classpath, "ConsumerProtocol", broker.kafka, "members", RECORDS, "mixed"],
                           deadline_s=170, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(f"arrived {RECORDS} again 0", done.stdout)

    def test_confluent_kafka_members_come_and_go(self):
        venv = BUILD / "venv-consumer"
        python = venv / "bin" / "python"
        if not (venv / "ready").exists():
            shutil.rmtree(venv, ignore_errors=True)
            harness.run([sys.executable, "-m", "venv", venv], deadline_s=60)
            # The first whose librdkafka calls the protocol finished.
            done = harness.run([python, "-m", "pip", "install", "-q", "confluent-kafka==2.12.1"], deadline_s=180, check=False,
                               env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"})
            if done.returncode != 0:
                raise harness.Skip(f"confluent-kafka cannot be installed: {done.stderr[-300:]}")
            (venv / "ready").touch()
        broker = self.start_broker(*QUICK)
        done = harness.run([python, CLIENTS / "consumer_protocol.py", broker.kafka, "members", RECORDS], deadline_s=150, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    harness.main()
