"""The checkpoint store as others get it: installed into a prefix, embedded by a project of its own (examples/checkpoint)."""
# ctest: timeout=300

import json
import os
import re
import shutil

import harness

BUILD = harness.BIN_DIR.parent
EXAMPLE = harness.REPO / "examples" / "checkpoint"
COMPILER = re.search(r"^CMAKE_CXX_COMPILER:\w+=(.*)$", (BUILD / "CMakeCache.txt").read_text(encoding="utf-8"), re.M)[1]
PRINTS = '[{"op":"replace","path":"/step","value":2}]\n{"step":1}\n'

REMOTE = """
#include <chronik/checkpoint.h>
#include <cstdio>
int main(int, char** argv) {
  const auto store = chronik::checkpoint::Store::connect(argv[1]).value();
  const auto saved = store.open_session("agent").value().create("state").value();
  std::printf("sequence %d\\n", static_cast<int>(saved.sequence));
}
"""


class Install(harness.SystemTest):
    def setUp(self):
        harness.need_tool("cmake")
        harness.need_tool("ninja")
        self.dir = self.new_dir("install")
        # Installed, then moved: nothing in it may know where it was.
        harness.run(["cmake", "--install", BUILD, "--component", "checkpoint", "--prefix", self.dir / "at-first"])
        self.prefix = (self.dir / "at-first").rename(self.dir / "prefix")

    def check_program(self, program):
        work = self.new_dir("work")
        for _ in range(2):  # the second time over what the first has stored
            said = harness.run([program], cwd=work).stdout
            self.assertEqual(said, PRINTS)
        store = [harness.BIN_DIR / "chronik", "checkpoint", "restore", "agent-7", "4", "--store", work / "state"]
        self.assertEqual(harness.run(store).stdout, '{"step":2}')

    def test_find_package_gives_a_target(self):
        example = shutil.copytree(EXAMPLE, self.dir / "example")
        harness.run(["cmake", "-G", "Ninja", "-S", example, "-B", self.dir / "build", f"-DCMAKE_PREFIX_PATH={self.prefix}",
                     f"-DCMAKE_CXX_COMPILER={COMPILER}"], deadline_s=120)
        harness.run(["ninja", "-C", self.dir / "build"], deadline_s=120)
        self.check_program(self.dir / "build" / "checkpoint_example")

    def test_pkg_config_states_what_a_linker_needs(self):
        harness.need_tool("pkg-config")
        pc = next(self.prefix.rglob("chronik-checkpoint.pc"))
        flags = harness.run(["pkg-config", "--cflags", "--libs", pc]).stdout.split()
        program = self.dir / "program"
        harness.run([COMPILER, "-std=c++23", EXAMPLE / "main.cc", "-o", program, *flags], deadline_s=120)
        self.check_program(program)

    def test_a_server_from_a_project_of_its_own(self):
        """Store::connect, by CMake and by pkg-config."""
        harness.need_tool("pkg-config")
        broker = self.start_broker()
        source = self.new_dir("remote")
        (source / "main.cc").write_text(REMOTE, encoding="utf-8")
        lists = (EXAMPLE / "CMakeLists.txt").read_text(encoding="utf-8")
        (source / "CMakeLists.txt").write_text(lists.replace("chronik::checkpoint)", "chronik::checkpoint_remote)"), encoding="utf-8")
        harness.run(["cmake", "-G", "Ninja", "-S", source, "-B", source / "build", f"-DCMAKE_PREFIX_PATH={self.prefix}",
                     f"-DCMAKE_CXX_COMPILER={COMPILER}"], deadline_s=120)
        harness.run(["ninja", "-C", source / "build"], deadline_s=120)
        directory = next(self.prefix.rglob("chronik-checkpoint-remote.pc")).parent
        environment = dict(os.environ, PKG_CONFIG_PATH=str(directory))
        flags = harness.run(["pkg-config", "--cflags", "--libs", "chronik-checkpoint-remote"], env=environment).stdout.split()
        harness.run([COMPILER, "-std=c++23", source / "main.cc", "-o", source / "by-hand", *flags], deadline_s=120)
        for number, program in enumerate((source / "build/checkpoint_example", source / "by-hand"), 1):
            self.assertEqual(harness.run([program, f"http://{broker.admin}"]).stdout, f"sequence {number}\n")
        # And the command line speaks to a server, too.
        listed = harness.run([harness.BIN_DIR / "chronik", "checkpoint", "list", "agent", "--server", f"http://{broker.admin}", "--json"])
        self.assertEqual([one["sequence"] for one in json.loads(listed.stdout)], [2, 1])

    def test_nothing_installed_names_the_machine_that_built_it(self):
        files = [path for path in self.prefix.rglob("*") if path.suffix in (".cmake", ".pc", ".h")]
        self.assertGreaterEqual(len(files), 5)
        for path in files:
            text = path.read_text(encoding="utf-8")
            for directory in (harness.REPO, self.dir):
                # As a path of its own, maybe behind -I: a short one may well be a part of another.
                self.assertNotRegex(text, rf"(?<![a-z0-9_.}}-]){re.escape(str(directory))}(?![\w-])", path)

    def test_the_readme_shows_the_example(self):
        readme = (harness.REPO / "README.md").read_text(encoding="utf-8")
        shown = re.search(r"^```cpp\n(.*?)^```\n+```text\n(.*?)^```$", readme, re.M | re.S)
        self.assertEqual(shown[1], (EXAMPLE / "main.cc").read_text(encoding="utf-8"))
        self.assertEqual(shown[2], PRINTS)


if __name__ == "__main__":
    harness.main()
