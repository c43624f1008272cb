"""The first thing anybody does: three records in, three records out, and again after a kill."""

# ctest: sanitize=thread sanitize=address

import harness


class FirstRecord(harness.SystemTest):
    def test_acked_records_survive_kill(self):
        broker = self.start_broker()
        lines = ["first", "second", "third"]
        harness.produce(broker, "greetings", lines)
        self.assertEqual(harness.consume(broker, "greetings"), lines)
        broker.restart(kill=True)
        self.assertEqual(harness.consume(broker, "greetings"), lines)


if __name__ == "__main__":
    harness.main()
