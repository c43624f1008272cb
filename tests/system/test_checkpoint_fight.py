"""Two processes write to one session as fast as they can, on an SQLite file and on a server: nothing is lost, no sequence is
given twice, and of two that append behind the same parent exactly one is told of the conflict."""
# ctest: timeout=300

import json
import os
import subprocess

import harness
import python_package

SECONDS = float(os.environ.get("CHRONIK_FIGHT_SECONDS", "6"))

FIGHTER = """
import json, sys, time
import chronik

where, name, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
tries, won = [], 0
with chronik.open(where) as store:
    session = store.open_session("ring")
    print("ready", flush=True)
    sys.stdin.readline()
    end = time.monotonic() + seconds
    # A stalled disk must not leave one of them without a share.
    while time.monotonic() < end or (won <= 10 and time.monotonic() < end + 50):
        try:
            parent = session.latest("main").id
        except chronik.NotFound:
            parent = chronik.NO_PARENT
        payload = f"{name} {len(tries)}".encode()
        try:
            saved = session.create(payload, expected_parent=parent)
            tries.append([parent, saved.sequence, payload.decode()])
            won += 1
        except chronik.Conflict:
            tries.append([parent, None, payload.decode()])
print(json.dumps(tries))
"""

READER = """
import json, sys
import chronik

with chronik.open(sys.argv[1]) as store:
    session = store.session("ring")
    rows, page = [], session.list(newest_first=False, limit=1000)
    while True:
        rows += [(c.sequence, c.parent or chronik.NO_PARENT, session.payload(c.id).decode()) for c in page.checkpoints]
        if not page.next:
            break
        page = session.list(newest_first=False, limit=1000, cursor=page.next)
    print(json.dumps({"rows": rows, "ok": session.verify().ok}))
"""


class Fight(harness.SystemTest):
    def fight(self, where):
        python = python_package.make(self.new_dir("python") / "venv")
        fighters = [subprocess.Popen([python, "-c", FIGHTER, where, name, str(SECONDS)], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, text=True, env=python_package.ENVIRONMENT) for name in ("a", "b")]
        for fighter in fighters:
            self.addCleanup(fighter.kill)
            self.assertEqual(fighter.stdout.readline(), "ready\n")
        for fighter in fighters:
            fighter.stdin.write("go\n")
            fighter.stdin.flush()
        tries = [json.loads(fighter.communicate(timeout=SECONDS + 120)[0]) for fighter in fighters]
        found = json.loads(harness.run([python, "-c", READER, where], 120, env=python_package.ENVIRONMENT).stdout)
        self.assertTrue(found["ok"])
        won = [sorted((sequence, payload) for _, sequence, payload in one if sequence) for one in tries]
        # What was answered is what is there: nothing lost, nothing twice, no gap.
        self.assertEqual(sorted(won[0] + won[1]), [(sequence, payload) for sequence, _, payload in found["rows"]])
        self.assertEqual([row[0] for row in found["rows"]], list(range(1, len(found["rows"]) + 1)))
        children = {}
        for sequence, parent, payload in found["rows"]:
            self.assertNotIn(parent, children)
            children[parent] = payload
        conflicts = 0
        for mine in tries:
            for parent, sequence, payload in mine:
                # One that lost lost to a checkpoint of the other.
                self.assertEqual(children[parent] == payload, sequence is not None)
                if sequence is None:
                    self.assertNotEqual(children[parent][0], payload[0])
                    conflicts += 1
        # The loser may ask again before the winner's is on disk, and so visible: it is told again. Never is the winner.
        losers = [{parent for parent, sequence, _ in one if sequence is None} for one in tries]
        self.assertEqual(losers[0] & losers[1], set())
        print(f"{SECONDS:.0f} s: {len(won[0])} and {len(won[1])} checkpoints, {conflicts} conflicts over {len(losers[0]) + len(losers[1])} parents, each told to one of them")
        self.assertGreater(min(len(one) for one in won), 10)
        self.assertGreater(conflicts, 0)

    def test_on_one_sqlite_file(self):
        self.fight(f"sqlite:{self.new_dir('fight') / 'store.db'}")

    def test_on_one_server(self):
        broker = self.start_broker()
        self.fight(f"http://{broker.admin}")


if __name__ == "__main__":
    harness.main()
