"""What a session of ChronikSaver holds, by LangGraph's ids: kept in memory, brought up to date by reading what is new.

The session is the truth; an index only spares its being listed on every call. Sequences are never reused within a session and
visible in order, so what is behind the last one seen is all that can be new. What others deleted is noticed when it is read.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from langchain_core.runnables import RunnableConfig

from .errors import NotFound
from .model import Checkpoint as Stored
from .store import Session

_SESSIONS_MAX = 1024  # indexes kept


class Index:
    """Of one session. Safe from any thread; never waits for the store while it holds its lock."""

    def __init__(self, session: Session, thread: str, namespace: str) -> None:
        self.session = session
        self.thread = thread
        self.namespace = namespace
        self.seen = 0  # all sequences up to this one are in
        self._id = ""  # of the session: another one may come to have its name
        self._lock = threading.Lock()
        # By checkpoint id, then by sequence.
        self._checkpoints: dict[str, dict[int, Stored]] = {}
        self._writes: dict[str, dict[int, Stored]] = {}

    def config(self, checkpoint_id: str) -> RunnableConfig:
        return {"configurable": {"thread_id": self.thread, "checkpoint_ns": self.namespace, "checkpoint_id": checkpoint_id}}

    def refresh(self) -> None:
        """Reads what is new; NotFound if the session is gone."""
        info = self.session.describe()
        if self._id and info.id != self._id:
            raise NotFound(f"session {self.session.name} is another one now")
        self._id = info.id
        while self.seen < info.last_sequence:
            page = self.session.list(newest_first=False, sequence_min=self.seen + 1, limit=1000)
            with self._lock:
                for stored in page.checkpoints:
                    self._insert(stored)
                last = max([*(stored.sequence for stored in page.checkpoints), *(one.sequence for one in page.damaged)], default=0)
                self.seen = max(self.seen, last if page.next else info.last_sequence, last)

    def _insert(self, stored: Stored) -> None:
        kind = {"checkpoint": self._checkpoints, "writes": self._writes}.get(stored.metadata.get("kind", ""))
        if kind is not None:  # else: someone else's checkpoint
            kind.setdefault(stored.metadata["checkpoint_id"], {})[stored.sequence] = stored

    def add(self, stored: Stored) -> None:
        """What was just created; with what came in between."""
        with self._lock:
            if stored.sequence == self.seen + 1:
                self._insert(stored)
                self.seen = stored.sequence
                return
        if stored.sequence > self.seen:
            self.refresh()

    def forget(self, stored: Stored) -> None:
        """What is no longer in the session."""
        for kind in (self._checkpoints, self._writes):
            id = stored.metadata["checkpoint_id"]
            with self._lock:
                if kind.get(id, {}).pop(stored.sequence, None) and not kind[id]:
                    del kind[id]

    def checkpoint(self, checkpoint_id: str) -> Stored | None:
        """The newest record of it."""
        with self._lock:
            records = self._checkpoints.get(checkpoint_id)
            return records[max(records)] if records else None

    def superseded(self, checkpoint_id: str) -> list[Stored]:
        """All but the newest record of it."""
        with self._lock:
            records = self._checkpoints.get(checkpoint_id, {})
            return [records[sequence] for sequence in sorted(records)[:-1]]

    def newest(self) -> Stored | None:
        """Of the highest id, as LangGraph orders them."""
        with self._lock:
            highest = max(self._checkpoints, default=None)
        return self.checkpoint(highest) if highest is not None else None

    def checkpoints(self) -> list[Stored]:
        """The newest record of each checkpoint."""
        with self._lock:
            return [records[max(records)] for records in self._checkpoints.values()]

    def writes(self, checkpoint_id: str) -> list[Stored]:
        """In the order they were stored."""
        with self._lock:
            return [stored for _, stored in sorted(self._writes.get(checkpoint_id, {}).items())]

    def everything(self) -> list[Stored]:
        """All records, in the order they were stored."""
        with self._lock:
            every = [stored for kind in (self._checkpoints, self._writes) for records in kind.values() for stored in records.values()]
        return sorted(every, key=lambda stored: stored.sequence)


class Indexes:
    """The indexes of the sessions used last, by name."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._indexes: OrderedDict[str, Index] = OrderedDict()

    def get(self, name: str) -> Index | None:
        with self._lock:
            if name in self._indexes:
                self._indexes.move_to_end(name)
            return self._indexes.get(name)

    def put(self, name: str, index: Index) -> Index:
        with self._lock:
            self._indexes[name] = index
            self._indexes.move_to_end(name)
            while len(self._indexes) > _SESSIONS_MAX:
                self._indexes.popitem(last=False)
        return index

    def drop(self, name: str) -> None:
        with self._lock:
            self._indexes.pop(name, None)
