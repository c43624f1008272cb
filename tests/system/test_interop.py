"""A fast pass of `./dev interop`: one client per language through the short scenarios; all clients, and load, are for the command."""
# ctest: timeout=1200

import sys

import harness

sys.path.insert(0, str(harness.REPO / "tests" / "interop"))

import clients  # noqa: E402  (after the path)
import run  # noqa: E402

LANGUAGES = {client.name: client for client in clients.CLIENTS}
SHORT = ["codecs", "large", "headers", "nulls", "idempotent", "transactions", "positions", "group", "static", "metadata", "admin", "errors"]
# A Java machine starts for each: what is most Kafka's own.
SHORT_JAVA = ["codecs", "transactions", "positions", "group", "protocol848", "admin", "errors"]


class Interop(harness.SystemTest):
    def check(self, name, scenarios=SHORT):
        lines = []
        outcomes = run.run_client(LANGUAGES[name], scenarios, say=lines.append)
        skipped = {outcome.reason for outcome in outcomes.values() if outcome.result == "skipped"}
        if skipped:
            raise harness.Skip(skipped.pop())
        failed = [name for name, outcome in outcomes.items() if outcome.result == "failed"]
        self.assertEqual(failed, [], "\n".join(lines))

    def test_java(self):
        self.check("java", SHORT_JAVA)

    def test_librdkafka(self):
        self.check("confluent-kafka", [*SHORT, "cooperative", "protocol848"])

    def test_python(self):
        self.check("kafka-python")

    def test_go(self):
        self.check("franz-go", [*SHORT, "cooperative", "protocol848"])

    def test_javascript(self):
        self.check("kafkajs")

    def test_rust(self):
        self.check("rdkafka-rust", ["codecs", "headers", "transactions", "group", "protocol848", "errors"])


if __name__ == "__main__":
    harness.main()
