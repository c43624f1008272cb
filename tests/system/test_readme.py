"""Runs the commands that README.md shows, in order, and compares what they print with what it says.

A ```sh block is run, all in one directory; a ```text block after it is its output. `./dev run` becomes a server of this test, on
ports of its own; `./dev test` is what runs this. The programs of other languages run with clients as tests/interop installs
them; test_install.py builds and runs the one in C++, test_python.py runs that of the Python package.
"""
# ctest: timeout=1200

import os
import re
import shlex
import shutil
import sys

import harness

sys.path.insert(0, str(harness.REPO / "tests" / "interop"))

import clients  # noqa: E402  (after the path)

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)


class Readme(harness.SystemTest):
    def test_commands_do_what_it_says(self):
        harness.need_tool("kcat")
        broker, output, ran, before = None, None, 0, None
        directory = self.new_dir("readme")
        for language, text in BLOCK.findall((harness.REPO / "README.md").read_text(encoding="utf-8")):
            if language == "text" and before == "sh":
                self.assertEqual(output, text)
            before = language
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
                script = script.replace("build/release/bin/", f"{shlex.quote(str(harness.BIN_DIR))}/")
                output = harness.run(["bash", "-euo", "pipefail", "-c", script], cwd=directory).stdout
                ran += len(commands)
        self.assertGreaterEqual(ran, 2)

    def check_program(self, language, prepare):
        """The one block of a language, on the topic that the README has filled; `prepare(file)` gives the command."""
        blocks = [text for found, text in BLOCK.findall((harness.REPO / "README.md").read_text(encoding="utf-8"))
                  if found == language and "greetings" in text]
        self.assertEqual(len(blocks), 1)
        broker = self.start_broker()
        harness.produce(broker, "greetings", ["first", "second", "third"])
        file = self.new_dir("readme") / {"python": "main.py", "go": "main.go", "javascript": "main.js"}[language]
        file.write_text(blocks[0].replace("127.0.0.1:9092", broker.kafka), encoding="utf-8")
        environment = {**os.environ, "NODE_PATH": str(clients.BUILD / "kafkajs" / "node_modules")}
        said = harness.run(prepare(file), deadline_s=120, env=environment, cwd=file.parent).stdout
        self.assertEqual([line for line in said.splitlines() if not line.startswith("{")], ["first", "second", "third"])

    def client(self, name):
        return next(client for client in clients.CLIENTS if client.name == name).install()

    def test_python_needs_only_the_address(self):
        self.check_program("python", lambda file: [self.client("confluent-kafka")[0], file])

    def test_javascript_needs_only_the_address(self):
        self.check_program("javascript", lambda file: [self.client("kafkajs")[0], file])

    def test_go_needs_only_the_address(self):
        def prepare(file):
            self.client("franz-go")
            for name in ("go.mod", "go.sum"):
                shutil.copy(clients.HERE / "go" / name, file.parent)
            return ["go", "run", "-mod=mod", file.name]

        self.check_program("go", prepare)


if __name__ == "__main__":
    harness.main()
