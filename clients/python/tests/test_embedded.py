"""What only a store inside the process can show: what is on disk survives, processes, forks, Ctrl-C, threads beside each other."""

import os
import re
import signal
import sqlite3
import threading
import time
import unittest
from datetime import datetime

import chronik
import chronik.errors
import chronik.model
from deadline import Case


class Embedded(Case):
    def durable(self):
        return {"log": str(self.dir / "log"), "sqlite": f"sqlite:{self.dir / 'store.db'}"}

    def test_what_was_returned_survives_sigkill(self):
        for name, where in self.durable().items():
            with self.subTest(name):
                writer = self.python("import sys, chronik\n"
                                     "session = chronik.open(sys.argv[1]).open_session('s')\n"
                                     "for n in range(1000000): print(session.create(f'{n}').sequence, flush=True)", where)
                seen = [writer.stdout.readline() for _ in range(50)]
                writer.kill()
                told = [int(line) for line in [*seen, *writer.stdout.read().split("\n")] if line.strip()]
                writer.wait()
                session = self.open(where).session("s")
                found = [c.sequence for c in session.checkpoints(newest_first=False)]
                self.assertEqual(found[:len(told)], told)
                self.assertLessEqual(len(found), len(told) + 1)
                self.assertTrue(session.verify().ok)

    def test_a_store_verifies_itself_in_the_background(self):
        for name, where in self.durable().items():
            with self.subTest(name):
                store = self.open(where, scrub_every=0.001, scrub_bytes_per_second=1 << 30)
                session = store.open_session("s")
                for n in range(10):
                    session.create(f"{n}")
                begun, seen = time.monotonic(), store.health().scrubs
                while store.health().scrubs < seen + 2:
                    self.assertLess(time.monotonic() - begun, 30)
                health, report = store.health(), store.scrub_report()
                self.assertEqual((health.scrub_problems, report.checkpoints, report.bytes), (0, 10, 10))
                self.assertLess(abs(health.scrubbed_at.timestamp() - time.time()), 60)

    def test_a_second_process_on_a_directory_is_told_who_has_it(self):
        self.open(self.dir / "log")
        other = self.python("import sys, chronik\n"
                            "try: chronik.open(sys.argv[1])\n"
                            "except chronik.InUse as error: print(error)", self.dir / "log")
        self.assertIn(f"open in process {os.getpid()}", other.communicate(timeout=30)[0])

    def test_two_processes_share_an_sqlite_file(self):
        where = f"sqlite:{self.dir / 'store.db'}"
        self.open(where).open_session("s")
        program = ("import sys, chronik\n"
                   "session = chronik.open(sys.argv[1]).open_session('s')\n"
                   "for n in range(40): session.create(f'{sys.argv[2]} {n}')")
        writers = [self.python(program, where, who) for who in "ab"]
        self.assertEqual([writer.wait(50) for writer in writers], [0, 0])
        self.assertEqual([c.sequence for c in self.open(where).session("s").checkpoints()], list(range(80, 0, -1)))

    def test_a_fork_is_told_to_open_its_own(self):
        store = self.open("memory:")
        session = store.open_session("s")
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            said = b"nothing"
            try:
                session.create("x")
            except chronik.Closed as error:
                said = str(error).encode()
            finally:
                os.write(writing, said)
                os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            self.assertIn(b"open it again in this one", pipe.read())
        os.waitpid(child, 0)
        self.assertEqual(session.create("y").sequence, 1)

    def test_an_open_store_does_not_hold_up_the_end_of_the_interpreter(self):
        for where in ("memory:", *self.durable().values()):
            process = self.python("import sys, threading, chronik\n"
                                  "store = chronik.open(sys.argv[1])\n"
                                  "session = store.open_session('s'); session.create('x'); print('made')", where)
            self.assertEqual((process.communicate(timeout=30)[0], process.returncode), ("made\n", 0))

    def test_threads_inside_the_store_do_not_crash_the_end_of_the_interpreter(self):
        program = ("import sys, threading, time, chronik\n"
                   "session = chronik.open(sys.argv[1]).open_session('s')\n"
                   "def wait():\n"
                   "    while True:\n"
                   "        try: session.wait_events(10**6, timeout=20)\n"
                   "        except chronik.CheckpointError: pass\n"
                   "def write():\n"
                   "    while True:\n"
                   "        try: session.create('x')\n"
                   "        except chronik.CheckpointError: pass\n"
                   "def export():\n"
                   "    while True:\n"
                   "        try: session.export_to(lambda line: len(line))\n"
                   "        except chronik.CheckpointError: pass\n"
                   "for work in (wait, wait, write, write, export): threading.Thread(target=work, daemon=True).start()\n"
                   "while session.describe().last_sequence < 20: time.sleep(0.01)\n"
                   "print('done')")
        for where in ("memory:", *self.durable().values()):
            for _ in range(4):
                process = self.python(program, where)
                self.assertEqual((process.communicate(timeout=30)[0], process.returncode), ("done\n", 0))

    def test_what_a_daemon_thread_still_holds_is_closed_in_the_end(self):
        program = ("import sys, threading, chronik\n"
                   "store = chronik.open(sys.argv[1]); store.open_session('s').create('x')\n"
                   "threading.Thread(target=lambda store: threading.Event().wait(), args=(store,), daemon=True).start()")
        process = self.python(program, self.durable()["log"])
        self.assertEqual((process.communicate(timeout=30)[0], process.returncode), ("", 0))
        self.assertEqual(os.listdir(self.dir / "log" / "wal"), [])  # closing settles the write-ahead log

    def test_ctrl_c_ends_a_wait_for_events(self):
        session = self.open("memory:").open_session("s")
        timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
        begun = time.monotonic()
        with self.assertRaises(KeyboardInterrupt):
            timer.start()
            session.wait_events(10, timeout=50)
        self.assertLess(time.monotonic() - begun, 40)

    def test_calls_do_not_hold_the_interpreter(self):
        session = self.open("memory:").open_session("s")
        last = session.events(1).events[-1].number
        seen = []
        waiter = threading.Thread(target=lambda: seen.append(session.wait_events(last + 2, timeout=50)))
        waiter.start()
        session.create("x")  # with the GIL held by the waiter, this would come after it
        self.assertTrue(waiter.is_alive())
        session.create("y")
        waiter.join(60)
        self.assertEqual(seen[0].events[0].number, last + 2)

    def test_a_flipped_byte_is_corrupt_and_spares_the_neighbours(self):
        path = self.dir / "store.db"
        store = self.open(f"sqlite:{path}")
        session = store.open_session("s")
        marks = [os.urandom(40) for _ in range(3)]
        ids = [session.create(os.urandom(9000) + mark).id for mark in marks]
        store.close()
        with sqlite3.connect(path) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()
        content = bytearray(path.read_bytes())
        at = content.find(marks[1])
        self.assertGreater(at, 0)
        content[at] ^= 1
        path.write_bytes(content)
        session = self.open(f"sqlite:{path}").session("s")
        with self.assertRaises(chronik.Corrupt):
            session.payload(ids[1])
        self.assertTrue(session.payload(ids[0]).endswith(marks[0]))
        self.assertTrue(session.payload(ids[2]).endswith(marks[2]))
        report = session.verify()
        self.assertFalse(report.ok)
        self.assertEqual([problem.sequence for problem in report.problems], [2])

    def test_an_encrypted_store_needs_its_key(self):
        keys = [os.urandom(32), os.urandom(32)]
        store = self.open(self.dir / "log", key=keys[0].hex())
        store.open_session("Secretname").create("Secretpayload " * 1000, message="Secretmessage")
        store.open_session("other").create("kept")
        store.close()
        disk = b"".join(file.read_bytes() for file in (self.dir / "log").rglob("*") if file.is_file())
        for word in (b"Secretname", b"Secretpayload", b"Secretmessage", keys[0]):
            self.assertNotIn(word, disk)
        for options in ({}, {"key": keys[1]}):
            with self.assertRaises(chronik.WrongKey):
                self.open(self.dir / "log", **options)
        for wrong in ("Secretdigits", keys[0][1:], "", 32, None):
            with self.assertRaises(chronik.InvalidArgument) as raised:
                self.open(self.dir / "log", key=wrong)
            self.assertNotIn("Secretdigits", str(raised.exception))
        with self.open(self.dir / "log", key=keys[0]) as store:
            with self.assertRaises(chronik.InvalidArgument) as raised:
                store.rotate_key("Secretdigits")
            self.assertNotIn("Secretdigits", str(raised.exception))
            store.rotate_key(keys[1].hex())
            self.assertEqual(store.session("Secretname").latest().message, "Secretmessage")
            store.delete_session("Secretname")
        with self.open(self.dir / "log", key=keys[1]) as store:
            self.assertEqual([info.name for info in store.sessions()], ["other"])
            self.assertTrue(store.verify().ok)
        with self.assertRaises(chronik.Unsupported):
            self.open(f"sqlite:{self.dir / 'store.db'}", key=keys[0])
        with self.assertRaises(chronik.WrongKey):
            self.open("memory:").rotate_key(keys[0])

    def test_limits_are_the_caller_s(self):
        session = self.open("memory:", payload_bytes_max=100, events_kept=3, timeout=5).open_session("s")
        with self.assertRaises(chronik.TooLarge):
            session.create(b"x" * 101)
        for n in range(10):
            session.create(f"{n}")
        page = session.events(1)
        self.assertEqual((page.gap_from, len(page.events)), (1, 3))
        with self.assertRaises(TypeError):
            chronik.open("memory:", payload_max=1)
        for wrong in ({"schema_version": -1}, {"schema_version": 1 << 40}, {"branch": 7}, {"tags": [1]}, {"pinned": "yes"}):
            with self.subTest(wrong), self.assertRaises(TypeError):
                session.create("x", **wrong)
        with self.assertRaises(TypeError):
            session.create(7)

    def test_a_place_that_is_misspelt_becomes_no_directory(self):
        for wrong in ("sqllite:x.db", "memory:x", "sqlite:", "file:///x", "ftp://x", "HTTP://x", ""):
            with self.subTest(wrong), self.assertRaises(chronik.InvalidArgument):
                chronik.open(wrong)
        self.open(self.dir / "a:b").open_session("s").create("x")

    def test_a_growing_state_costs_what_changed(self):
        store = self.open(self.dir / "log")
        session = store.open_session("s")
        state = bytearray(os.urandom(200_000))
        for n in range(50):
            state[n * 3000:n * 3000 + 500] = os.urandom(500)
            session.create(state)
        health = store.health()
        self.assertEqual(health.payload_bytes, 50 * 200_000)
        self.assertLess(health.stored_bytes, 2_500_000)

    def test_there_is_a_class_for_every_code_of_the_library(self):
        header = os.environ.get("CHRONIK_HEADER")
        if not header:
            self.skipTest("CHRONIK_HEADER does not name checkpoint.h")
        with open(header, encoding="utf-8") as file:
            codes = re.findall(r"^  (\w+)(?: = 1)?,", re.search(r"enum class Errc.*?\{(.*?)\}", file.read(), re.S)[1], re.M)
        self.assertGreaterEqual(len(codes), 14)
        self.assertEqual(sorted(codes), sorted(set(chronik.errors.BY_CODE) - {"unavailable"}))
        for code in codes:
            error = chronik.errors.make(code, "why")
            self.assertEqual((error.code, error.detail, str(error)), (code, "why", "why"))
        self.assertEqual(str(chronik.errors.make("from_the_future", "why")), "from_the_future: why")

    def test_times_are_exact_to_the_millisecond(self):
        for value in (0, 1, 1_795_272_593_587, 253_402_300_799_999):
            self.assertEqual(chronik.model.to_milliseconds(chronik.model.from_milliseconds(value)), value)
        naive = datetime(2026, 7, 1, 12)
        self.assertEqual(chronik.model.to_milliseconds(naive), round(naive.timestamp() * 1000))


if __name__ == "__main__":
    unittest.main(verbosity=2)
