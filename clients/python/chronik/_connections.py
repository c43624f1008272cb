"""HTTP/1.1 exchanges over a bounded pool of kept connections. Standard library only, safe from any thread.

Every exchange has a deadline: waiting for a free connection, connecting, sending and receiving all end by it, in TimedOut. What
may be repeated is, once, on a new connection, if a kept one turns out to be dead; else a lost connection is Unavailable.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import select
import threading
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import IO
from urllib.parse import urlsplit

from .errors import CheckpointError, Closed, InvalidArgument, TimedOut, TooLarge, Unavailable

_CONNECT_S = 10.0
_BLOCK = 1 << 18
_TARGET_MAX = 1000 << 10  # the server takes a head of 1 MiB


class _Named:
    """What goes wrong on a connection gets the name it has for every store."""

    def __init__(self, url: str, timeout: float) -> None:
        self.url = url
        self.timeout = timeout

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if isinstance(error, CheckpointError):
            return
        if isinstance(error, TimeoutError):
            raise TimedOut(f"{self.url} did not answer within {self.timeout:g} s") from None
        if isinstance(error, (OSError, http.client.HTTPException)):
            raise Unavailable(f"{self.url}: {str(error) or type(error).__name__}") from error


class Reply:
    """The head of an answer, and its body as it comes."""

    def __init__(self, response: http.client.HTTPResponse, connection: http.client.HTTPConnection, deadline: float,
                 named: _Named) -> None:
        self.status = response.status
        self.headers = response.headers
        self._response = response
        self.connection = connection
        self._deadline = deadline
        self._named = named

    def chunks(self) -> Iterator[bytes]:
        while True:
            with self._named:
                _set_timeout(self.connection, self._deadline)
                chunk = self._response.read1(_BLOCK)
                if not chunk and self._response.length:  # read1 takes an early end for the end
                    raise http.client.IncompleteRead(b"", self._response.length)
            if not chunk:
                self._response.read()  # nothing, but now it counts as read, and the connection as free
                return
            yield chunk

    def read(self) -> bytes:
        return b"".join(self.chunks())

    @property
    def reusable(self) -> bool:
        return self._response.isclosed() and not self._response.will_close


def _set_timeout(connection: http.client.HTTPConnection, deadline: float) -> None:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    if connection.sock is not None:
        connection.sock.settimeout(left)


def _is_dead(connection: http.client.HTTPConnection) -> bool:
    """Nothing is to be read from an idle connection but its end."""
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))


class Connections:
    """To one server. url: http://HOST:PORT[/PREFIX] or https."""

    def __init__(self, url: str, connections_max: int) -> None:
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            port = -1
        if port == -1 or not parts.hostname or parts.query or parts.fragment or parts.username is not None or connections_max < 1:
            raise InvalidArgument(f"not the address of a server, or no connections at all: {url}")
        self.url = url
        self._kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._address = (parts.hostname, port)
        self._prefix = parts.path.rstrip("/")
        self._connections_max = connections_max
        self._closed = False
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._free = threading.BoundedSemaphore(self._connections_max)
        self._idle: list[http.client.HTTPConnection] = []

    def _take(self, fresh: bool) -> tuple[http.client.HTTPConnection, bool]:
        """A connection, and whether it was used before."""
        while not fresh:
            with self._lock:
                kept = self._idle.pop() if self._idle else None
            if kept is None:
                break
            if not _is_dead(kept):
                return kept, True
            kept.close()
        return self._kind(*self._address, timeout=_CONNECT_S, blocksize=_BLOCK), False

    def _give(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()

    @contextlib.contextmanager
    def exchange(self, method: str, target: str, body: bytes | IO[bytes] | None, headers: Mapping[str, str], timeout: float,
                 repeatable: bool) -> Iterator[Reply]:
        """Sends a request and gives the answer, whose body must be read within the `with`. timeout: seconds for all of it."""
        if len(target) > _TARGET_MAX:
            raise TooLarge(f"over HTTP, metadata, message and names take at most {_TARGET_MAX} bytes, percent-encoded")
        if os.getpid() != self._process:
            self._begin()  # a fork: the connections are its parent's
        if self._closed:
            raise Closed("the store was closed")
        deadline = time.monotonic() + timeout
        free = self._free
        if not free.acquire(timeout=timeout):
            raise TimedOut(f"all {self._connections_max} connections to {self.url} are busy")
        reply = connection = None
        named = _Named(self.url, timeout)
        try:
            with named:
                connection, response = self._send(method, self._prefix + target, body, headers, deadline, repeatable)
            reply = Reply(response, connection, deadline, named)
            yield reply
        finally:
            if reply is not None and reply.reusable:
                self._give(reply.connection)
            elif connection is not None:
                connection.close()
            free.release()

    def _send(self, method: str, target: str, body: bytes | IO[bytes] | None, headers: Mapping[str, str], deadline: float,
              repeatable: bool) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        fresh = False
        while True:
            connection, used = self._take(fresh)
            try:
                connection.timeout = max(0.001, min(_CONNECT_S, deadline - time.monotonic()))
                if connection.sock is None:
                    connection.connect()
                _set_timeout(connection, deadline)
                # A server that refuses a long body answers and closes before it has read all of it; the answer is there to read.
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    connection.request(method, target, body, dict(headers))
                _set_timeout(connection, deadline)
                return connection, connection.getresponse()
            except (ConnectionError, http.client.HTTPException) as lost:
                connection.close()
                if isinstance(lost, TimeoutError) or not (used and repeatable):
                    raise
                fresh = True
                if body is not None and not isinstance(body, bytes):
                    body.seek(0)
            except BaseException:
                connection.close()
                raise

    def close(self) -> None:
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
