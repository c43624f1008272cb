"""A LangGraph checkpointer over a chronik store: embedded (memory, SQLite, log) or a server.

    with ChronikSaver.from_conn_string("sqlite:agents.db") as saver:
        graph = builder.compile(checkpointer=saver)

A thread and namespace is a session, `PREFIX/THREAD[/NAMESPACE]`. A checkpoint of LangGraph is one of that session, on branch main:
its payload is the full state as the serializer wrote it (the log stores what states have in common once), its metadata has
LangGraph's ids and what a filter looks for. Each call of put_writes is one on branch writes. One sequence orders all of them, so
of two records of the same thing every reader takes the same.

Safe from any number of threads, and of processes where the store takes several. Raises the classes of chronik.errors.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import itertools
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (BaseCheckpointSaver, ChannelVersions, Checkpoint, CheckpointMetadata, CheckpointTuple,
                                       get_checkpoint_id, get_checkpoint_metadata)
from langgraph.checkpoint.serde.base import SerializerProtocol

from . import _langgraph_format as form
from . import open as open_store
from ._langgraph_index import Index, Indexes
from .aio import AsyncStore
from .errors import AlreadyExists, NotFound
from .http import HttpStore
from .model import Checkpoint as Stored
from .store import Store

P = ParamSpec("P")
T = TypeVar("T")

_THREADS = 16  # for what is awaited, and for deleting many at once
_READERS = 8  # requests for one tuple's writes at the same time
_BATCH = 16  # tuples that alist fetches at once


def _thread(config: RunnableConfig) -> str:
    return str(config["configurable"]["thread_id"])


def _namespace(config: RunnableConfig) -> str:
    return config["configurable"].get("checkpoint_ns") or ""


def _threaded(method: Callable[Concatenate[Any, P], T]) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]:
    @functools.wraps(method)
    async def call(self: Any, /, *args: P.args, **named: P.kwargs) -> T:
        return cast(T, await asyncio.wrap_future(self._threads.submit(method, self, *args, **named)))

    return call


class ChronikSaver(BaseCheckpointSaver[str]):
    """Over an open store, which stays the caller's to close.

    serde: as for any saver. With an EncryptedSerializer states and writes are encrypted; ids, names of channels and plain values of
    the metadata stay readable, as filters need them. prefix: what the names of its sessions begin with.
    """

    def __init__(self, store: Store | AsyncStore, *, serde: SerializerProtocol | None = None, prefix: str = "langgraph") -> None:
        super().__init__(serde=serde)
        self.store = store.blocking if isinstance(store, AsyncStore) else store
        self.prefix = prefix
        self._indexes = Indexes()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="chronik-saver")
        # Not the same threads: those may wait for these.
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="chronik-reader") if isinstance(self.store, HttpStore) else None

    @classmethod
    @contextlib.contextmanager
    def from_conn_string(cls, where: str, **options: Any) -> Iterator[ChronikSaver]:
        """Opens a store as chronik.open does, and closes it in the end."""
        with open_store(where, **options) as store:
            yield cls(store)

    # One session per thread and namespace.

    def _find(self, thread: str, namespace: str) -> Index | None:
        """Its index, up to date; None if there is no such session."""
        name = form.session_name(self.prefix, thread, namespace)
        index = self._indexes.get(name)
        if index is not None:
            try:
                index.refresh()
                return index
            except NotFound:  # deleted; there may be a new one of its name
                self._indexes.drop(name)
        try:
            index = Index(self.store.session(name), thread, namespace)
            index.refresh()
        except NotFound:
            return None
        return self._indexes.put(name, index)

    def _make(self, thread: str, namespace: str) -> Index:
        while (index := self._find(thread, namespace)) is None:
            with contextlib.suppress(AlreadyExists):
                self.store.create_session(form.session_name(self.prefix, thread, namespace),
                                          {"thread_id": thread, "checkpoint_ns": namespace})
        return index

    def _sessions(self, thread: str | None) -> Iterator[tuple[str, str, str]]:
        """(name, thread, namespace) of every namespace of one thread, or of all threads."""
        start = f"{self.prefix}/"
        if thread is not None:
            root = form.thread_name(self.prefix, thread)
            yield root, thread, ""
            start = f"{root}/"
        after, limit = start, 16
        while True:
            page = self.store.list_sessions(after, limit)
            for info in page.sessions:
                if not info.name.startswith(start):
                    return
                if {"thread_id", "checkpoint_ns"} <= info.metadata.keys():
                    yield info.name, info.metadata["thread_id"], info.metadata["checkpoint_ns"]
            if not page.next:
                return
            after, limit = page.next, min(limit * 4, 1000)

    def _all(self, thread: str | None) -> Iterator[Index]:
        for _, its_thread, namespace in self._sessions(thread):
            if (index := self._find(its_thread, namespace)) is not None:
                yield index

    def _append(self, index: Index, payload: bytes, metadata: dict[str, Any], key: str, **options: Any) -> tuple[Index, Stored]:
        """If someone else deletes the session meanwhile, it begins anew."""
        while True:
            try:
                made = index.session.create(payload, metadata=metadata, content_type=form.CONTENT_TYPE, schema_version=form.VERSION,
                                            idempotency_key=key, **options)
            except NotFound:
                self._indexes.drop(index.session.name)
                index = self._make(index.thread, index.namespace)
                continue
            with contextlib.suppress(NotFound):  # deleted right behind it
                index.add(made)
            return index, made

    def _remove(self, index: Index, stored: Iterable[Stored]) -> None:
        """Side by side: the store makes one sync of what comes together."""
        def remove(one: Stored) -> None:
            with contextlib.suppress(NotFound):
                index.session.remove(one.id)
            index.forget(one)

        stored = tuple(stored)
        if not stored:
            return
        # Threads of their own: this may run on one of the saver's, and must not wait for them.
        with ThreadPoolExecutor(_THREADS) as threads:
            for _ in threads.map(remove, stored):
                pass

    # Reading.

    def _tuple(self, index: Index, stored: Stored | None) -> CheckpointTuple | None:
        """None if it was deleted meanwhile; if it was replaced, what replaced it."""
        while stored is not None:
            try:
                checkpoint, metadata = form.load(self.serde, stored, index.session.payload(stored.id))
                break
            except NotFound:
                index.forget(stored)
                with contextlib.suppress(NotFound):
                    index.refresh()
                stored = index.checkpoint(stored.metadata["checkpoint_id"])
        else:
            return None
        checkpoint_id = stored.metadata["checkpoint_id"]
        records = self._payloads(index, index.writes(checkpoint_id))
        parent = stored.metadata["parent_id"]
        return CheckpointTuple(
            config=index.config(checkpoint_id), checkpoint=checkpoint, metadata=metadata,
            parent_config=index.config(parent) if parent else None,
            pending_writes=[(task, channel, self.serde.loads_typed(value)) for task, channel, value in form.merge(records)])

    def _payloads(self, index: Index, records: Sequence[Stored]) -> Sequence[tuple[Stored, bytes]]:
        """Of those that are still there. Over a network many are asked for at once."""
        def read(one: Stored) -> tuple[Stored, bytes] | None:
            try:
                return one, index.session.payload(one.id)
            except NotFound:
                index.forget(one)
                return None

        reads = self._readers.map(read, records) if self._readers and len(records) > 2 else map(read, records)
        return [found for found in reads if found]

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The checkpoint that config names, else the one with the highest id of its thread and namespace; None if there is none."""
        index = self._find(_thread(config), _namespace(config))
        if index is None:
            return None
        if wanted := get_checkpoint_id(config):
            return self._tuple(index, index.checkpoint(wanted))
        while (stored := index.newest()) is not None:
            if (found := self._tuple(index, stored)) is not None:
                return found
        return None

    def list(self, config: RunnableConfig | None, *, filter: dict[str, Any] | None = None, before: RunnableConfig | None = None,
             limit: int | None = None) -> Iterator[CheckpointTuple]:
        """Highest id first. Without config: of all threads; without checkpoint_ns in it: of all namespaces of the thread.

        filter: keys of the metadata and the value each must equal. before: only ids below its checkpoint_id.
        """
        if config is None:
            indexes: Iterable[Index] = self._all(None)
        elif config["configurable"].get("checkpoint_ns") is None:
            indexes = self._all(_thread(config))
        else:
            found = self._find(_thread(config), _namespace(config))
            indexes = [found] if found else []
        wanted = get_checkpoint_id(config) if config else None
        below = get_checkpoint_id(before) if before else None
        rows = [(stored.metadata["checkpoint_id"], stored, index) for index in indexes for stored in index.checkpoints()]
        rows = [row for row in rows if (not wanted or row[0] == wanted) and (not below or row[0] < below)]
        rows.sort(key=lambda row: row[0], reverse=True)
        left = len(rows) if limit is None else limit
        for _, stored, index in rows:
            if left <= 0:
                return
            verdict = form.matches(stored.metadata, filter)
            if verdict is False or (tuple_ := self._tuple(index, stored)) is None:
                continue
            if verdict or all(tuple_.metadata.get(name) == value for name, value in (filter or {}).items()):
                left -= 1
                yield tuple_

    # Writing.

    def put(self, config: RunnableConfig, checkpoint: Checkpoint, metadata: CheckpointMetadata,
            new_versions: ChannelVersions) -> RunnableConfig:
        """On disk once it returns. The same again changes nothing; another content under the same id takes the place of the first."""
        index = self._make(_thread(config), _namespace(config))
        parent = get_checkpoint_id(config)
        whole = get_checkpoint_metadata(config, metadata)
        payload = form.dump(self.serde, checkpoint, whole)
        record = form.checkpoint_metadata(checkpoint["id"], parent, whole)
        digest = hashlib.sha256(payload).hexdigest()
        for attempt in itertools.count():
            seen = index.seen
            # By its key a repeated put finds the record of the first, whoever repeats it.
            key = form.key("put", checkpoint["id"], parent, digest, attempt)
            index, made = self._append(index, payload, record, key, message=form.message(whole), trigger="automatic",
                                       reason=str(whole.get("source", ""))[:200])
            older = index.superseded(checkpoint["id"])
            if made.sequence > seen or all(one.sequence != made.sequence for one in older):
                break
            # An old record, since replaced by another content and not yet removed: once more, as a new one.
        self._remove(index, [one for one in older if one.sequence < made.sequence])
        return index.config(checkpoint["id"])

    def put_writes(self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = "") -> None:
        """On disk once it returns. Of two writes of a task with the same index the first counts; of errors, interrupts, resumes
        and the like the last."""
        index = self._make(_thread(config), _namespace(config))
        checkpoint_id = config["configurable"]["checkpoint_id"]
        payload = form.dump_writes(self.serde, writes, task_id, task_path)
        digest = hashlib.sha256(payload).hexdigest()
        before = [one for one in index.writes(checkpoint_id) if one.metadata["task_id"] == task_id]
        if before and before[-1].payload_hash == digest:
            return
        # Behind other writes of the task the same ones are news again.
        key = form.key("writes", checkpoint_id, digest, before[-1].sequence if before else 0)
        self._append(index, payload, form.writes_metadata(checkpoint_id, task_id), key, branch="writes", trigger="automatic",
                     message=f"task {task_id}"[:200], reason="writes")

    def get_next_version(self, current: str | int | None, channel: None) -> str:
        """As LangGraph's own savers number them: ascending as text, and distinct between forks."""
        number = int(str(current).split(".")[0]) if current is not None else 0
        return f"{number + 1:032}.{random.random():016}"

    # Deleting and copying.

    def delete_thread(self, thread_id: str) -> None:
        """All namespaces of it."""
        for name, _, _ in tuple(self._sessions(str(thread_id))):
            with contextlib.suppress(NotFound):
                self.store.delete_session(name)
            self._indexes.drop(name)

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Every checkpoint whose metadata names one of the runs, with its writes. Looks at all threads."""
        runs = {str(run) for run in run_ids}
        for index in self._all(None) if runs else ():
            gone = {stored.metadata["checkpoint_id"] for stored in index.checkpoints()
                    if str(stored.metadata["metadata"].get("run_id")) in runs}
            self._remove(index, [stored for stored in index.everything() if stored.metadata["checkpoint_id"] in gone])

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """All namespaces, checkpoints and writes, to what the target has already. If it is cut short, the next call completes it."""
        for source in tuple(self._all(str(source_thread_id))):
            target = self._make(str(target_thread_id), source.namespace)
            for stored in source.everything():
                with contextlib.suppress(NotFound):  # deleted meanwhile
                    payload = source.session.payload(stored.id)
                    target, _ = self._append(target, payload, stored.metadata, stored.idempotency_key, branch=stored.branch,
                                             message=stored.message, trigger=stored.trigger, reason=stored.reason)

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """keep_latest: of each namespace the newest checkpoint, with the ancestors its delta channels are rebuilt from. delete: all
        goes. ValueError for another strategy."""
        if strategy not in ("keep_latest", "delete"):
            raise ValueError(f"strategy is keep_latest or delete, not {strategy}")
        for thread in map(str, thread_ids):
            if strategy == "delete":
                self.delete_thread(thread)
                continue
            for index in tuple(self._all(thread)):
                kept = self._needed(index)
                # Writes may come before their checkpoint: what is above the newest one is not done with.
                self._remove(index, [stored for stored in index.everything() if stored.metadata["checkpoint_id"] not in kept
                                     and stored.metadata["checkpoint_id"] < max(kept, default="")])

    def _needed(self, index: Index) -> set[str]:
        """The newest checkpoint, and its ancestors up to the values that its delta channels begin with."""
        kept: set[str] = set()
        missing: set[str] | None = None
        stored = index.newest()
        while stored is not None and (found := self._tuple(index, stored)) is not None:
            if missing is None:
                missing = set(found.metadata.get("counters_since_delta_snapshot") or {})
            kept.add(stored.metadata["checkpoint_id"])
            missing -= found.checkpoint["channel_values"].keys()
            stored = index.checkpoint(stored.metadata["parent_id"]) if missing and stored.metadata["parent_id"] else None
        return kept

    # Awaited: the same on a thread.

    aget_tuple = _threaded(get_tuple)
    aput = _threaded(put)
    aput_writes = _threaded(put_writes)
    adelete_thread = _threaded(delete_thread)
    adelete_for_runs = _threaded(delete_for_runs)
    acopy_thread = _threaded(copy_thread)
    aprune = _threaded(prune)

    async def alist(self, config: RunnableConfig | None, *, filter: dict[str, Any] | None = None, before: RunnableConfig | None = None,
                    limit: int | None = None) -> AsyncIterator[CheckpointTuple]:
        """As list."""
        found = self.list(config, filter=filter, before=before, limit=limit)
        while batch := await asyncio.wrap_future(self._threads.submit(lambda: list(itertools.islice(found, _BATCH)))):
            for one in batch:
                yield one
