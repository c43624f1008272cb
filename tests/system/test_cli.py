"""The chronik command line against the real server: every command once, as a user would type it."""
# ctest: timeout=180

import json

import harness


class Cli(harness.SystemTest):
    def setUp(self):
        self.broker = self.start_broker()

    def chronik(self, *args, input=None, code=0):
        options = {} if input is None else {"input": input}
        done = harness.run([harness.BIN_DIR / "chronik", "--bootstrap", self.broker.kafka, *args], check=False, **options)
        self.assertEqual(done.returncode, code, f"{args}: {done.stdout}{done.stderr}")
        return done

    def json(self, *args, **options):
        return json.loads(self.chronik("--json", *args, **options).stdout)

    def test_topics(self):
        self.chronik("topic", "create", "orders", "--partitions", "3", "--config", "retention.ms=86400000")
        self.assertIn("TOPIC_ALREADY_EXISTS", self.chronik("topic", "create", "orders", code=1).stderr)
        self.assertEqual([(row["topic"], row["partitions"]) for row in self.json("topic", "list")], [("orders", 3)])
        self.assertEqual(len(self.json("topic", "describe", "orders")[0]["partitions"]), 3)
        self.assertIn("PARTITION", self.chronik("topic", "describe").stdout)
        self.assertEqual(self.json("topic", "config", "orders")["retention.ms"], {"value": "86400000", "set": True})
        self.chronik("topic", "config", "orders", "--set", "max.message.bytes=5000", "--unset", "retention.ms")
        config = self.json("topic", "config", "orders")
        self.assertEqual((config["max.message.bytes"]["value"], config["retention.ms"]["set"]), ("5000", False))
        self.assertIn("preallocate", self.chronik("topic", "config", "orders", "--set", "preallocate=true", code=1).stderr)
        self.chronik("topic", "delete", "orders")
        self.assertEqual(self.json("topic", "list"), [])
        self.assertIn("UNKNOWN_TOPIC", self.chronik("topic", "delete", "orders", code=1).stderr)

    def test_records_and_groups(self):
        self.chronik("topic", "create", "t", "--partitions", "2")
        said = self.chronik("produce", "t", "--key-separator", ":", "--codec", "zstd", input="a:1\nb:2\nc:3\n")
        self.assertIn("3 acknowledged", said.stderr)
        rows = [json.loads(row) for row in self.chronik("consume", "t", "--exit-at-end", "--format", "json").stdout.splitlines()]
        self.assertEqual(sorted((row["key"], row["value"]) for row in rows), [("a", "1"), ("b", "2"), ("c", "3")])
        later = self.chronik("consume", "t", "--exit-at-end", "--from", f"@{rows[0]['timestamp'] + 3600_000}").stdout
        self.assertEqual(later, "")
        self.assertEqual(len(self.chronik("consume", "t", "--group", "g", "--count", "3").stdout.splitlines()), 3)
        self.assertEqual([row["group"] for row in self.json("group", "list")], ["g"])
        described = self.json("group", "describe", "g")
        self.assertEqual(sum(row["lag"] for row in described["partitions"] if "lag" in row), 0)
        self.assertIn("--execute", self.chronik("group", "reset", "g", "--topic", "t", "--to", "earliest").stdout)
        self.chronik("group", "reset", "g", "--topic", "t", "--to", "earliest", "--execute")
        self.assertEqual(sum(row["lag"] for row in self.json("group", "describe", "g")["partitions"]), 3)
        self.chronik("group", "delete", "g")
        self.assertEqual(self.json("group", "list"), [])

    def test_doctor_finds_a_sound_broker_sound(self):
        checks = self.json("doctor", "--write", "--admin", self.broker.admin)
        self.assertEqual([check for check in checks if check["state"] == "fail"], [])
        self.assertIn("read back", [check["check"] for check in checks])
        self.assertEqual(self.json("topic", "list"), [])

    def test_mistakes_are_one_line(self):
        for args, code in ((["topic"], 2), (["frobnicate"], 2), (["topic", "describe", "missing"], 1),
                           (["consume", "missing-topic-x", "--from", "yesterday"], 1)):
            said = self.chronik(*args, code=code).stderr
            self.assertEqual(len(said.strip().splitlines()), 1, said)
        nobody = harness.run([harness.BIN_DIR / "chronik", "--bootstrap", "127.0.0.1:1", "topic", "list"], check=False)
        self.assertEqual(nobody.returncode, 1)
        self.assertIn("127.0.0.1:1", nobody.stderr)


if __name__ == "__main__":
    harness.main()
