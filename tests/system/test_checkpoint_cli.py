"""chronik checkpoint as a user would type it: a whole life, each mistake, two processes, on a directory and on SQLite."""
# ctest: timeout=400

import contextlib
import json
import os
import sqlite3
import subprocess
import threading
import unittest.mock
from pathlib import Path

import harness


class CheckpointCli(harness.SystemTest):
    def setUp(self):
        self.dir = self.new_dir("checkpoints")
        self.log = ["--store", self.dir / "log"]
        self.sqlite = ["--sqlite", self.dir / "store.db"]

    def chronik(self, place, *args, input="", code=0):
        done = harness.run([harness.BIN_DIR / "chronik", "checkpoint", *args, *place], check=False, input=input)
        self.assertEqual(done.returncode, code, f"{args}: {done.stdout}{done.stderr}")
        return done

    def json(self, place, *args, **options):
        return json.loads(self.chronik(place, *args, "--json", **options).stdout)

    def refused(self, place, *args, **options):
        """The one line it says."""
        said = self.chronik(place, *args, code=1, **options).stderr
        self.assertEqual(len(said.splitlines()), 1, said)
        self.assertTrue(said.startswith("chronik: "), said)
        return said

    def save(self, place, *payloads, session="agent"):
        return [self.json(place, "create", session, input=payload) for payload in payloads]

    def live(self, place, other):
        first = self.json(place, "create", "agent", "--message", "planned", "--content-type", "application/json",
                          "--metadata", '{"loss": 0.5, "a": 1}', input='{"step":1}')
        self.assertEqual((first["sequence"], first["parent"], first["metadata"]), (1, None, {"a": 1, "loss": 0.5}))
        file = self.dir / "state"
        file.write_text('{"step":2,"found":["x"]}', encoding="utf-8")
        second = self.json(place, "create", "agent", file, "--metadata", '{"loss": 0.25}', "--expected-parent", first["id"])
        self.assertEqual(second["parent"], first["id"])
        self.assertEqual(self.json(place, "tag", "agent", "1", "good", "start")["tags"], ["good", "start"])
        self.assertEqual(self.json(place, "tag", "agent", "tag:good", "--remove", "start")["tags"], ["good"])
        self.chronik(place, "annotate", "agent", second["id"], "looks odd", "--level", "warning")
        patch = self.json(place, "diff", "agent", "1", "latest")["patch"]
        self.assertIn({"op": "replace", "path": "/step", "value": 2}, patch)
        self.assertIn("replace  /step  2", self.chronik(place, "diff", "agent", "1", "2").stdout)
        self.chronik(place, "fork", "agent", "1", "other")
        self.assertEqual(self.chronik(place, "restore", "other", "latest").stdout, '{"step":1}')
        self.assertEqual(self.json(place, "rewind", "agent", "1", "--branch", "again", "--message", "once more")["sequence"], 3)
        restored = self.json(place, "restore", "agent", "branch:again", "--output", file)
        self.assertEqual((restored["sequence"], file.read_text(encoding="utf-8")), (3, '{"step":1}'))

        rows = self.json(place, "list", "agent", "--oldest-first")
        self.assertEqual([row["sequence"] for row in rows], [1, 2, 3])
        self.assertEqual([row["sequence"] for row in self.json(place, "list", "agent", "--metadata", "loss=0.25")], [2])
        self.assertEqual(self.json(place, "list", "agent", "--until", "1h"), [])
        table = self.chronik(place, "list", "agent", "--limit", "1").stdout.splitlines()
        self.assertEqual((len(table), table[0].split()[0]), (2, "SEQUENCE"))
        self.assertIn("looks odd", self.chronik(place, "show", "agent", "2").stdout)
        self.assertEqual([row["session"] for row in self.json(place, "sessions")], ["agent", "other"])

        rows = self.json(place, "timeline", "--oldest-first")
        self.assertEqual(sorted((row["session"], row["checkpoint"]["sequence"]) for row in rows),
                         [("agent", 1), ("agent", 2), ("agent", 3), ("other", 1)])
        self.assertEqual([row["checkpoint"]["created_at"] for row in rows], sorted(row["checkpoint"]["created_at"] for row in rows))
        self.assertEqual(self.json(place, "timeline"), rows[::-1])
        self.assertEqual(self.json(place, "timeline", "--limit", "2", "--oldest-first"), rows[:2])
        self.assertEqual([row["session"] for row in self.json(place, "timeline", "--metadata", "loss=0.25")], ["agent"])
        self.assertEqual(self.json(place, "timeline", "--until", "1h"), [])
        table = self.chronik(place, "timeline", "--limit", "1").stdout.splitlines()
        self.assertEqual((len(table), table[0].split()[:2]), (2, ["SESSION", "SEQUENCE"]))
        health = self.json(place, "health")
        self.assertEqual((health["checkpoints"], health["scrubs"], health["scrub"]["problems"]), (4, 0, []))
        self.assertIn("never", self.chronik(place, "health").stdout)

        self.chronik(place, "pin", "agent", "2")
        would = self.json(place, "prune", "agent", "--keep-last", "1", "--dry-run")
        self.assertEqual((would["deleted"], would["sequences"], would["bytes_returned"]), (1, [1], 0))
        self.assertEqual(len(self.json(place, "list", "agent")), 3)
        self.assertEqual(self.json(place, "prune", "agent", "--keep-best", "loss:1:lowest", "--keep-within", "30d")["deleted"], 0)
        self.assertEqual(self.json(place, "prune", "agent", "--keep-last", "1", "--bytes-max", "1MiB")["sequences"], [1])

        self.chronik(place, "export", "agent", "--output", self.dir / "agent.jsonl")
        self.assertEqual(self.json(other, "import", self.dir / "agent.jsonl"), {"created": 2, "present": 0})
        self.assertEqual(self.json(other, "import", input=(self.dir / "agent.jsonl").read_text(encoding="utf-8")),
                         {"created": 0, "present": 2})
        self.assertEqual(self.json(other, "list", "agent"), self.json(place, "list", "agent"))
        kinds = [json.loads(line)["kind"] for line in self.chronik(place, "watch", "agent", "--exit-at-end", "--json").stdout.splitlines()]
        self.assertEqual((kinds[0], kinds.count("restored")), ("created", 1))
        self.chronik(place, "delete", "agent", "3")
        self.chronik(place, "delete", "other", "--session")
        self.assertEqual([row["session"] for row in self.json(place, "sessions")], ["agent"])
        for store, checkpoints in ((place, 1), (other, 2)):
            report = self.json(store, "verify")
            self.assertEqual((report["ok"], report["checkpoints"], report["problems"]), (True, checkpoints, []))

    def test_a_whole_life_in_a_directory(self):
        self.live(self.log, self.sqlite)

    def test_a_whole_life_in_an_sqlite_file(self):
        self.live(self.sqlite, self.log)

    def test_an_idempotency_key_makes_one_checkpoint_of_two_calls(self):
        key = ["--idempotency-key", "step-1"]
        first, again = (self.json(self.log, "create", "agent", *key, input="x")["id"] for _ in range(2))
        self.assertEqual(first, again)
        self.assertIn("conflict: idempotency key step-1", self.refused(self.log, "create", "agent", *key, input="y"))

    def test_each_mistake_is_one_line_and_loses_nothing(self):
        for place in (self.log, self.sqlite):
            self.assertIn("there is no store at", self.refused(place, "list", "agent"))
            self.assertIn("there is no store at", self.refused(place, "timeline"))
            self.save(place, "kept")
            big = self.dir / "big"
            with open(big, "wb") as file:
                file.truncate((64 << 20) + 1)
            self.assertIn("--payload-max", self.refused(place, "create", "agent", big))
            self.assertIn("too large", self.refused(place, "create", "agent", "--payload-max", "1KiB", input="x" * 1025))
            for name, what in (("\udcff", "not UTF-8"), ("", "is empty"), ("a\nb", "control character")):
                self.assertIn(what, self.refused(place, "create", name, input="x"))
                self.assertIn(what, self.refused(place, "fork", "agent", "1", name))
                self.assertIn(what, self.refused(place, "list", name))
            for metadata in ("{", "[1]", "{" * 100):
                self.assertIn("--metadata: ", self.refused(place, "create", "agent", "--metadata", metadata, input="x"))
            for command in (["list"], ["show", "latest"], ["restore", "1"], ["prune", "--keep-last", "1"], ["export"], ["watch"]):
                said = self.refused(place, command[0], "nobody", *command[1:])
                self.assertIn("no session is named nobody; chronik checkpoint sessions", said)
            self.assertIn("no checkpoint 7", self.refused(place, "show", "agent", "7"))
            self.assertIn("branch:NAME", self.refused(place, "show", "agent", "yesterday"))
            self.assertIn("no branch x", self.refused(place, "restore", "agent", "branch:x"))
            self.assertIn("12h", self.refused(place, "prune", "agent", "--keep-within", "soon"))
            self.assertIn("--keep-last 10", self.refused(place, "prune", "agent"))
            self.assertIn("already exists", self.refused(place, "fork", "agent", "1", "agent"))
            self.chronik(place, "pin", "agent", "1")
            self.assertIn("is pinned", self.refused(place, "delete", "agent", "1"))
            self.assertEqual([row["session"] for row in self.json(place, "sessions")], ["agent"])
            self.assertEqual(self.chronik(place, "restore", "agent", "1").stdout, "kept")
        for place, args in (([], ["list", "x"]), ([*self.log, *self.sqlite], ["list", "x"]), (self.log, []), (self.log, ["show"])):
            said = self.chronik(place, *args, code=2).stderr
            self.assertEqual(len(said.splitlines()), 1, said)

    def test_a_flipped_byte_is_found_and_the_neighbours_stay(self):
        payloads = [os.urandom(50_000) for _ in range(3)]
        file = self.dir / "payload"
        for place, where in ((self.log, self.dir / "log"), (self.sqlite, self.dir / "store.db")):
            for payload in payloads:
                file.write_bytes(payload)
                self.chronik(place, "create", "agent", file)
            file.unlink()
            # The end of a chunk or of a page may cut one of them in two, not both.
            self.flip(where, payloads[1][20_000:20_032], payloads[1][20_100:20_132])
            report = self.json(place, "verify", code=1)
            self.assertIn(2, [problem["sequence"] for problem in report["problems"]])
            self.assertNotIn(3, [problem["sequence"] for problem in report["problems"]])
            self.assertIn("corrupt", self.refused(place, "restore", "agent", "2", "--output", file))
            self.assertFalse(file.exists())
            for sequence in (1, 3):
                self.chronik(place, "restore", "agent", str(sequence), "--output", file)
                self.assertEqual(file.read_bytes(), payloads[sequence - 1])
                file.unlink()

    def test_a_damaged_record_is_named_by_list_and_hides_no_other(self):
        for place, where in ((self.log, self.dir / "log"), (self.sqlite, self.dir / "store.db")):
            for message in ("first-needle", "second-needle", "third-needle"):
                self.chronik(place, "create", "agent", "--message", message, input="x")
            self.flip(where, b"second-needle")
            done = self.chronik(place, "list", "agent", "--json", code=1)
            self.assertEqual([row["sequence"] for row in json.loads(done.stdout)], [3, 1])
            self.assertIn("chronik checkpoint verify says", done.stderr)
            self.assertIn("corrupt", self.refused(place, "show", "agent", "2"))
            self.assertIn("corrupt", self.refused(place, "export", "agent", "--output", self.dir / "out"))
            self.chronik(place, "verify", code=1)
            self.assertEqual(self.chronik(place, "restore", "agent", "3").stdout, "x")

    def test_output_takes_the_place_of_files_only(self):
        self.save(self.log, "state")
        self.chronik(self.log, "restore", "agent", "1", "--output", "/dev/null")
        self.assertTrue(Path("/dev/null").is_char_device())
        file, link = self.dir / "file", self.dir / "link"
        file.write_text("old", encoding="utf-8")
        link.symlink_to(file)
        self.chronik(self.log, "restore", "agent", "1", "--output", link)
        self.assertEqual((link.is_symlink(), file.read_text(encoding="utf-8")), (True, "state"))
        self.assertIn("No such file", self.refused(self.log, "restore", "agent", "1", "--output", self.dir / "no" / "file"))

    def flip(self, where, *wanted):
        """One bit of the first of these that stands in a file as it is."""
        # What stands in SQLite's own log may stand there more than once.
        database = self.dir / "store.db"
        if database.exists():
            with contextlib.closing(sqlite3.connect(database)) as store:
                store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for path in [where] if where.is_file() else where.rglob("*"):
            content = path.read_bytes() if path.is_file() else b""
            for some in wanted:
                if (at := content.find(some)) >= 0:
                    with open(path, "r+b") as file:
                        file.seek(at)
                        file.write(bytes([some[0] ^ 1]))
                    return
        self.fail("the payload is in no file")

    def test_a_tampered_or_foreign_import_changes_nothing(self):
        self.save(self.log, "one", "two")
        good = self.chronik(self.log, "export", "agent").stdout
        lines = good.splitlines(keepends=True)
        bad = {"payload": good.replace('"payload":"d', '"payload":"e', 1), "message": good.replace('"branch":"main"', '"branch":"mane"', 1),
               "a line less": "".join([*lines[:1], *lines[2:]]), "no end": "".join(lines[:-1]), "cut": good[:-20],
               "order": "".join([lines[0], lines[2], lines[1], lines[3]]), "pinned": good.replace('"pinned":false', '"pinned":true', 1),
               "empty": "", "text": "hello\n", "JSON": "[1]\n", "newer": good.replace('"chronik_export":1', '"chronik_export":9')}
        for what, text in bad.items():
            with self.subTest(what):
                self.assertNotEqual(text, good)
                said = self.refused(self.sqlite, "import", input=text)
                self.assertTrue("corrupt" in said or "unsupported" in said, said)
                self.assertEqual(self.json(self.sqlite, "sessions"), [])
        self.assertEqual(self.json(self.sqlite, "import", input=good)["created"], 2)
        (self.dir / "foreign").write_bytes(b"x" * 5000)
        self.assertIn("corrupt", self.refused(["--sqlite", self.dir / "foreign"], "list", "agent"))

    def start(self, place, *args, **options):
        process = subprocess.Popen([str(part) for part in (harness.BIN_DIR / "chronik", "checkpoint", *args, *place)],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)

        def end():
            process.kill()
            process.communicate()

        self.addCleanup(end)
        return process

    def bytes_on_disk(self):
        return b"".join(file.read_bytes() for file in (self.dir / "log").rglob("*") if file.is_file())

    def test_an_encrypted_directory_needs_its_key_and_shows_nothing_without_it(self):
        keys = [self.dir / "first.key", self.dir / "second.key"]
        for file in keys:
            file.write_text(os.urandom(32).hex() + "\n", encoding="utf-8")
        first, second = ([*self.log, "--key-file", file] for file in keys)
        self.chronik(first, "create", "Secretname", "--message", "Secretmessage", input="Secretpayload " * 5000)
        self.save(first, "Secretneighbour", session="other")
        for word in (b"Secretname", b"Secretmessage", b"Secretpayload", b"Secretneighbour"):
            self.assertNotIn(word, self.bytes_on_disk())
        self.assertIn("is encrypted: it needs its key", self.refused(self.log, "sessions"))
        self.assertIn("another key", self.refused(second, "sessions"))
        bad = self.dir / "bad.key"
        bad.write_text("Secretdigits", encoding="utf-8")
        self.assertIn("64 hexadecimal digits", self.refused([*self.log, "--key-file", bad], "sessions"))
        self.assertNotIn("Secretdigits", self.refused([*self.log, "--key-file", bad], "sessions"))
        self.assertIn("--key-file goes with --store", self.refused(self.sqlite, "sessions", "--key-file", keys[0]))
        self.assertIn("now", self.chronik(first, "rotate-key", keys[1]).stdout)
        self.assertIn("another key", self.refused(first, "sessions"))
        with unittest.mock.patch.dict(os.environ, {"CHRONIK_CHECKPOINT_KEY": keys[1].read_text(encoding="utf-8")}):
            self.assertEqual(self.chronik(self.log, "restore", "other", "1").stdout, "Secretneighbour")
        self.assertEqual(self.chronik(second, "restore", "Secretname", "1").stdout, "Secretpayload " * 5000)
        self.chronik(second, "delete", "Secretname", "--session")
        self.assertEqual([row["session"] for row in self.json(second, "sessions")], ["other"])
        self.assertEqual(self.chronik(second, "restore", "other", "1").stdout, "Secretneighbour")
        self.chronik(second, "verify")

    def test_a_second_process_on_a_directory_is_told_who_has_it(self):
        self.save(self.log, "x")
        owner = self.start(self.log, "import", stdin=subprocess.PIPE)  # holds the store while it waits for lines

        pid = self.dir / "log" / "owner"
        harness.wait_until(lambda: pid.read_text(encoding="utf-8") == str(owner.pid), what="the owner's lock")
        said = self.refused(self.log, "list", "agent")
        self.assertIn(f"in use: {self.dir / 'log'} is open in process {owner.pid};", said)
        self.assertIn("SQLite", said)
        owner.kill()
        owner.wait(harness.DEADLINE_S)
        self.assertEqual(len(self.json(self.log, "list", "agent")), 1)

    def test_two_processes_append_to_one_sqlite_session(self):
        rounds = 8
        self.save(self.sqlite, "begin")
        conflicts, errors = [], []

        def append(who):
            try:
                won = 0
                while won < rounds:
                    head = self.json(self.sqlite, "show", "agent", "latest")["id"]
                    done = harness.run([harness.BIN_DIR / "chronik", "checkpoint", "create", "agent", "--message", f"{who}{won}",
                                        "--expected-parent", head, *self.sqlite], check=False)
                    if done.returncode == 0:
                        won += 1
                    else:
                        self.assertIn("conflict: the head of branch main is", done.stderr)
                        conflicts.append(who)
            except BaseException as error:
                errors.append(error)
                raise

        threads = [threading.Thread(target=append, args=(who,)) for who in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(harness.DEADLINE_S * 4)
        self.assertEqual(errors, [])
        rows = self.json(self.sqlite, "list", "agent", "--oldest-first", "--limit", "0")
        self.assertEqual([row["sequence"] for row in rows], list(range(1, 2 * rounds + 2)))
        self.assertEqual([row["parent"] for row in rows], [None, *(row["id"] for row in rows[:-1])])
        self.assertEqual(sorted(row["message"] for row in rows[1:]), sorted(f"{who}{n}" for who in "ab" for n in range(rounds)))
        self.assertIn("conflict", self.refused(self.sqlite, "create", "agent", "--expected-parent", rows[0]["id"]))

    def test_watch_sees_what_another_process_does(self):
        self.save(self.sqlite, "x")
        watcher = self.start(self.sqlite, "watch", "agent", "--count", "3", "--json", stdin=subprocess.DEVNULL)
        self.assertEqual(json.loads(watcher.stdout.readline())["kind"], "created")
        self.assertEqual(json.loads(watcher.stdout.readline())["sequence"], 1)
        self.save(self.sqlite, "y")
        self.assertEqual(json.loads(watcher.stdout.readline())["sequence"], 2)
        self.assertEqual(watcher.wait(harness.DEADLINE_S), 0)

    def test_progress_is_for_a_terminal_only(self):
        self.save(self.log, "x")
        self.assertEqual(self.chronik(self.log, "verify").stderr, "")
        terminal, theirs = os.openpty()
        self.addCleanup(os.close, terminal)
        shown = subprocess.run([harness.BIN_DIR / "chronik", "checkpoint", "verify", *map(str, self.log)], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=theirs, timeout=harness.DEADLINE_S, check=True)
        os.close(theirs)
        self.assertIn(b"verifying  [", os.read(terminal, 4096))
        self.assertIn(b"1 checkpoint(s)", shown.stdout)


if __name__ == "__main__":
    harness.main()
