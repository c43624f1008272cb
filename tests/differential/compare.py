"""Makes two servers' answers comparable, and finds what still differs.

What says nothing about equivalence is replaced: ids that the server chose by the name they were saved under, times of
today, addresses, free disk space; sets are put in order. Of texts for people only their presence is compared: they are
listed beside the comparison, see Comparison.texts.
"""

import json
import re

DROPPED = {"throttleTimeMs"}
TEXTS = {"errorMessage", "partitionErrorMessage", "batchIndexErrorMessage"}
HIDDEN = {"port": "<port>", "clusterId": "<cluster>", "logDir": "<directory>", "totalBytes": "<bytes>", "usableBytes": "<bytes>",
          "partitionSize": "<bytes>", "finalizedFeaturesEpoch": "<epoch>"}
ZERO_UUID = "AAAAAAAAAAAAAAAAAAAAAA"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# Arrays whose order is what the protocol promises.
ORDERED = {"records", "abortedTransactions", "values"}
# What tells the elements of an array apart, strongest first.
IDENTITY = ("apiKey", "name", "topic", "topicName", "topicId", "groupId", "group", "transactionalId", "resourceType", "resourceName", "key", "configName",
            "memberId", "partitionIndex", "partition", "index", "nodeId", "brokerId", "source", "errorCode")


def normal(value, names, texts, path="", field=""):
    """`names`: a value that the server chose -> the variable it was saved under. Texts for people are put into `texts`."""
    if isinstance(value, dict):
        return {key: normal(member, names, texts, f"{path}.{key}" if path else key, key)
                for key, member in value.items() if key not in DROPPED}
    if isinstance(value, list):
        members = [normal(member, names, texts, f"{path}[]", field) for member in value]
        return members if field in ORDERED else sorted(members, key=identity)
    if field in TEXTS:
        texts.append((path, value))
        return value if value in (None, "") else "<text>"
    if field in HIDDEN and value not in (None, 0, -1, ""):
        return HIDDEN[field]
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        if 1_500_000_000_000 < value < 2_500_000_000_000:
            return "<today>"
        if field in ("producerId", "sessionId") and value > 0 or field == "producerId" and value == 0:
            return names.get(value, f"<{field}>")
        return value
    if isinstance(value, str):
        if value in names:
            return names[value]
        if re.fullmatch(r"[\w-]{22}", value) and value != ZERO_UUID and field.lower().endswith("id"):
            return "<uuid>"
        return UUID.sub("<uuid>", value)
    return value


def identity(member):
    if not isinstance(member, dict):
        return json.dumps(member, sort_keys=True)
    return json.dumps([member.get(key) if not isinstance(member.get(key), (dict, list)) else None for key in IDENTITY])


def difference(kafka, chronik, path=""):
    """(path, what Kafka says, what Chronik says) for each place where they differ."""
    if isinstance(kafka, dict) and isinstance(chronik, dict):
        for key in [*kafka, *(key for key in chronik if key not in kafka)]:
            yield from difference(kafka.get(key, "<absent>"), chronik.get(key, "<absent>"), f"{path}.{key}" if path else key)
    elif isinstance(kafka, list) and isinstance(chronik, list):
        mine, other = by_name(kafka), by_name(chronik)
        for key in [*mine, *(key for key in other if key not in mine)]:
            yield from difference(mine.get(key, "<absent>"), other.get(key, "<absent>"), f"{path}[{key}]")
    elif kafka != chronik:
        yield path, kafka, chronik


def by_name(members):
    """The elements by what tells them apart; where nothing does, also by their number."""
    named = {}
    for index, member in enumerate(members):
        name = called(member, index)
        named[name if name not in named else f"{name}#{index}"] = member
    return named


def called(member, index):
    if isinstance(member, dict):
        for key in IDENTITY[:-1]:
            if member.get(key) not in (None, "", ZERO_UUID) and not isinstance(member[key], (dict, list)):
                return str(member[key])
    return str(index)


def names_of(variables):
    return {value: f"${{{name}}}" for name, value in variables.items()
            if (isinstance(value, str) and len(value) >= 20 and value != ZERO_UUID) or
            (isinstance(value, int) and not isinstance(value, bool) and name.startswith(("pid", "session")))}


class Comparison:
    """The answers of both servers to the same steps."""

    def __init__(self, kafka, chronik):
        self.differences = []  # (label, API, version, path, Kafka's, Chronik's)
        self.texts = []  # (label, version, path, Kafka's, Chronik's), where both speak and not alike
        self.steps = len(kafka)
        for (label, api, version, theirs, their_variables), (other, _, _, ours, our_variables) in zip(kafka, chronik, strict=True):
            assert label == other, f"the servers' runs went apart: {label}, {other}"
            their_texts, our_texts = [], []
            theirs = normal(theirs, names_of(their_variables), their_texts)
            ours = normal(ours, names_of(our_variables), our_texts)
            self.differences += [(label, api, version, *found) for found in difference(theirs.get("body", theirs), ours.get("body", ours))]
            if len(their_texts) == len(our_texts):
                self.texts += [(label, version, path, a, b) for (path, a), (_, b) in zip(their_texts, our_texts) if a and b and a != b]
