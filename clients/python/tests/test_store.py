"""The interface of chronik.Store: the same on every backend, a server's too."""

import io
import threading
import unittest
import uuid
from datetime import datetime, timedelta, timezone

import chronik
from deadline import Case, needs_server, server_url


class Everywhere:
    """Runs on the store that `where` names."""

    def where(self):
        raise NotImplementedError

    def setUp(self):
        super().setUp()
        self.store = self.open(self.where())
        self.name = f"test-{uuid.uuid4()}"

    def session(self):
        return self.store.open_session(self.name)

    def test_a_checkpoint_comes_back_as_it_was_made(self):
        session = self.session()
        before = datetime.now(timezone.utc) - timedelta(milliseconds=1)
        first = session.create(b"\x00\xff state", message="planned", tags=["good", "a", "good"], trigger="automatic", reason="load",
                               metadata={"loss": 0.5, "ä": ["x", None]}, content_type="text/x-state", schema_version=7, pinned=True,
                               idempotency_key="k/1 ö")
        self.assertEqual((first.sequence, first.parent, first.branch, first.message), (1, None, "main", "planned"))
        self.assertEqual((first.tags, first.trigger, first.reason), (("a", "good"), "automatic", "load"))
        self.assertEqual((first.metadata, first.content_type), ({"loss": 0.5, "ä": ["x", None]}, "text/x-state"))
        self.assertEqual((first.size, first.schema_version, first.pinned, first.idempotency_key), (8, 7, True, "k/1 ö"))
        self.assertTrue(before <= first.created_at <= datetime.now(timezone.utc))
        self.assertEqual(session.get(first.id), first)
        self.assertEqual(session.at_sequence(1), first)
        restored = session.restore(first.id)
        self.assertEqual((restored.checkpoint, restored.payload), (first, b"\x00\xff state"))
        second = session.create("text")
        self.assertEqual((second.parent, second.parent_hash), (first.id, first.hash))
        self.assertEqual(session.payload(second.id), b"text")
        self.assertEqual(session.latest(), second)

    def test_payloads_of_any_kind_and_size(self):
        session = self.session()
        for payload in (b"", bytearray(b"x"), memoryview(b"view"), "ünï", bytes(range(256)) * 20_000):
            saved = session.create(payload)
            wanted = payload.encode() if isinstance(payload, str) else bytes(payload)
            self.assertEqual((session.payload(saved.id), saved.size), (wanted, len(wanted)))

    def test_errors_have_a_class_each(self):
        session = self.session()
        saved = session.create("x", pinned=True, idempotency_key="once")
        self.assertEqual(session.create("x", idempotency_key="once"), saved)
        nobody = str(uuid.UUID(int=saved.sequence + (7 << 76) + (2 << 62)))
        for error, call in [
                (chronik.NotFound, lambda: session.get(nobody)),
                (chronik.NotFound, lambda: session.latest("no-branch")),
                (chronik.NotFound, lambda: self.store.session(self.name + "?")),
                (chronik.AlreadyExists, lambda: self.store.create_session(self.name)),
                (chronik.AlreadyExists, lambda: session.fork(saved.id, self.name)),
                (chronik.Conflict, lambda: session.create("y", expected_parent=nobody)),
                (chronik.Conflict, lambda: session.create("y", expected_parent=chronik.NO_PARENT)),
                (chronik.Conflict, lambda: session.create("y", idempotency_key="once")),
                (chronik.InvalidArgument, lambda: session.remove(saved.id)),
                (chronik.InvalidArgument, lambda: session.create("y", tags=[""])),
                (chronik.InvalidArgument, lambda: session.create("y", metadata={"x": float("nan")})),
                (chronik.InvalidArgument, lambda: session.list(limit=1001)),
                (chronik.TooLarge, lambda: session.create("y", message="x" * 20_000)),
                (chronik.TooLarge, lambda: session.create("y", metadata={"x": "x" * 262_144})),
        ]:
            with self.subTest(error.__name__), self.assertRaises(error) as raised:
                call()
            self.assertTrue(raised.exception.detail)
            self.assertIsInstance(raised.exception, chronik.CheckpointError)
        self.assertEqual(session.describe().checkpoints, 1)

    def test_a_new_writer_shuts_out_the_old_one(self):
        old = self.session().fence()
        old.create("1")
        new = self.store.session(self.name).fence()
        with self.assertRaises(chronik.Fenced):
            old.create("2")
        self.assertEqual(new.create("3").writer_epoch, 2)
        self.assertEqual(new.describe().epoch, 2)

    def test_lists_by_every_condition_and_page(self):
        session = self.session()
        made = [session.create(f"{n}", branch="odd" if n % 2 else "main", tags=["third"] if n % 3 == 0 else [],
                               trigger="scheduled" if n == 4 else "manual", metadata={"n": n, "kind": "x"}) for n in range(10)]
        self.assertEqual([c.id for c in session.checkpoints(limit=3)], [c.id for c in reversed(made)])
        self.assertEqual(list(session.checkpoints(limit=4, newest_first=False)), made)
        for wanted, query in [
                ([1, 3, 5, 7, 9], {"branch": "odd"}),
                ([0, 3, 6, 9], {"tags": ["third"]}),
                ([3, 9], {"tags": ["third"], "branch": "odd"}),
                ([4], {"trigger": "scheduled"}),
                ([7], {"metadata": {"n": 7, "kind": "x"}}),
                ([2, 3], {"sequence_min": 3, "sequence_max": 4}),
                (list(range(10)), {"since": made[0].created_at, "until": made[-1].created_at + timedelta(milliseconds=1)}),
                ([], {"until": made[0].created_at}),
        ]:
            with self.subTest(query):
                page = session.list(newest_first=False, **query)
                self.assertEqual([c.metadata["n"] for c in page.checkpoints], wanted)
                self.assertEqual(page.damaged, ())
        self.assertEqual(session.latest("odd"), made[9])
        self.assertEqual(session.as_of_sequence(5), made[4])
        self.assertEqual(session.as_of(made[9].created_at), made[9])
        branches = {branch.name: branch.head for branch in session.describe().branches}
        self.assertEqual(branches, {"main": made[8].id, "odd": made[9].id})

    def test_branches_rewinds_forks_and_differences(self):
        session = self.session()
        first = session.create('{"step":1}')
        second = session.create('{"step":2,"found":["x"]}')
        other = session.create('{"step":3}', branch="other", branch_from=first.id)
        self.assertEqual(other.parent, first.id)
        difference = session.diff(first.id, second.id)
        self.assertEqual((difference.same, difference.structural), (False, True))
        self.assertIn({"op": "replace", "path": "/step", "value": 2}, difference.patch)
        binary = session.create(b"\xffsame-1-same")
        also = session.create(b"\xffsame-22-same")
        difference = session.diff(binary.id, also.id)
        self.assertEqual((difference.structural, difference.patch, difference.common_prefix, difference.size_second), (False, [], 6, 13))
        again = session.rewind(first.id, message="once more", metadata={"why": "test"})
        self.assertEqual((session.payload(again.id), again.parent, again.message), (b'{"step":1}', also.id, "once more"))
        fork = session.fork(second.id, f"{self.name}-fork")
        self.assertEqual(fork.payload(fork.latest().id), b'{"step":2,"found":["x"]}')
        self.assertEqual(fork.describe().forked_from, f"{self.name}/{second.id}")

    def test_tags_annotations_and_pins_change_later(self):
        session = self.session()
        saved = session.create("x", tags=["a"])
        self.assertEqual(session.tag(saved.id, add=["c", "b"], remove=["a"]).tags, ("b", "c"))
        noted = session.annotate(saved.id, "warning", "looks odd")
        self.assertEqual([(note.level, note.text) for note in noted.annotations], [("warning", "looks odd")])
        self.assertTrue(session.pin(saved.id).pinned)
        self.assertFalse(session.pin(saved.id, False).pinned)
        self.assertEqual(session.get(saved.id).hash, saved.hash)
        with self.assertRaises(chronik.InvalidArgument):
            session.annotate(saved.id, "loud", "x")

    def test_retention_deletes_what_no_rule_wants(self):
        session = self.session()
        for n in range(10):
            session.create(f"{n}", tags=["keep"] if n == 2 else [], pinned=n == 0, metadata={"loss": 10 - n if n != 4 else -1})
        retention = chronik.Retention(keep_last=2, keep_tagged=["keep"], keep_best=[chronik.Best("loss", 1, highest=False)])
        dry = session.prune(retention, dry_run=True)
        self.assertEqual((dry.examined, dry.deleted, dry.sequences), (10, 5, (2, 4, 6, 7, 8)))
        self.assertEqual(session.describe().checkpoints, 10)
        self.assertEqual(session.prune(retention).deleted, 5)
        self.assertEqual([c.sequence for c in session.checkpoints(newest_first=False)], [1, 3, 5, 9, 10])
        self.assertEqual(session.prune(chronik.Retention(keep_within=timedelta(hours=1))).deleted, 0)
        self.assertEqual(session.prune(chronik.Retention(bytes_max=0, expire_after=timedelta(days=1))).deleted, 4)
        session.pin(session.at_sequence(1).id, False)
        session.remove(session.at_sequence(1).id)
        self.assertEqual((session.describe().checkpoints, session.verify().checkpoints), (0, 0))

    def test_export_and_import_are_idempotent(self):
        session = self.session()
        made = [session.create(f"payload {n}", metadata={"n": n}) for n in range(5)]
        out = io.BytesIO()
        session.export_to(out.write)
        part = io.BytesIO()
        session.export_to(part.write, since=3)
        lines = out.getvalue().splitlines(keepends=True)
        self.assertEqual(len(lines), 7)
        self.assertEqual(len(part.getvalue().splitlines()), 4)
        self.assertEqual(self.store.import_from(lines), chronik.ImportReport(0, 5))
        self.store.delete_session(self.name)
        self.assertEqual(self.store.import_from(lines), chronik.ImportReport(5, 0))
        self.assertEqual([c.hash for c in self.store.session(self.name).checkpoints()], [c.hash for c in reversed(made)])
        self.store.delete_session(self.name)
        with self.assertRaises(chronik.Corrupt):
            self.store.import_from([line.replace(b'"message":""', b'"message":"evil"') for line in lines])
        with self.assertRaises(chronik.NotFound):
            self.store.session(self.name)

        class Mine(Exception):
            pass

        def broken():
            yield lines[0]
            raise Mine

        with self.assertRaises(Mine):
            self.store.import_from(broken())

    def test_what_an_export_writes_to_may_fail(self):
        session = self.session()
        session.create("x")

        def full(_):
            raise OSError("full")

        with self.assertRaisesRegex(OSError, "full"):
            session.export_to(full)
        self.assertEqual(session.create("y").sequence, 2)

    def test_events_are_numbered_and_waited_for(self):
        session = self.session()
        saved = session.create("x")
        events = session.events(1).events
        self.assertEqual([event.number for event in events], list(range(1, len(events) + 1)))
        self.assertEqual((events[-1].kind, events[-1].sequence), ("created", saved.sequence))
        seen = []
        waiter = threading.Thread(target=lambda: seen.append(session.wait_events(len(events) + 1, timeout=20)))
        waiter.start()
        session.restore(saved.id)
        waiter.join(40)
        self.assertEqual([event.kind for event in seen[0].events], ["restored"])
        with self.assertRaises(chronik.TimedOut):
            session.wait_events(len(events) + 2, timeout=0.05)

    def test_sessions_are_listed_renamed_and_deleted(self):
        names = [f"{self.name}/{n}" for n in range(5)]
        for name in names:
            self.store.create_session(name, {"of": "test"}).create("x")
        page = self.store.list_sessions(after=self.name, limit=2)
        self.assertEqual([info.name for info in page.sessions], names[:2])
        self.assertEqual((page.sessions[0].metadata, page.sessions[0].checkpoints), ({"of": "test"}, 1))
        listed = [info.name for info in self.store.sessions(after=self.name) if info.name.startswith(self.name)]
        self.assertEqual(listed, names)
        self.store.rename_session(names[0], f"{self.name}/renamed ä?%2F")
        self.assertEqual(self.store.session(f"{self.name}/renamed ä?%2F").latest().sequence, 1)
        gone = self.store.session(names[1])
        self.store.delete_session(names[1])
        with self.assertRaises(chronik.NotFound):
            gone.latest()
        with self.assertRaises(chronik.NotFound):
            self.store.delete_session(names[1])

    def test_the_timeline_merges_all_sessions(self):
        sessions = [self.store.create_session(f"{self.name}/{n}") for n in range(3)]
        made = []
        for n in range(20):
            saved = sessions[n % 3].create(f"{n}", tags=[self.name, *(["even"] if n % 2 == 0 else [])], metadata={"n": n % 4})
            made.append((saved.created_at, sessions[n % 3].describe().id, saved.sequence, chronik.Moment(sessions[n % 3].name, saved)))
        made = [one[3] for one in sorted(made, key=lambda one: one[:3])]
        mine = {"tags": [self.name]}  # a server has others
        self.assertEqual(list(self.store.moments(newest_first=False, limit=7, **mine)), made)
        self.assertEqual(list(self.store.moments(**mine)), made[::-1])
        page = self.store.timeline(limit=8, **mine)
        self.assertEqual((list(page.moments), page.damaged), (made[::-1][:8], ()))
        self.store.delete_session(f"{self.name}/1")
        page = self.store.timeline(limit=1000, cursor=page.next, **mine)
        self.assertEqual(list(page.moments), [one for one in made[::-1][8:] if one.session != f"{self.name}/1"])
        self.assertEqual(page.next, "")
        self.assertEqual([one.checkpoint.metadata for one in self.store.moments(metadata={"n": 2}, **mine)],
                         [one.checkpoint.metadata for one in made if one.session != f"{self.name}/1"
                          and one.checkpoint.metadata["n"] == 2])
        for wrong in ({"limit": 0}, {"cursor": "x"}):
            with self.assertRaises(chronik.InvalidArgument):
                self.store.timeline(**wrong)

    def test_many_threads_write_one_gap_free_history(self):
        session = self.session()
        errors = []

        def write(who):
            try:
                for n in range(10):
                    session.create(f"{who} {n}", metadata={"who": who, "n": n})
            except BaseException as error:
                errors.append(error)
                raise

        threads = [threading.Thread(target=write, args=(who,)) for who in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(errors, [])
        made = list(session.checkpoints(newest_first=False))
        self.assertEqual([c.sequence for c in made], list(range(1, 81)))
        self.assertEqual([c.parent for c in made], [None, *(c.id for c in made[:-1])])
        self.assertEqual(sorted((c.metadata["who"], c.metadata["n"]) for c in made), [(who, n) for who in range(8) for n in range(10)])
        self.assertTrue(session.verify().ok)

    def test_health_counts_and_verify_reads_everything(self):
        session = self.session()
        saved = session.create("x" * 1000)
        health = self.store.health()
        self.assertGreaterEqual(health.sessions, 1)
        self.assertGreaterEqual(health.payload_bytes, 1000)
        self.assertEqual((session.verify().bytes, session.verify(saved.id).checkpoints), (1000, 1))
        self.assertTrue(self.store.verify().ok)
        self.assertGreaterEqual(self.store.compact(), 0)
        self.assertLess(health.scrub_problems, 1)
        self.assertEqual(health.scrubbed_at.tzinfo, timezone.utc)
        self.assertTrue(self.store.scrub_report().ok)

    def test_a_closed_store_says_so(self):
        session = self.session()
        self.store.close()
        self.store.close()
        with self.assertRaises(chronik.Closed):
            session.create("x")


class Memory(Everywhere, Case):
    def where(self):
        return "memory:"


class Sqlite(Everywhere, Case):
    def where(self):
        return f"sqlite:{self.dir / 'store.db'}"


class Log(Everywhere, Case):
    def where(self):
        return self.dir / "log"


@needs_server
class Server(Everywhere, Case):
    def where(self):
        return server_url()


if __name__ == "__main__":
    unittest.main(verbosity=2)
