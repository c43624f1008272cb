"""chronik.aio: what the blocking interface has can be awaited, many calls at once, on every backend."""

import asyncio
import inspect
import time
import unittest
import uuid

import chronik
import chronik.aio
from deadline import DEADLINE_S, Case, places


class Aio(Case):
    def run_async(self, coroutine):
        asyncio.run(asyncio.wait_for(coroutine, DEADLINE_S - 5))

    def test_a_whole_life_on_every_backend(self):
        async def life(where):
            async with await chronik.aio.open(where) as store:
                name = f"aio-{uuid.uuid4()}"
                session = await store.open_session(name)
                made = await asyncio.gather(*(session.create(f"{n}") for n in range(40)))
                self.assertEqual(sorted(c.sequence for c in made), list(range(1, 41)))
                self.assertEqual([c.sequence async for c in session.checkpoints(limit=7)], list(range(40, 0, -1)))
                self.assertEqual(await session.payload(made[3].id), b"3")
                fork = await session.fork(made[3].id, f"{name}-fork")
                self.assertEqual(fork.name, f"{name}-fork")
                self.assertIn(name, [info.name async for info in store.sessions()])
                first = [moment async for moment in store.moments(newest_first=False, limit=7) if moment.session == name]
                self.assertEqual([moment.checkpoint.sequence for moment in first], list(range(1, 41)))
                self.assertEqual((await store.timeline(limit=1)).moments[0].session, f"{name}-fork")
                self.assertTrue((await store.scrub_report()).ok)
                with self.assertRaises(chronik.Conflict):
                    await session.create("x", expected_parent=chronik.NO_PARENT)
                fenced = await session.fence()
                self.assertEqual((await (await session.fence()).create("x")).writer_epoch, 2)
                with self.assertRaises(chronik.Fenced):
                    await fenced.create("y")
                lines = []
                await session.export_to(lines.append)
                self.assertEqual(len(lines), 43)
                self.assertEqual((await store.import_from(lines)).present, 41)
            with self.assertRaises(chronik.Closed):
                await session.latest()
            await store.close()

        for name, where in places(self.dir).items():
            with self.subTest(name):
                self.run_async(life(where))

    def test_the_loop_goes_on_while_a_call_waits(self):
        async def main():
            async with await chronik.aio.open("memory:") as store:
                session = await store.open_session("s")
                waiting = asyncio.create_task(session.wait_events(2, timeout=20))
                ticks = 0
                while not waiting.done():
                    await asyncio.sleep(0.01)
                    ticks += 1
                    if ticks == 10:
                        await session.create("x")
                self.assertGreaterEqual(ticks, 10)
                self.assertEqual((await waiting).events[0].kind, "created")

        self.run_async(main())

    def test_a_cancelled_wait_lets_go_at_once(self):
        async def main():
            async with await chronik.aio.open("memory:") as store:
                session = await store.open_session("s")
                begun = time.monotonic()
                with self.assertRaises(TimeoutError):
                    await asyncio.wait_for(session.wait_events(10, timeout=30), 0.1)
                self.assertLess(time.monotonic() - begun, 15)

        self.run_async(main())

    def test_every_name_of_the_blocking_interface_is_there(self):
        for blocking, awaited in ((chronik.Store, chronik.aio.AsyncStore), (chronik.Session, chronik.aio.AsyncSession)):
            for name, member in vars(blocking).items():
                if name.startswith("_") or not callable(member):
                    continue
                other = getattr(awaited, name)
                self.assertTrue(inspect.iscoroutinefunction(other) or inspect.isasyncgenfunction(other), name)
                self.assertEqual(list(inspect.signature(other).parameters), list(inspect.signature(member).parameters), name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
