"""The store to be awaited: the names and arguments of chronik.store, each call on a thread of a small pool.

    async with await chronik.aio.open("state") as store:
        agent = await store.open_session("agent-7")
        saved = await agent.create('{"step":1}')

A cancelled call is no longer waited for, but may still take effect.
"""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from . import open as _open_blocking
from .errors import Closed
from .model import Checkpoint, Moment, SessionInfo
from .store import Session, Store

P = ParamSpec("P")
T = TypeVar("T")


class _Threaded:
    """Something blocking, and the threads its calls run on."""

    def __init__(self, blocking: Any, threads: ThreadPoolExecutor) -> None:
        self._blocking = blocking
        self._threads = threads

    async def _run(self, call: Callable[..., T], *args: Any, **named: Any) -> T:
        try:
            future = self._threads.submit(call, *args, **named)
        except RuntimeError:  # the pool was shut down
            raise Closed("the store was closed") from None
        return await asyncio.wrap_future(future)


def _threaded(method: Callable[Concatenate[Any, P], T]) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]:
    @functools.wraps(method)
    async def call(self: Any, /, *args: P.args, **named: P.kwargs) -> T:
        return cast(T, await self._run(getattr(self._blocking, method.__name__), *args, **named))

    return call


def _opening(method: Callable[Concatenate[Any, P], Session]) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, AsyncSession]]:
    @functools.wraps(method)
    async def call(self: Any, /, *args: P.args, **named: P.kwargs) -> AsyncSession:
        found = await self._run(getattr(self._blocking, method.__name__), *args, **named)
        return AsyncSession(found, self._threads)

    return call


class AsyncSession(_Threaded):
    """chronik.Session, awaited."""

    @property
    def blocking(self) -> Session:
        """The session underneath, for code that may block."""
        return cast(Session, self._blocking)

    @property
    def name(self) -> str:
        return self.blocking.name

    describe = _threaded(Session.describe)
    create = _threaded(Session.create)
    fence = _opening(Session.fence)
    get = _threaded(Session.get)
    at_sequence = _threaded(Session.at_sequence)
    latest = _threaded(Session.latest)
    as_of = _threaded(Session.as_of)
    as_of_sequence = _threaded(Session.as_of_sequence)
    list = _threaded(Session.list)
    payload = _threaded(Session.payload)
    restore = _threaded(Session.restore)
    rewind = _threaded(Session.rewind)
    fork = _opening(Session.fork)
    diff = _threaded(Session.diff)
    tag = _threaded(Session.tag)
    annotate = _threaded(Session.annotate)
    pin = _threaded(Session.pin)
    remove = _threaded(Session.remove)
    prune = _threaded(Session.prune)
    verify = _threaded(Session.verify)
    events = _threaded(Session.events)
    wait_events = _threaded(Session.wait_events)
    export_to = _threaded(Session.export_to)

    async def checkpoints(self, **query: Any) -> AsyncIterator[Checkpoint]:
        """All that `list` finds with the same arguments, fetched page by page."""
        query.setdefault("limit", 1000)
        while True:
            page = await self.list(**query)
            for checkpoint in page.checkpoints:
                yield checkpoint
            if not page.next:
                return
            query["cursor"] = page.next


class AsyncStore(_Threaded):
    """chronik.Store, awaited."""

    @property
    def blocking(self) -> Store:
        """The store underneath, for code that may block."""
        return cast(Store, self._blocking)

    create_session = _opening(Store.create_session)
    session = _opening(Store.session)
    open_session = _opening(Store.open_session)
    list_sessions = _threaded(Store.list_sessions)
    rename_session = _threaded(Store.rename_session)
    delete_session = _threaded(Store.delete_session)
    rotate_key = _threaded(Store.rotate_key)
    timeline = _threaded(Store.timeline)
    verify = _threaded(Store.verify)
    compact = _threaded(Store.compact)
    health = _threaded(Store.health)
    scrub_report = _threaded(Store.scrub_report)
    import_from = _threaded(Store.import_from)

    async def sessions(self, after: str = "") -> AsyncIterator[SessionInfo]:
        """All behind `after`, fetched page by page."""
        while True:
            page = await self.list_sessions(after, 1000)
            for info in page.sessions:
                yield info
            if not page.next:
                return
            after = page.next

    async def moments(self, **query: Any) -> AsyncIterator[Moment]:
        """All that `timeline` finds with the same arguments, fetched page by page."""
        query.setdefault("limit", 1000)
        while True:
            page = await self.timeline(**query)
            for moment in page.moments:
                yield moment
            if not page.next:
                return
            query["cursor"] = page.next

    async def close(self) -> None:
        """Ends it for every handle, after what is being written. A second call does nothing."""
        try:
            await self._run(self.blocking.close)
        except Closed:
            return
        self._threads.shutdown(wait=False)

    async def __aenter__(self) -> AsyncStore:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()


async def open(where: str | os.PathLike[str], *, threads: int = 16, **options: Any) -> AsyncStore:
    """As chronik.open. threads: how many calls run at once; further ones wait their turn, wait_events takes one as long as it waits."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix="chronik")
    try:
        blocking = await asyncio.wrap_future(pool.submit(_open_blocking, where, **options))
    except BaseException:
        pool.shutdown(wait=False)
        raise
    return AsyncStore(blocking, pool)
