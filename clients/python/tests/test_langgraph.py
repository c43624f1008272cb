"""ChronikSaver: LangGraph's own conformance tests on every backend, and what they leave open."""

import asyncio
import operator
import threading
import unittest
import uuid
from typing import Annotated, TypedDict

import chronik
import chronik.aio
from chronik.langgraph import ChronikSaver
from deadline import DEADLINE_S, Case, Server, needs_server, places, server_url
from langgraph.channels import DeltaChannel
from langgraph.checkpoint.base import WRITES_IDX_MAP, empty_checkpoint
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.conformance.capabilities import ALL_CAPABILITIES
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send, interrupt


class Conformance(Case):
    """langgraph-checkpoint-conformance, all capabilities, base and extended."""

    def conform(self, name, where, tests_min=80):
        said = []

        @checkpointer_test(name=f"ChronikSaver over {name}")
        async def saver():
            async with await chronik.aio.open(where) as store:
                yield ChronikSaver(store, prefix=f"conformance-{uuid.uuid4()}")

        report = asyncio.run(asyncio.wait_for(validate(saver), DEADLINE_S - 5))
        for capability, result in report.results.items():
            said += [f"{capability}: {failure}" for failure in result.failures]
        self.assertEqual(said, [])
        self.assertEqual(report.conformance_level(), "FULL")
        self.assertEqual(sorted(report.results), sorted(one.value for one in ALL_CAPABILITIES))
        passed = sum(result.tests_passed for result in report.results.values())
        print(f"conformance over {name}: {passed} tests passed, {report.conformance_level()}", flush=True)
        self.assertGreaterEqual(passed, tests_min)

    def test_memory(self):
        self.conform("memory", "memory:")

    def test_sqlite(self):
        self.conform("sqlite", f"sqlite:{self.dir / 'store.db'}")

    def test_log(self):
        self.conform("log", str(self.dir / "log"))

    @needs_server
    def test_server(self):
        self.conform("server", server_url())


def config_of(thread, id=None, namespace=""):
    configurable = {"thread_id": thread, "checkpoint_ns": namespace}
    return {"configurable": {**configurable, "checkpoint_id": id} if id else configurable}


def checkpoint(values=None, id=None):
    made = empty_checkpoint()
    made["channel_values"] = values or {}
    made["channel_versions"] = {name: 1 for name in made["channel_values"]}
    return {**made, "id": id} if id else made


class Saver(Case):
    def setUp(self):
        super().setUp()
        self.store = self.open("memory:")
        self.saver = ChronikSaver(self.store)

    def ids(self, saver, config, **query):
        return [one.checkpoint["id"] for one in saver.list(config, **query)]

    def test_put_is_idempotent_and_the_last_content_counts(self):
        for name, where in places(self.dir).items():
            with self.subTest(name):
                saver, thread = ChronikSaver(self.open(where)), str(uuid.uuid4())
                first, other = checkpoint({"a": 1}, "1"), checkpoint({"a": 2}, "1")
                session = None
                for state, step in ((first, 1), (first, 1), (other, 1), (other, 2), (first, 1), (first, 1), (other, 2)):
                    saver.put(config_of(thread), state, {"step": step}, {})
                    found = saver.get_tuple(config_of(thread))
                    self.assertEqual((found.checkpoint, found.metadata["step"]), (state, step))
                    session = saver.store.session(f"langgraph/{thread}")
                    self.assertEqual(session.describe().checkpoints, 1)
                self.assertEqual(session.describe().last_sequence, 5)
                self.assertEqual(ChronikSaver(saver.store).get_tuple(config_of(thread)), found)

    def test_an_old_record_that_was_not_yet_removed_does_not_swallow_a_put(self):
        # As after a crash between the new record and the removal of the old one.
        saver = self.saver
        saver._remove = lambda *_: None
        for value in (1, 2, 1, 2, 2, 1):
            saver.put(config_of("t"), checkpoint({"a": value}, "1") | {"ts": "x"}, {}, {})
            self.assertEqual(saver.get_tuple(config_of("t")).checkpoint["channel_values"], {"a": value})
        del saver._remove
        saver.put(config_of("t"), checkpoint({"a": 3}, "1"), {}, {})
        self.assertEqual(self.store.session("langgraph/t").describe().checkpoints, 1)

    def test_the_same_writes_twice_are_stored_once_and_special_ones_are_replaced(self):
        reference = InMemorySaver()
        calls = [([("a", 1), ("b", 2)], "t1", "p2"), ([("a", 1), ("b", 2)], "t1", "p2"), ([("a", 9)], "t1", "p2"),
                 ([("__interrupt__", "first")], "t1", "p2"), ([("a", 3), ("__error__", "e")], "t0", "p3"),
                 ([("__interrupt__", "second")], "t1", "p2"), ([("__interrupt__", "third")], "t1", "p2"),
                 ([("__interrupt__", "second")], "t1", "p2"), ([("c", None)], "t2", "p1"),
                 ([("x", 1), ("y", 2), ("z", 3)], "t1", "p2")]
        for saver in (reference, self.saver):
            saver.put(config_of("t"), checkpoint(id="1"), {}, {})
            for writes, task, path in calls:
                saver.put_writes(config_of("t", "1"), writes, task, path)
        want = reference.get_tuple(config_of("t")).pending_writes
        self.assertIn("__interrupt__", WRITES_IDX_MAP)
        self.assertEqual(self.saver.get_tuple(config_of("t")).pending_writes, want)
        self.assertEqual(ChronikSaver(self.store).get_tuple(config_of("t")).pending_writes, want)
        self.assertEqual(self.store.session("langgraph/t").describe().checkpoints, 1 + len(calls) - 1)

    def test_ids_and_names_of_any_kind_are_kept_exactly(self):
        odd = ["a/b", "a", "a%2Fb", "ä" * 200, "x" * 500, "x" * 501, "", " ", "a\x00b\n", "..", "a#b", "%"]
        for thread in odd:
            for namespace in ("", "child:1|grand:2", "n/s", "ns" * 300, "%"):
                self.saver.put(config_of(thread, "parent", namespace), checkpoint({"k": [thread, namespace]}, "id of it"), {}, {})
        fresh = ChronikSaver(self.store)
        for thread in odd:
            tuples = list(fresh.list({"configurable": {"thread_id": thread}}))
            self.assertEqual(len(tuples), 5)
            for one in tuples:
                where = one.config["configurable"]
                self.assertEqual(one.checkpoint["channel_values"]["k"], [thread, where["checkpoint_ns"]])
                self.assertEqual((where["thread_id"], where["checkpoint_id"]), (thread, "id of it"))
                self.assertEqual(one.parent_config["configurable"], {**where, "checkpoint_id": "parent"})
        self.assertEqual(len(list(fresh.list(None))), len(odd) * 5)
        for thread in odd:
            fresh.delete_thread(thread)
        self.assertEqual(list(self.store.sessions()), [])

    def test_metadata_comes_back_as_it_was_and_filters_whatever_it_is(self):
        kinds = {"text": "ü😀", "int": 7, "huge": 1 << 60, "float": 0.1, "tuple": (1, 2), "list": [1, [2, None]], "no": None,
                 "long": "x" * 20_000, "nested": {"a": {"b": [True]}}, "set": {1, 2}, "bytes": b"\xff", "lone": "a"}
        for name, value in kinds.items():
            self.saver.put(config_of("t"), checkpoint({}, f"id-{name}"), {"source": "loop", "its": value}, {})
        for name, value in kinds.items():
            value = self.saver.serde.loads_typed(self.saver.serde.dumps_typed(value))  # which makes a list of a tuple
            found = list(self.saver.list(config_of("t"), filter={"its": value, "source": "loop"}))
            self.assertEqual([one.checkpoint["id"] for one in found], [f"id-{name}"])
            self.assertEqual(found[0].metadata["its"], value)
            self.assertIs(type(found[0].metadata["its"]), type(value))
        self.assertEqual(self.ids(self.saver, config_of("t"), filter={"its": "other"}), [])
        self.assertEqual(len(self.ids(self.saver, config_of("t"), filter={"absent": None})), len(kinds))

    def test_list_filters_and_limits_as_langgraph_s_own(self):
        reference = InMemorySaver()
        for saver in (reference, self.saver):
            for n in range(20):
                saver.put(config_of("t", f"{n - 1:03}" if n else None), checkpoint({"n": n}, f"{n:03}"),
                          {"step": n, "source": "input" if n % 4 == 0 else "loop"}, {"n": n + 1})
        for query in ({}, {"limit": 3}, {"limit": 0}, {"filter": {"source": "input"}}, {"filter": {"source": "input"}, "limit": 2},
                      {"before": config_of("t", "007")}, {"before": config_of("t", "007"), "filter": {"source": "loop"}, "limit": 2}):
            with self.subTest(query):
                self.assertEqual(self.ids(self.saver, config_of("t"), **query), self.ids(reference, config_of("t"), **query))
        self.assertEqual(self.ids(self.saver, config_of("t", "005")), ["005"])
        self.assertEqual(self.ids(self.saver, config_of("nobody")), [])

    def test_savers_over_one_place_see_what_the_others_do(self):
        for name, where in places(self.dir).items():
            with self.subTest(name):
                store = self.open(where)
                other = self.open(where) if name in ("sqlite", "server") else store
                self.follow(ChronikSaver(store), ChronikSaver(other), str(uuid.uuid4()))

    def follow(self, one, two, t):
        for n in range(5):
            (one if n % 2 else two).put(config_of(t), checkpoint({}, f"{n}"), {}, {})
            self.assertEqual(one.get_tuple(config_of(t)).checkpoint["id"], f"{n}")
            self.assertEqual(two.get_tuple(config_of(t)).checkpoint["id"], f"{n}")
        one.prune([t])
        self.assertEqual(self.ids(two, config_of(t)), ["4"])
        self.assertIsNone(two.get_tuple(config_of(t, "2")))
        one.delete_thread(t)
        self.assertIsNone(two.get_tuple(config_of(t)))
        two.put(config_of(t), checkpoint({}, "5"), {}, {})
        one.delete_thread(t)
        one.put(config_of(t), checkpoint({}, "0"), {}, {})
        self.assertEqual(self.ids(two, config_of(t)), ["0"])
        one.delete_thread(t)
        two.put(config_of(t), checkpoint({}, "9"), {}, {})
        two.put_writes(config_of(t, "9"), [("a", 1)], "task")
        self.assertEqual(one.get_tuple(config_of(t)).pending_writes, [("task", "a", 1)])

    def test_encrypted_states_stand_nowhere_in_clear(self):
        class Rot:
            def encrypt(self, plain):
                return "rot", bytes(byte ^ 85 for byte in plain)

            def decrypt(self, name, cipher):
                return bytes(byte ^ 85 for byte in cipher)

        saver = ChronikSaver(self.store, serde=EncryptedSerializer(Rot()))
        saver.put(config_of("t"), checkpoint({"secret": "open sesame"}, "1"), {"step": 1}, {})
        saver.put_writes(config_of("t", "1"), [("secret", "open sesame")], "task")
        self.assertEqual(saver.get_tuple(config_of("t")).checkpoint["channel_values"], {"secret": "open sesame"})
        self.assertEqual(saver.get_tuple(config_of("t")).pending_writes, [("task", "secret", "open sesame")])
        lines = []
        self.store.session("langgraph/t").export_to(lines.append)
        session = self.store.session("langgraph/t")
        stored = b"".join(session.payload(one.id) for one in session.checkpoints()) + b"".join(lines)
        self.assertNotIn(b"open sesame", stored)
        self.assertEqual([one.metadata["step"] for one in saver.list(config_of("t"), filter={"step": 1})], [1])

    def test_many_threads_at_one_thread_id_lose_nothing(self):
        for name, where in places(self.dir).items():
            with self.subTest(name):
                store, thread, errors = self.open(where), str(uuid.uuid4()), []
                shared = ChronikSaver(store)

                def work(who, saver):
                    try:
                        for n in range(6):
                            id = f"{n}-{who}"
                            saver.put(config_of(thread), checkpoint({"who": who}, id), {"step": n}, {})
                            saver.put_writes(config_of(thread, id), [("a", n)], f"task {who}")
                            found = saver.get_tuple(config_of(thread, id))
                            assert found.pending_writes == [(f"task {who}", "a", n)], found
                    except BaseException as error:
                        errors.append(error)
                        raise

                threads = [threading.Thread(target=work, args=(who, shared if who % 2 else ChronikSaver(store))) for who in range(8)]
                for one in threads:
                    one.start()
                for one in threads:
                    one.join()
                self.assertEqual(errors, [])
                want = sorted((f"{n}-{who}" for who in range(8) for n in range(6)), reverse=True)
                self.assertEqual(self.ids(shared, config_of(thread)), want)

    def test_processes_share_a_thread_over_sqlite(self):
        where = f"sqlite:{self.dir / 'store.db'}"
        program = ("import sys\nfrom chronik.langgraph import ChronikSaver\nfrom langgraph.checkpoint.base import empty_checkpoint\n"
                   "with ChronikSaver.from_conn_string(sys.argv[1]) as saver:\n"
                   "    for n in range(15):\n"
                   "        id = f'{n:02}-{sys.argv[2]}'\n"
                   "        config = {'configurable': {'thread_id': 't', 'checkpoint_ns': ''}}\n"
                   "        config = saver.put(config, {**empty_checkpoint(), 'id': id}, {'step': n}, {})\n"
                   "        saver.put_writes(config, [('a', n)], 'task')\n"
                   "        saver.put(config, {**empty_checkpoint(), 'id': 'contested'}, {'who': sys.argv[2]}, {})\n")
        workers = [self.python(program, where, who) for who in "abc"]
        self.assertEqual([worker.wait(150) for worker in workers], [0, 0, 0])
        saver = ChronikSaver(self.open(where))
        want = ["contested", *sorted((f"{n:02}-{who}" for who in "abc" for n in range(15)), reverse=True)]
        self.assertEqual(self.ids(saver, config_of("t")), want)
        self.assertTrue(all(len(one.pending_writes) == 1 for one in saver.list(config_of("t")) if one.checkpoint["id"] != "contested"))

    def test_many_writes_of_one_step_come_back_in_their_order(self):
        for name, where in places(self.dir).items():
            with self.subTest(name):
                store, thread = self.open(where), str(uuid.uuid4())
                ChronikSaver(store).put(config_of(thread), checkpoint({}, "1"), {}, {})
                for n in range(60):
                    ChronikSaver(store).put_writes(config_of(thread, "1"), [("a", n), ("b", "x" * n)], f"task {59 - n:02}", f"{n % 7}")
                found = ChronikSaver(store).get_tuple(config_of(thread)).pending_writes
                order = sorted(range(60), key=lambda n: (n % 7, 59 - n))
                self.assertEqual(found, [write for n in order for write in ((f"task {59 - n:02}", "a", n), (f"task {59 - n:02}", "b", "x" * n))])

    def test_a_copy_that_was_cut_short_is_completed(self):
        for n in range(4):
            self.saver.put(config_of("source"), checkpoint({"n": n}, f"{n}"), {"step": n}, {})
            self.saver.put_writes(config_of("source", f"{n}"), [("a", n)], "task")
        original = self.store.session("langgraph/source")
        calls = 0

        class Cut(Exception):
            pass

        def payload(id, real=type(original).payload):
            nonlocal calls
            calls += 1
            if calls == 4:
                raise Cut
            return real(index.session, id)

        index = self.saver._find("source", "")
        index.session.payload = payload
        with self.assertRaises(Cut):
            self.saver.copy_thread("source", "target")
        del index.session.payload
        self.saver.copy_thread("source", "target")
        self.saver.copy_thread("source", "target")
        for one, other in zip(self.saver.list(config_of("source")), self.saver.list(config_of("target")), strict=True):
            self.assertEqual((one.checkpoint, one.metadata, one.pending_writes), (other.checkpoint, other.metadata, other.pending_writes))
        self.assertEqual(self.store.session("langgraph/target").describe().checkpoints, 8)

    def test_what_is_no_checkpoint_of_langgraph_is_left_alone(self):
        self.saver.put(config_of("t"), checkpoint({}, "1"), {}, {})
        session = self.store.session("langgraph/t")
        session.create("note", message="mine")
        self.store.create_session("langgraph/odd").create("x")
        self.assertEqual(self.ids(self.saver, None), ["1"])
        self.saver.prune(["t"])
        self.assertEqual(session.payload(session.latest().id), b"note")
        with self.assertRaises(ValueError):
            self.saver.prune(["t"], strategy="keep_some")
        session.create(b'{"checkpoint":[]}\n', schema_version=2,
                       metadata={"kind": "checkpoint", "checkpoint_id": "2", "parent_id": None, "metadata": {}, "whole": True})
        with self.assertRaises(chronik.Unsupported):
            self.saver.get_tuple(config_of("t"))


class State(TypedDict):
    log: Annotated[list, operator.add]


def collect(state, writes):
    """A reducer in batch, as DeltaChannel wants it."""
    return [*state, *(item for write in writes for item in (write if isinstance(write, list) else [write]))]


class DeltaState(TypedDict):
    log: Annotated[list, DeltaChannel(collect, snapshot_frequency=4)]


class Graphs(Case):
    """Whole graphs of LangGraph, each against its InMemorySaver."""

    def each(self):
        for name, where in places(self.dir).items():
            with self.subTest(name):
                yield ChronikSaver(self.open(where)), str(uuid.uuid4())

    def test_an_interrupted_graph_goes_on_where_it_was(self):
        builder = StateGraph(State)
        builder.add_node("ask", lambda state: {"log": [interrupt("how many?")]})
        builder.add_node("fan", lambda state: {"log": ["fan"]})
        builder.add_node("work", lambda state: {"log": [state["n"]]})
        builder.add_edge(START, "ask")
        builder.add_edge("ask", "fan")
        builder.add_conditional_edges("fan", lambda state: [Send("work", {"n": n}) for n in range(state["log"][0])])
        builder.add_edge("work", END)
        for saver, thread in self.each():
            for durability in ("sync", "async", "exit"):
                config = {"configurable": {"thread_id": f"{thread}-{durability}"}}
                graph = builder.compile(checkpointer=saver)
                asked = graph.invoke({"log": []}, config, durability=durability)
                self.assertEqual([one.value for one in asked["__interrupt__"]], ["how many?"])
                graph = builder.compile(checkpointer=ChronikSaver(saver.store))
                done = graph.invoke(Command(resume=3), config, durability=durability)
                self.assertEqual(done["log"], [3, "fan", 0, 1, 2])
                self.assertEqual(graph.get_state(config).next, ())

    def test_histories_forks_and_updates_equal_those_of_langgraph_s_own(self):
        inner = StateGraph(State)
        inner.add_node("deep", lambda state: {"log": [f"deep {len(state['log'])}"]})
        inner.add_edge(START, "deep")
        builder = StateGraph(State)
        builder.add_node("one", lambda state: {"log": ["one"]})
        builder.add_node("sub", inner.compile(checkpointer=True))
        builder.add_node("two", lambda state: {"log": ["two"]})
        for edge in ((START, "one"), ("one", "sub"), ("sub", "two"), ("two", END)):
            builder.add_edge(*edge)

        def live(saver, thread):
            graph, config = builder.compile(checkpointer=saver), {"configurable": {"thread_id": thread}}
            graph.invoke({"log": ["begin"]}, config)
            before = next(one for one in graph.get_state_history(config) if one.next == ("sub",))
            forked = graph.update_state(before.config, {"log": ["changed"]})
            graph.invoke(None, forked)
            graph.invoke({"log": ["again"]}, config)
            return [(one.values, one.next, one.metadata["step"], one.metadata["source"]) for one in graph.get_state_history(config)]

        want = live(InMemorySaver(), "t")
        self.assertGreater(len(want), 10)
        for saver, thread in self.each():
            self.assertEqual(live(saver, thread), want)

    def test_pruning_keeps_what_delta_channels_are_rebuilt_from(self):
        builder = StateGraph(DeltaState)
        builder.add_node("work", lambda state: {"log": [f"step {len(state['log'])}"]})
        builder.add_edge(START, "work")
        builder.add_conditional_edges("work", lambda state: "work" if len(state["log"]) % 7 else END)
        for saver, thread in self.each():
            graph, config = builder.compile(checkpointer=saver), {"configurable": {"thread_id": thread}}
            graph.invoke({"log": ["begin"]}, config)
            want = graph.get_state(config).values
            self.assertEqual(len(want["log"]), 7)
            before = len(list(saver.list(config)))
            saver.prune([thread])
            after = len(list(saver.list(config)))
            self.assertLess(after, before)
            fresh = builder.compile(checkpointer=ChronikSaver(saver.store))
            self.assertEqual(fresh.get_state(config).values, want)
            self.assertEqual(fresh.invoke({"log": ["more"]}, config)["log"][:8], [*want["log"], "more"])

    @needs_server
    def test_a_graph_goes_on_after_its_server_was_killed(self):
        server = Server(self.dir / "data")
        self.addCleanup(lambda: server.kill())
        deaths = [4, 7]

        def work(state):
            step = len(state["log"])
            if step in deaths:
                deaths.remove(step)
                server.kill()
            return {"log": [step]}

        builder = StateGraph(State)
        builder.add_node("work", work)
        builder.add_edge(START, "work")
        builder.add_conditional_edges("work", lambda state: "work" if len(state["log"]) < 10 else END)
        saver, config = ChronikSaver(self.open(server.url)), {"configurable": {"thread_id": "t"}}
        graph, given = builder.compile(checkpointer=saver), {"log": []}
        for step in (4, 7):
            with self.assertRaises(chronik.Unavailable):
                graph.invoke(given, config, durability="sync")
            server.start()
            self.assertEqual(graph.get_state(config).values["log"], list(range(step)))
            given = None
        self.assertEqual(graph.invoke(None, config, durability="sync")["log"], list(range(10)))
        self.assertTrue(saver.store.session("langgraph/t").verify().ok)

    def test_graphs_run_side_by_side_on_one_loop(self):
        builder = StateGraph(State)

        async def work(state):
            await asyncio.sleep(0)
            return {"log": [len(state["log"])]}

        builder.add_node("work", work)
        builder.add_edge(START, "work")
        builder.add_conditional_edges("work", lambda state: "work" if len(state["log"]) < 5 else END)

        async def main(saver, thread):
            graph = builder.compile(checkpointer=saver)
            configs = [{"configurable": {"thread_id": f"{thread}-{n}"}} for n in range(20)]
            ended = await asyncio.gather(*(graph.ainvoke({"log": []}, config) for config in configs))
            self.assertEqual([one["log"] for one in ended], [[0, 1, 2, 3, 4]] * 20)
            for config in configs:
                self.assertEqual(len([one async for one in graph.aget_state_history(config)]), 7)

        for saver, thread in self.each():
            asyncio.run(asyncio.wait_for(main(saver, thread), DEADLINE_S - 5))


if __name__ == "__main__":
    unittest.main(verbosity=2)
