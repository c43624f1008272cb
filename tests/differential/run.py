#!/usr/bin/env python3
"""Sends the same requests to Apache Kafka and to Chronik and compares what they answer. See README.md.

  ./dev differential [--list] [--texts] [--answers] [--record] [FILTER]

FILTER is a regular expression on the names of scenarios. Exit code 0: every difference is listed in differences.json with
its reason, and every listed one occurred (of the scenarios that ran); 77: this machine cannot run it.
"""

import argparse
import contextlib
import json
import pathlib
import sys
import tempfile
import threading
import time

import compare
import compatibility
import listed
import script
import servers


def ranges_of(driver):
    """What ApiVersions answers: key -> (lowest, highest)."""
    answer = driver.ask(do="send", api="ApiVersions", version=3, body={"clientSoftwareName": "differential", "clientSoftwareVersion": "1"})
    answer = driver.ask(do="receive", within_ms=20_000)
    return {row["apiKey"]: (row["minVersion"], row["maxVersion"]) for row in answer["body"]["apiKeys"]}


def common_ranges(theirs, ours, names):
    """Versions that both serve, by name of API."""
    shared = {}
    for key, (low, high) in ours.items():
        if key in theirs:
            shared[names[key]] = (max(low, theirs[key][0]), min(high, theirs[key][1]))
    # Named in ApiVersions for the sake of librdkafka, served by neither.
    shared["Produce"] = (max(3, shared["Produce"][0]), shared["Produce"][1])
    return shared


def side_by_side(*calls):
    """Runs them at the same time; the first failure is raised."""
    failures = []

    def guarded(call):
        try:
            call()
        except BaseException as failure:  # noqa: BLE001 handed to the caller
            failures.append(failure)

    threads = [threading.Thread(target=guarded, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def compared(scenarios, progress, record=False):
    """The scenarios' comparison, over fresh servers."""
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        progress(f"starting Apache Kafka {servers.VERSION} and Chronik")
        addresses = [stack.enter_context(servers.kafka()), stack.enter_context(servers.chronik())]
        drivers = [stack.enter_context(servers.Driver(address)) for address in addresses]
        theirs, ours = [ranges_of(driver) for driver in drivers]
        names = drivers[0].ask(do="names")
        recorded = {str(key): [names[str(key)], *theirs[key]] for key in sorted(theirs)}
        if record:
            compatibility.KAFKA_APIS.write_text("{\n" + ",\n".join(f'  "{key}": {json.dumps(row)}' for key, row in recorded.items()) + "\n}\n",
                                                encoding="utf-8")
        if recorded != json.loads(compatibility.KAFKA_APIS.read_text(encoding="utf-8")):
            raise AssertionError("kafka_apis.json is not what this Kafka answers: run with --record")
        ranges = common_ranges(theirs, ours, {int(key): name for key, name in names.items()})
        runners = [script.Runner(driver, ranges) for driver in drivers]
        progress(f"both serve ({time.monotonic() - began:.1f} s)")

        def play(runner, speak):
            runner.warm_up()
            for number, (name, steps) in enumerate(scenarios.items(), 1):
                before = time.monotonic()
                runner.run(name, steps)
                speak(f"[{number}/{len(scenarios)}] {name} ({time.monotonic() - before:.1f} s)")

        side_by_side(lambda: play(runners[0], progress), lambda: play(runners[1], lambda _: None))
    return compare.Comparison(runners[0].answers, runners[1].answers), [runner.answers for runner in runners], ranges


def covered(answers):
    return {(api, version) for _, api, version, _, _ in answers}


def uncovered(answers, ranges):
    """Oldest, middle and newest version of each API that both serve: those that no request was compared in."""
    wanted = {(api, version) for api, (low, high) in ranges.items() for version in script.versions("spread", low, high)}
    return sorted(wanted - covered(answers))


def without_mount_point(directory):
    """In a bare chroot no mount point is visible above a directory; Java then cannot tell the size of the disk."""
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        points = {line.split()[1] for line in mounts}
    return not any(str(place) in points for place in [directory, *directory.parents])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("filter", nargs="?")
    parser.add_argument("--list", action="store_true", help="print the scenarios")
    parser.add_argument("--texts", action="store_true", help="print texts for people that differ")
    parser.add_argument("--answers", action="store_true", help="print every answer")
    parser.add_argument("--record", action="store_true", help="write kafka_apis.json anew")
    options = parser.parse_args()
    scenarios = script.load(options.filter)
    if options.list:
        print("\n".join(scenarios))
        return 0
    try:
        servers.fetch()
    except servers.harness.Skip as reason:
        print(f"skipped: {reason}")
        return servers.harness.SKIPPED
    left_out = set()
    if without_mount_point(pathlib.Path(tempfile.gettempdir()).resolve()) and scenarios.pop("describe-log-dirs", None):
        left_out.add("DescribeLogDirs")
        print("differential: without describe-log-dirs, which Apache Kafka cannot answer where no mount point is visible (chroot)")
    began = time.monotonic()
    result, answers, ranges = compared(scenarios, lambda text: print(f"differential: {text}", flush=True), options.record)
    if options.answers:
        for theirs, ours in zip(*answers):
            print(f"{theirs[0]} {theirs[1]} v{theirs[2]}\n  kafka   {json.dumps(theirs[3])}\n  chronik {json.dumps(ours[3])}")
    if options.texts:
        for label, version, path, theirs, ours in result.texts:
            print(f"{label} v{version} {path}\n  kafka   {theirs}\n  chronik {ours}")
    unlisted, gone = listed.judge(result.differences, scenarios)
    for (label, api, path, theirs, ours), found in listed.merged(unlisted).items():
        print(f"differs: {label} ({api} version {', '.join(map(str, found))}) at {path or 'the whole answer'}\n  kafka   {theirs}\n  chronik {ours}")
    for row in gone:
        print(f"listed in differences.json but no longer so: {row['steps']} at {row['path']}")
    missing = [] if options.filter else [item for item in uncovered(answers[0], ranges) if item[0] not in left_out]
    for api, version in missing:
        print(f"no request of {api} version {version} is compared")
    apis = covered(answers[0])
    print(f"differential: {result.steps} requests of {len({api for api, _ in apis})} APIs ({len(apis)} versions) compared in "
          f"{time.monotonic() - began:.0f} s; {len(result.differences)} differences, {len(unlisted)} not listed, {len(gone)} listed but gone; "
          f"{len(result.texts)} texts differ in words")
    return 1 if unlisted or gone or missing else 0


if __name__ == "__main__":
    sys.exit(main())
