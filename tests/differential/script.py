"""Scenarios: requests as readable JSON, run against one server. README.md says how one is written.

A scenario refers to nothing outside itself, so each can be run alone; names of topics and groups begin with its own.
"""

import base64
import copy
import fnmatch
import json
import re
import struct
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ANSWER_MS = 20_000

# A server that has only just been asked for a coordinator, or is still ending a transaction, says: again.
AGAIN = {"COORDINATOR_LOAD_IN_PROGRESS", "COORDINATOR_NOT_AVAILABLE", "CONCURRENT_TRANSACTIONS"}


class Mistake(Exception):
    """The script asks for what cannot be done."""


def load(name_filter=None):
    """Scenarios by name, in order."""
    found = {}
    for path in sorted((HERE / "steps").glob("*.json")):
        for name, steps in json.loads(path.read_text(encoding="utf-8")).items():
            if name in found:
                raise Mistake(f"two scenarios are called {name}")
            found[name] = steps
    if name_filter:
        found = {name: steps for name, steps in found.items() if re.search(name_filter, name)}
    return found


def at(value, path):
    """What is at topics.0.topicId of a value; KeyError or IndexError where there is nothing."""
    for part in path.split(".") if path else ():
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value


def utf8(text):
    return base64.b64encode(text.encode()).decode()


def string16(text):
    return struct.pack(">h", len(text)) + text.encode()


def subscription(topics):
    """The consumer protocol's subscription, version 0, as classic members send it."""
    data = struct.pack(">hi", 0, len(topics)) + b"".join(string16(topic) for topic in topics) + struct.pack(">i", -1)
    return base64.b64encode(data).decode()


def assignment(topics):
    data = struct.pack(">hi", 0, len(topics))
    for topic, partitions in topics.items():
        data += string16(topic) + struct.pack(f">i{len(partitions)}i", len(partitions), *partitions)
    return base64.b64encode(data + struct.pack(">i", -1)).decode()


MADE = {"$utf8": utf8, "$subscription": subscription, "$assignment": assignment, "$hex": lambda h: base64.b64encode(bytes.fromhex(h)).decode(),
        "$letters": lambda count: "x" * count}


def fill(value, variables):
    """A copy with ${variables} in their places and {"$utf8": ...} and its like made. A string that is nothing but a
    variable takes its type."""
    if isinstance(value, dict):
        if len(value) == 1 and next(iter(value)) in MADE:
            name, argument = next(iter(value.items()))
            return MADE[name](fill(argument, variables))
        return {fill(key, variables): fill(member, variables) for key, member in value.items()}
    if isinstance(value, list):
        return [fill(member, variables) for member in value]
    if not isinstance(value, str):
        return value
    while re.search(r"\$\{[^}]*\$\{", value):  # ${session-${s}}: the inner one first
        value = re.sub(r"\$\{([^${}]+)\}", lambda found: str(lookup(found.group(1), variables)), value, count=1)
    whole = re.fullmatch(r"\$\{([^}]+)\}", value)
    if whole:
        return fill(lookup(whole.group(1), variables), variables)  # a loop may hold {"$letters": 3}
    return re.sub(r"\$\{([^}]+)\}", lambda found: str(lookup(found.group(1), variables)), value)


def lookup(name, variables):
    # ${producer+1}
    plus = re.fullmatch(r"(.+)([+-]\d+)", name)
    if name not in variables and plus and plus.group(1) in variables:
        return variables[plus.group(1)] + int(plus.group(2))
    if name not in variables:
        raise Mistake(f"no variable {name}")
    return variables[name]


def versions(wanted, lowest, highest):
    """The versions of "spread" (oldest, middle, newest), "all", "old", "new", a number or a list of them."""
    named = {"spread": sorted({lowest, (lowest + highest) // 2, highest}), "old": [lowest], "new": [highest],
             "all": list(range(lowest, highest + 1))}
    if isinstance(wanted, str):
        low = re.fullmatch(r"(\d+)\+", wanted)
        if low:  # "10+": of those from 10 on
            return versions("spread", max(lowest, int(low.group(1))), highest)
        return named[wanted]
    return [wanted] if isinstance(wanted, int) else wanted


def expand(scenario, steps, ranges, outer=()):
    """(label, version, step, variables of the loop) for each request, with loops and versions unrolled."""
    for step in steps:
        if "for" in step:
            names = list(step["for"])
            for values in zip(*(step["for"][name] for name in names), strict=True):
                yield from expand(scenario, step["steps"], ranges, (*outer, *zip(names, values)))
            continue
        loop = dict(outer)
        if "send" not in step:
            yield label(scenario, step, loop), None, step, loop
            continue
        low, high = ranges[step["send"]]
        wanted = step.get("at", "new")
        for version in versions(loop.get(wanted, wanted) if isinstance(wanted, str) else wanted, low, high):
            if low <= version <= high or step.get("unknown_version"):
                yield label(scenario, step, loop), version, step, {**loop, "v": version}


def label(scenario, step, loop):
    return f"{scenario}/{fill(step['step'], {**loop, 'v': 'N'})}" if "step" in step else scenario


def errors_in(value):
    if isinstance(value, dict):
        for key, member in value.items():
            if key in ("errorCode", "partitionErrorCode"):
                yield member
            else:
                yield from errors_in(member)
    elif isinstance(value, list):
        for member in value:
            yield from errors_in(member)


class Runner:
    """Runs scenarios against one server and keeps what it answered."""

    def __init__(self, driver, ranges):
        self.driver = driver
        self.ranges = ranges
        self.answers = []  # (label, API, version, answer, variables)

    def warm_up(self):
        """Asks for both kinds of coordinator: Kafka makes their topics only then."""
        self.variables, self.connections = {"scenario": "warm-up"}, set()
        for kind in (0, 1):
            self.exchange(4, {"send": "FindCoordinator", "body": {"keyType": kind, "coordinatorKeys": ["warm-up"]}})

    def run(self, scenario, steps):
        self.server = self.driver.process.args[-1]
        self.variables = {"scenario": scenario, "no-id": "AAAAAAAAAAAAAAAAAAAAAA"}
        self.awaited = {}  # name of a step that is answered later: what it needs then
        self.connections = set()
        for name, version, step, loop in expand(scenario, steps, self.ranges):
            try:
                self.step(name, version, fill_step(step, {**self.variables, **loop}), loop)
            except (Mistake, KeyError, IndexError, TypeError) as wrong:
                raise Mistake(f"{name} at version {version}: {type(wrong).__name__} {wrong}") from wrong
        for connection in self.connections:
            self.driver.ask(do="close", connection=connection)

    def step(self, name, version, step, loop):
        if "close" in step:
            self.driver.ask(do="close", connection=f"{self.variables['scenario']}.{step['close']}")
        elif "set" in step:
            self.variables.update(step["set"])
        elif "sleep_ms" in step:
            time.sleep(step["sleep_ms"] / 1000)  # where the passing of time itself is what is compared
        elif "receive" in step:
            asked = self.awaited.pop(step["receive"])
            self.keep(*asked, self.receive(asked[2]))
        elif step.get("later"):
            self.send(version, step)
            self.awaited[step["step"]] = (name, version, step)
        elif step.get("no_answer"):
            self.send(version, step)
        else:
            self.keep(name, version, step, self.exchange(version, step))

    def connection(self, step):
        name = f"{self.variables['scenario']}.{step.get('on', 'main')}"
        self.connections.add(name)
        return name

    def send(self, version, step):
        done = self.driver.ask(do="send", connection=self.connection(step), api=step["send"], version=version, body=step.get("body", {}),
                               **({"client_id": step["client_id"]} if "client_id" in step else {}))
        if "error" in done:
            raise Mistake(f"{done['error']} for {json.dumps(step)}")

    def receive(self, step):
        answer = self.driver.ask(do="receive", connection=self.connection(step), within_ms=step.get("within_ms", ANSWER_MS))
        if "error" in answer:
            raise Mistake(answer["error"])
        if answer.get("late"):  # what comes behind it on this connection would wait too
            self.driver.ask(do="close", connection=self.connection(step))
        return answer

    def exchange(self, version, step):
        """Asks until the answer is none that a server gives while it is getting there."""
        end = time.monotonic() + 30
        again = AGAIN - set(step.get("final", ()))
        again |= set(step.get("again", ()))
        pause = 0.01
        while True:
            self.send(version, step)
            answer = self.receive(step)
            body = answer.get("body", {})
            unsettled = again & set(errors_in(body))
            for path, value in step.get("until", {}).items():
                try:
                    unsettled = unsettled or at(body, path) != value
                except (KeyError, IndexError):
                    unsettled = True
            if "body" not in answer:
                return answer
            if not unsettled or time.monotonic() >= end:
                return answer
            time.sleep(pause)
            pause = min(0.2, pause * 1.5)

    def keep(self, name, version, step, answer):
        for variable, path in step.get("save", {}).items():
            if "body" not in answer:
                raise Mistake(f"no answer of {self.server} to save {variable} from: {answer}")
            self.variables[variable] = at(answer["body"], path)
        if step.get("unseen"):
            if set(errors_in(answer.get("body", {}))) != {"NONE"}:
                raise Mistake(f"this is not compared, and failed: {answer}")
        else:
            self.answers.append((name, step["send"], version, copy.deepcopy(answer), dict(self.variables)))
        self.settle(step, answer.get("body", {}))

    def settle(self, step, body):
        """Kafka's controller answers before its broker has heard of it: waits until Metadata shows what was done."""
        if step.get("body", {}).get("validateOnly") or step["send"] not in ("CreateTopics", "DeleteTopics", "CreatePartitions"):
            return
        if step["send"] == "DeleteTopics":
            want = {topic["name"]: None for topic in body["responses"] if topic["errorCode"] == "NONE"}
        elif step["send"] == "CreateTopics":
            want = {topic["name"]: 1 for topic in body["topics"] if topic["errorCode"] == "NONE"}
        else:
            ok = {topic["name"] for topic in body["results"] if topic["errorCode"] == "NONE"}
            want = {topic["name"]: topic["count"] for topic in step["body"]["topics"] if topic["name"] in ok}
        if not want:
            return
        end = time.monotonic() + 30
        ask = {"send": "Metadata", "body": {"topics": [{"name": name} for name in want], "allowAutoTopicCreation": False}}
        while time.monotonic() < end:
            self.send(12, ask)
            topics = {topic["name"]: topic for topic in self.receive(ask)["body"]["topics"]}
            if all(self.is_there(topics[name], count) for name, count in want.items()) and self.lead(topics.values()):
                return
            time.sleep(0.01)

    def lead(self, topics):
        """Whether the leaders that Metadata names know it: Kafka's become leaders a little later."""
        ask = {"send": "ListOffsets", "body": {"replicaId": -1, "topics": [
            {"name": topic["name"], "partitions": [{"partitionIndex": partition["partitionIndex"], "timestamp": -1}
                                                   for partition in topic["partitions"]]} for topic in topics]}}
        self.send(5, ask)
        return "NOT_LEADER_OR_FOLLOWER" not in errors_in(self.receive(ask)["body"])

    @staticmethod
    def is_there(topic, count):
        if count is None:
            return topic["errorCode"] != "NONE"
        return (topic["errorCode"] == "NONE" and len(topic["partitions"]) >= count and
                all(partition["leaderId"] >= 0 for partition in topic["partitions"]))


def fill_step(step, variables):
    """Variables everywhere but in what is saved and in the step's own name in answers."""
    return {key: fill(value, variables) for key, value in step.items()}


def matches(pattern, text):
    return fnmatch.fnmatchcase(text, pattern)
