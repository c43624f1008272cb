"""Runs the commands that README.md shows, in order, and compares what they print with what it says.

A ```sh block is run; a ```text block after it is its output. `./dev run` becomes a server of this test, on ports of its own;
`./dev test` is what runs this.
"""

import re
import shlex

import harness

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)


class Readme(harness.SystemTest):
    def test_commands_do_what_it_says(self):
        harness.need_tool("kcat")
        broker, output, ran = None, None, 0
        for language, text in BLOCK.findall((harness.REPO / "README.md").read_text(encoding="utf-8")):
            if language == "text":
                self.assertEqual(output, text)
            if language != "sh":
                continue
            commands = []
            for line in text.replace("\\\n", " ").splitlines():
                words = shlex.split(line)
                if words[:2] == ["./dev", "run"]:
                    self.assertEqual(words[2:4], ["--data-dir", "data"])
                    broker = self.start_broker(*words[4:])
                elif words[:2] != ["./dev", "test"]:
                    commands.append(line)
            if commands:
                self.assertIsNotNone(broker, "a command before the server runs")
                script = "\n".join(commands).replace("127.0.0.1:9092", broker.kafka).replace("127.0.0.1:6092", broker.admin)
                output = harness.run(["bash", "-euo", "pipefail", "-c", script], cwd=self.new_dir("readme")).stdout
                ran += len(commands)
        self.assertGreaterEqual(ran, 2)


if __name__ == "__main__":
    harness.main()
