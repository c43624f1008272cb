"""How LangGraph's checkpoints and writes stand in a session: names, payloads, metadata. Nothing here is executed when it is read.

A payload is one line of JSON that says what follows, then the serializer's bytes one after the other:
  checkpoint  {"checkpoint": [type, bytes], "metadata": [type, bytes]}
  writes      {"task_id": "…", "task_path": "…", "writes": [[channel, type, bytes]…]}
Metadata, readable without the payload, is {"kind": "checkpoint", "checkpoint_id", "parent_id", "metadata": what of it is plain
JSON, "whole": whether that is all of it} or {"kind": "writes", "checkpoint_id", "task_id"}.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from langgraph.checkpoint.base import WRITES_IDX_MAP, writes_sort_key
from langgraph.checkpoint.serde.base import SerializerProtocol

from .errors import Corrupt, Unsupported
from .model import Checkpoint as Stored

CONTENT_TYPE = "application/vnd.chronik.langgraph"
VERSION = 1
_PART_MAX = 90  # bytes of a name's part; a longer one ends in its hash
_PLAIN_MAX = 8192  # bytes of metadata kept readable
_DEPTH_MAX = 16


def _part(text: str) -> str:
    name = quote(text, safe=":|") or "%"
    return name if len(name) <= _PART_MAX else f"{name[:24]}#{hashlib.sha256(text.encode()).hexdigest()}"


def thread_name(prefix: str, thread: str) -> str:
    """The session of a thread's root namespace."""
    return f"{prefix}/{_part(thread)}"


def session_name(prefix: str, thread: str, namespace: str) -> str:
    root = thread_name(prefix, thread)
    return f"{root}/{_part(namespace)}" if namespace else root


def key(*parts: object) -> str:
    """An idempotency key for what the parts describe."""
    return hashlib.sha256(json.dumps([str(part) for part in parts]).encode()).hexdigest()


def _join(header: dict[str, Any], parts: Sequence[bytes]) -> bytes:
    return b"".join((json.dumps(header, separators=(",", ":")).encode(), b"\n", *parts))


def _split(payload: bytes, stored: Stored) -> tuple[dict[str, Any], memoryview]:
    if stored.schema_version > VERSION:
        raise Unsupported(f"{stored.id} was written by a newer version of this package")
    line, found, _ = payload.partition(b"\n")
    if not found:
        raise Corrupt(f"{stored.id} is no checkpoint of LangGraph")
    return json.loads(line), memoryview(payload)[len(line) + 1:]


def dump(serde: SerializerProtocol, checkpoint: Mapping[str, Any], metadata: Mapping[str, Any]) -> bytes:
    state_type, state = serde.dumps_typed(checkpoint)
    about_type, about = serde.dumps_typed(metadata)
    return _join({"checkpoint": [state_type, len(state)], "metadata": [about_type, len(about)]}, (state, about))


def load(serde: SerializerProtocol, stored: Stored, payload: bytes) -> tuple[Any, Any]:
    header, body = _split(payload, stored)
    (state_type, state_size), (about_type, about_size) = header["checkpoint"], header["metadata"]
    state, about = bytes(body[:state_size]), bytes(body[state_size:state_size + about_size])
    return serde.loads_typed((state_type, state)), serde.loads_typed((about_type, about))


def dump_writes(serde: SerializerProtocol, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str) -> bytes:
    typed = [(channel, *serde.dumps_typed(value)) for channel, value in writes]
    header = {"task_id": task_id, "task_path": task_path, "writes": [[channel, kind, len(value)] for channel, kind, value in typed]}
    return _join(header, [value for _, _, value in typed])


def merge(records: Iterable[tuple[Stored, bytes]]) -> list[tuple[str, str, tuple[str, bytes]]]:
    """(task, channel, typed value) of all records of writes, given in the order they were stored. Of two with the same task and
    index the first counts, of special ones (errors, interrupts, …) the last."""
    kept: dict[tuple[str, int], tuple[str, str, tuple[str, bytes]]] = {}
    for stored, payload in records:
        header, body = _split(payload, stored)
        at = 0
        for index, (channel, kind, size) in enumerate(header["writes"]):
            place = (header["task_id"], WRITES_IDX_MAP.get(channel, index))
            if place[1] < 0 or place not in kept:
                kept[place] = (header["task_path"], channel, (kind, bytes(body[at:at + size])))
            at += size
    order = sorted(kept, key=lambda place: writes_sort_key(kept[place][0], *place))
    return [(place[0], *kept[place][1:]) for place in order]


def _plain(value: Any, depth: int = 0) -> bool:
    """Whether JSON gives exactly this back, on any machine."""
    if value is None or isinstance(value, bool):
        return True
    if type(value) is str:
        return value.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in value)
    if type(value) is int:
        return abs(value) < 1 << 53
    if type(value) is float:
        return math.isfinite(value)
    if depth == _DEPTH_MAX:
        return False
    if type(value) is list:
        return all(_plain(one, depth + 1) for one in value)
    return type(value) is dict and all(type(name) is str and _plain(name) and _plain(one, depth + 1) for name, one in value.items())


def checkpoint_metadata(checkpoint_id: str, parent_id: str | None, metadata: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    room = _PLAIN_MAX
    for name, value in metadata.items():
        if _plain({name: value}):
            room -= len(json.dumps({name: value}))
            if room >= 0:
                plain[name] = value
    return {"kind": "checkpoint", "checkpoint_id": checkpoint_id, "parent_id": parent_id, "metadata": plain,
            "whole": len(plain) == len(metadata)}


def writes_metadata(checkpoint_id: str, task_id: str) -> dict[str, Any]:
    return {"kind": "writes", "checkpoint_id": checkpoint_id, "task_id": task_id}


def message(metadata: Mapping[str, Any]) -> str:
    """One line for a person who lists the session."""
    return f"step {metadata.get('step', '?')}, {metadata.get('source', '?')}"[:200]


def matches(stored: Mapping[str, Any], wanted: Mapping[str, Any] | None) -> bool | None:
    """Whether the metadata has the wanted values; None if only the payload can tell."""
    plain, unknown = stored["metadata"], False
    for name, value in (wanted or {}).items():
        if name not in plain and not stored["whole"]:
            unknown = True
        elif plain.get(name) != value:
            return False
    return None if unknown else True
