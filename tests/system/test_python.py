"""The Python package as others get it: its wheel in environments of their own, its tests, its example, its types."""
# ctest: timeout=600

import re
import signal
import subprocess
import sys

import harness
import python_package
from python_package import ENVIRONMENT, PACKAGE


class Python(harness.SystemTest):
    def run_tests(self, python, name, at_least, deadline_s=300):
        """One file of clients/python/tests: all of it runs, nothing is skipped."""
        done = harness.run([python, "-m", "unittest", "-v", name], deadline_s, check=False, cwd=PACKAGE / "tests", env=ENVIRONMENT)
        sys.stderr.write(done.stderr if done.returncode else "")
        print("\n".join(line for line in done.stdout.splitlines() if line.startswith("conformance")), flush=True)
        self.assertEqual(done.returncode, 0, "\n".join(re.findall(r"^(?:FAIL|ERROR|\w+Error): .*", done.stderr, re.M)))
        ran = re.search(r"^Ran (\d+) tests?", done.stderr, re.M)
        print(ran[0], flush=True)
        self.assertGreaterEqual(int(ran[1]), at_least)
        self.assertNotIn("skipped", done.stderr)

    def bare(self):
        return python_package.make(self.new_dir("python") / "venv")

    def test_the_wheel_needs_nothing_and_the_interface_is_the_same_everywhere(self):
        self.run_tests(self.bare(), "test_store", 64)

    def test_what_was_returned_survives_and_processes_do_not_disturb_each_other(self):
        self.run_tests(self.bare(), "test_embedded", 17)

    def test_what_blocks_can_be_awaited(self):
        self.run_tests(self.bare(), "test_aio", 4)

    def test_what_goes_wrong_on_the_way_to_a_server_has_a_name_and_an_end(self):
        self.run_tests(self.bare(), "test_http", 25)

    def test_langgraph_s_conformance_tests_pass_on_every_backend(self):
        self.run_tests(python_package.langgraph(), "test_langgraph", 22, deadline_s=400)

    def test_the_types_hold(self):
        python = python_package.langgraph()
        harness.run([python, "-m", "mypy", "--strict", "--cache-dir", self.new_dir("mypy"), "-p", "chronik"], deadline_s=300,
                    cwd=self.new_dir("empty"), env=ENVIRONMENT)

    def test_types_are_as_exact_when_awaited(self):
        program = self.new_dir("types") / "program.py"
        program.write_text("import chronik.aio\n"
                           "async def main() -> None:\n"
                           "    async with await chronik.aio.open('x') as store:\n"
                           "        session = await store.open_session('s')\n"
                           "        reveal_type(await session.create('x', tags=['a']))\n"
                           "        await session.create(3)\n"
                           "        await session.create('x', nope=1)\n", encoding="utf-8")
        done = harness.run([python_package.langgraph(), "-m", "mypy", "--strict", "--cache-dir", program.parent, program], deadline_s=300,
                           check=False, env=ENVIRONMENT)
        said = [line.split(": ", 1) for line in done.stdout.splitlines() if "program.py" in line]
        self.assertEqual([where.rsplit(":", 1)[1] for where, _ in said], ["5", "6", "7"], done.stdout)
        self.assertIn('"chronik.model.Checkpoint"', said[0][1])

    def check_blocks(self, path, wanted):
        """Python blocks that use the package, each in an environment and a directory of this test; what they print stands below."""
        text = path.read_text(encoding="utf-8")
        block = r"((?:(?!```).*\n)*)```\n"
        blocks = re.findall(rf"^```python\n{block}\n```text\n{block}", text, re.M)
        self.assertEqual(len(blocks), wanted)
        for program, printed in blocks:
            said = harness.run([python_package.langgraph(), "-c", program], cwd=self.new_dir("readme"), env=ENVIRONMENT).stdout
            self.assertEqual(said, printed)

    def test_the_readmes_are_true(self):
        self.check_blocks(harness.REPO / "README.md", 1)
        self.check_blocks(PACKAGE / "README.md", 3)

    def agent(self, *args, **options):
        return harness.run([python_package.langgraph(), PACKAGE / "examples" / "agent.py", *args], deadline_s=120, env=ENVIRONMENT,
                           **options).stdout

    def live(self, store):
        """Killed in the middle of its third step, resumed, forked, compared."""
        killed = subprocess.Popen([python_package.langgraph(), PACKAGE / "examples" / "agent.py", store, "run", "trip"],
                                  stdout=subprocess.PIPE, text=True, env={**ENVIRONMENT, "AGENT_STEP_S": "5"})
        self.addCleanup(killed.communicate)
        self.addCleanup(killed.kill)
        lines = []
        while not lines or not lines[-1].startswith("step 3: "):
            lines.append(killed.stdout.readline())
            self.assertTrue(lines[-1], f"the agent ended by itself: {lines}")
        killed.kill()
        self.assertEqual(killed.wait(harness.DEADLINE_S), -signal.SIGKILL)
        self.assertNotIn("step 3: lamp packed\n", [*lines, *killed.stdout])
        packed = [line for line in lines if line.endswith(" packed\n")]
        self.assertEqual(packed, ["step 1: map packed\n", "step 2: stove packed\n"])

        resumed = self.agent(store, "resume", "trip").splitlines()
        self.assertEqual(resumed[0], "resuming behind step 2")
        self.assertEqual(resumed[1], "step 3: lamp ...")
        first = "5 items worth 151 in 18: map, stove, lamp, tent, rope"
        self.assertEqual(resumed[-1], first)
        second = "4 items worth 76 in 9: map, stove, lamp, book"
        self.assertEqual(self.agent(store, "fork", "trip", "2", "--room", "9").splitlines()[-1], second)
        self.assertEqual(self.agent(store, "compare", "trip").splitlines(),
                         [f"first   {first}", f"second  {second}", "they part behind step 3"])

    def test_an_agent_is_killed_resumed_forked_and_compared_in_a_directory(self):
        self.live(self.new_dir("agents") / "store")

    def test_an_agent_is_killed_resumed_forked_and_compared_on_a_server(self):
        self.live(f"http://{self.start_broker().admin}")


if __name__ == "__main__":
    harness.main()
