"""Each lint rule must fire on a bad snippet and stay quiet on its neighbour."""

import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import lessons
import lint

HERE = Path(__file__).resolve().parent
REPO = HERE.parents[1]

ARCHITECTURE = """# Architecture
## Rooms
| Room | Role | May include |
|---|---|---|
| `base` | ids | – |
| `env` | door | base |
| `wal` | log | base env |
| `server` | connections | all above |
| `sim` | worlds | everything |
| `apps` | mains | everything |

## Locks
| File | Guards |
|---|---|
| `src/wal/locked` | start-up |
"""
LAYOUT = """chronik_room(base LIBS isal)
chronik_room(env THREADS ROOMS base TEST_ROOMS sim)
chronik_room(wal ROOMS base env TEST_ROOMS sim)
chronik_room(server ROOMS base env wal)
chronik_room(sim ROOMS base env)
chronik_app(chronik-server server ROOMS server)
chronik_app(chronik-bench bench)
"""
CLEAN = {
    "base/ids.h": "// Ids.\n#pragma once\n",
    "wal/wal.cc": '// The log.\n#include "base/ids.h"\n',
    "wal/locked.cc": "// Locked.\n#include <mutex>\nstd::mutex start_up;\n",
}

# rule -> (path, text that must fire, text that must not)
SNIPPETS = [
    ("real-time", "wal/a.cc", "auto t = std::chrono::steady_clock::now();", "// steady_clock\nauto s = \"steady_clock\";"),
    ("real-time", "wal/a.cc", "auto t = time(nullptr);", "auto t = env.time(nullptr); auto u = flight_time(0);"),
    ("real-time", "wal/a_test.cc", "gettimeofday(&t, nullptr);", "obj.gettimeofday();"),
    ("sleep", "wal/a_test.cc", "std::this_thread::sleep_for(1s);", "co_await sleep_until(deadline);"),
    ("sleep", "env/real/a.cc", "usleep(3);", "asleep(3);"),
    ("thread", "wal/a.cc", "std::jthread t;", "auto id = std::this_thread::get_id();"),
    ("thread", "wal/a.cc", "auto f = std::async(g);", "auto f = async(g);"),
    ("entropy", "wal/a.cc", "std::random_device d;", "prng.rand();"),
    ("entropy", "wal/a.cc", "int x = rand();", "int x = strand();"),
    ("syscall", "wal/a.cc", "int fd = ::open(p, 0);", "auto f = disk.open(p); Disk::open(p);"),
    ("syscall", "wal/a.cc", "fsync(fd);", "file.fsync(); co_await file->fsync();"),
    ("syscall", "wal/a.cc", "::connect(fd, a, n);", "client.connect(a);"),
    ("syscall", "wal/a.cc", "#include <fstream>", "#include <string>"),
    ("syscall", "wal/a.cc", "#include <sys/socket.h>", "#include <span>"),
    ("boost", "wal/a.cc", "#include <boost/asio/awaitable.hpp>", "// #include <boost/asio.hpp>"),
    ("boost", "wal/a.cc", "#include <boost/beast/http/parser.hpp>", None),
    ("log-time", "wal/a.cc", "#include <spdlog/spdlog.h>", "#include <fmt/format.h>"),
    ("log-time", "server/a.cc", "log->set_pattern(\"%T\");", "log->info(\"set_pattern(\");"),
    ("lock", "wal/a.cc", "std::mutex m;", "// std::mutex"),
    ("lock", "wal/a.cc", "std::condition_variable_any c;", "auto big = 1'000'000; auto c = '\\'';"),
    ("pointer-key", "wal/a.cc", "std::map<const Partition*, int> m;", "std::map<int, Partition*> m;"),
    ("pointer-key", "wal/a.cc", "std::unordered_set<wal::Group *> s;", "std::set<TopicId> s;"),
    ("catch-all", "wal/a.cc", "try {} catch (...) {}", "try {} catch (const Error& e) {}"),
    ("disabled-test", "wal/a_test.cc", "TEST(Wal, DISABLED_replays) {}", "TEST(Wal, replays) {}"),
    ("room", "base/a.cc", '#include "wal/wal.h"', '#include "base/ids.h"'),
    ("room", "wal/a.cc", '#include "sim/world.h"', '#include "base/ids.h"'),
    ("room", "wal/a.cc", '#include "ids.h"', '#include "base/ids.h"'),
    ("room", "attic/a.cc", "int x;", None),
    ("length", "wal/a.cc", "\n" * 800, "\n" * 700),
    ("header", "wal/a.h", "#pragma once\n", "// A.\n#pragma once\n"),
    ("header", "wal/a.h", "// A.\n", "// A.\n#pragma once\n"),
    ("header", "wal/b.cc", "int x;", "// B.\nint x;"),
    ("dead", "wal/unused.h", "// Unused.\n#pragma once\n", None),
    ("dead", "apps/attic/main.cc", "// Attic.\n", None),
    ("dead", "apps/server/deep/a.cc", "// Too deep.\n", None),
]


class LintTest(unittest.TestCase):
    def rules(self, extra, architecture=ARCHITECTURE, layout=LAYOUT):
        with tempfile.TemporaryDirectory() as directory:
            root = Path(directory)
            (root / "cmake").mkdir()
            (root / "cmake/layout.cmake").write_text(layout)
            (root / "ARCHITECTURE.md").write_text(architecture)
            for path, text in {**CLEAN, **extra}.items():
                file = root / "src" / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            return {finding.rule for finding in lint.run(root)[0]}

    def test_clean_tree_has_no_findings(self):
        self.assertEqual(self.rules({}), set())

    def test_each_rule_fires_and_spares_its_neighbour(self):
        for rule, path, bad, good in SNIPPETS:
            # Snippets about form are whole files; the others get an opening comment.
            whole = rule in ("header", "dead")
            with self.subTest(rule=rule, bad=bad[:60]):
                self.assertIn(rule, self.rules({path: bad if whole else f"// A.\n{bad}\n"}))
                if good is not None:
                    self.assertNotIn(rule, self.rules({path: good if whole else f"// A.\n{good}\n"}))

    def test_the_door_and_the_clients_are_exempt(self):
        real_time = "// A.\nauto t = std::chrono::steady_clock::now();\n"
        self.assertEqual(self.rules({"env/real/a.cc": real_time}), set())
        self.assertEqual(self.rules({"apps/bench/a.cc": real_time}), set())
        self.assertIn("real-time", self.rules({"apps/server/a.cc": real_time}))

    def test_tests_may_include_the_simulator_and_start_threads(self):
        world = {"sim/world.h": "// World.\n#pragma once\n"}
        self.assertEqual(self.rules({**world, "wal/a_test.cc": '#include "sim/world.h"\nstd::thread t;\n'}), set())

    def test_real_env_is_included_by_apps_and_tests_only(self):
        host = {"env/real/host.h": "// Host.\n#pragma once\n"}
        include = '// A.\n#include "env/real/host.h"\n'
        self.assertEqual(self.rules({**host, "apps/server/main.cc": include, "wal/a_test.cc": include}), set())
        self.assertIn("room", self.rules({**host, "wal/a.cc": include}))

    def test_exception_needs_a_reason(self):
        self.assertEqual(self.rules({"wal/a.cc": "// A.\nstd::mutex m;  // lint: allow lock: shown to work\n"}), set())
        self.assertEqual(self.rules({"wal/a.cc": "// A.\n// lint: allow lock: shown to work\nstd::mutex m;\n"}), set())
        self.assertIn("lock", self.rules({"wal/a.cc": "// A.\nstd::mutex m;  // lint: allow lock:\n"}))
        self.assertIn("lock", self.rules({"wal/a.cc": "// A.\nstd::mutex m;  // lint: allow sleep: no\n"}))

    def test_cmake_may_not_link_against_the_table(self):
        self.assertIn("room", self.rules({}, layout=LAYOUT.replace("chronik_room(base", "chronik_room(base ROOMS wal")))

    def test_table_of_locks_may_not_name_a_file_that_is_gone(self):
        self.assertIn("lock", self.rules({}, ARCHITECTURE.replace("src/wal/locked", "src/wal/gone")))

    def test_table_of_lessons_may_not_name_a_test_that_is_gone(self):
        with tempfile.TemporaryDirectory() as directory:
            root = Path(directory)
            self.assertEqual(lessons.missing(root), [(1, lessons.TABLE)])
            for path, text in (
                ("src/wal/a_test.cc", "TEST(Log, keeps) {}\nTEST_P(Disks, agree) {}\nINSTANTIATE_TEST_SUITE_P(Every, Disks, x);\n"),
                ("src/wire/request_decode_fuzz.cc", ""),
                ("tests/system/test_kill.py", "class Kill:\n    def test_nothing_lost(self):\n"),
            ):
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text)
            (root / "docs").mkdir()
            table = root / lessons.TABLE
            table.write_text("| loss | `wal.Log.keeps`, `wal.Every/Disks.agree`, `fuzz.request`, `system.kill.nothing_lost` |\n")
            self.assertEqual(lessons.missing(root), [])
            for gone in ("wal.Log.loses", "wal.Disks.agree", "log.Log.keeps", "fuzz.answer", "system.kill.keeps"):
                table.write_text(f"# Lessons\n| loss | `wal.Log.keeps`, `{gone}` |\n")
                self.assertEqual(lessons.missing(root), [(2, gone)])

    def test_clang_tidy_finds_long_functions_and_capturing_coroutines(self):
        tidy = shutil.which("clang-tidy-19")
        if tidy is None:
            self.skipTest("needs clang-tidy-19")
        coroutine = """#include <coroutine>
        struct Task { struct promise_type { Task get_return_object() { return {}; } std::suspend_never initial_suspend() { return {}; }
          std::suspend_never final_suspend() noexcept { return {}; } void return_void() {} void unhandled_exception() {} }; };
        void start(int x) { auto f = [&x]() -> Task { x += 1; co_return; }; f(); }
        """
        long = "int grow(int x) {\n" + "  x += 1;\n" * 101 + "  return x;\n}\n"
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory) / "bad.cc"
            file.write_text(coroutine + long)
            done = subprocess.run(
                [tidy, "--quiet", f"--config-file={REPO / '.clang-tidy'}", str(file), "--", "-std=c++23"],
                capture_output=True, text=True, timeout=60)
        self.assertNotIn("clang-tidy-config", done.stdout + done.stderr)  # .clang-tidy itself is understood
        self.assertNotEqual(done.returncode, 0)
        found = set(re.findall(r"\[([a-z-]+),-warnings-as-errors\]", done.stdout))
        self.assertLessEqual({"cppcoreguidelines-avoid-capturing-lambda-coroutines", "readability-function-size"}, found,
                             done.stdout)


if __name__ == "__main__":
    outcome = unittest.main(exit=False, verbosity=2).result
    for _, reason in outcome.skipped:
        print(f"skipped: {reason}")
    if not outcome.wasSuccessful():
        raise SystemExit(1)
    raise SystemExit(77 if len(outcome.skipped) == outcome.testsRun else 0)
