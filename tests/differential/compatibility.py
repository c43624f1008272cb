#!/usr/bin/env python3
"""Writes the generated parts of docs/compatibility.md: what stands between <!-- NAME:begin --> and <!-- NAME:end -->.

  apis          the APIs that chronik-server answers (--print-apis), beside those of Apache Kafka (kafka_apis.json)
  differences   differences.json in words

  tests/differential/compatibility.py            writes
  tests/differential/compatibility.py --check    says what is out of date; exit code 1 if anything is
"""

import json
import sys

import listed
import servers

DOCUMENT = servers.REPO / "docs" / "compatibility.md"
KAFKA_APIS = servers.HERE / "kafka_apis.json"

NOTES = {
    "Produce": "versions 0–2 are named, by Kafka too, because librdkafka refuses a broker without them; from 3 on they are served; "
               "`recordErrors` names at most 1,000 records in an answer, so that no client can make an answer grow without bound",
    "EndTxn": "version 5: transactions version 2 (KIP-890)",
    "ConsumerGroupHeartbeat": "the new consumer protocol (KIP-848)",
    "ApiVersions": "version 5 (KIP-1242): a client says which cluster and node it means",
}
WHY_NOT = {
    "sessions, tokens and access control come with authentication":
        "SaslHandshake SaslAuthenticate DescribeAcls CreateAcls DeleteAcls CreateDelegationToken RenewDelegationToken "
        "ExpireDelegationToken DescribeDelegationToken DescribeUserScramCredentials AlterUserScramCredentials",
    "there is one node": "AlterReplicaLogDirs ElectLeaders AlterPartitionReassignments ListPartitionReassignments DescribeQuorum "
                         "UnregisterBroker WriteTxnMarkers AddRaftVoter RemoveRaftVoter UpdateFeatures",
    "quotas come later": "DescribeClientQuotas AlterClientQuotas",
    "telemetry comes later": "GetTelemetrySubscriptions PushTelemetry ListConfigResources",
    "share groups come later": "ShareGroupHeartbeat ShareGroupDescribe ShareFetch ShareAcknowledge InitializeShareGroupState ReadShareGroupState "
                               "WriteShareGroupState DeleteShareGroupState ReadShareGroupStateSummary DescribeShareGroupOffsets "
                               "AlterShareGroupOffsets DeleteShareGroupOffsets",
    "server-side Streams groups come later": "StreamsGroupHeartbeat StreamsGroupDescribe",
}


def served():
    """Rows of (key, name, lowest served, lowest advertised, highest), from the program itself."""
    done = servers.harness.run([servers.harness.BIN_DIR / "chronik-server", "--print-apis"])
    rows = [line.split() for line in done.stdout.splitlines()]
    return [(int(key), name, int(low), int(advertised), int(high)) for key, name, low, advertised, high in rows]


def span(low, high):
    return f"{low}" if low == high else f"{low}–{high}"


def reason(name):
    for text, names in WHY_NOT.items():
        if name in names.split():
            return text
    raise SystemExit(f"no reason why {name} is not served: see WHY_NOT")


def apis():
    kafka = {int(key): row for key, row in json.loads(KAFKA_APIS.read_text(encoding="utf-8")).items()}
    mine = {key: row for key, *row in served()}
    yield f"| Key | API | Chronik | Apache Kafka {servers.VERSION} | |"
    yield "|---|---|---|---|---|"
    for key in sorted(mine.keys() | kafka.keys()):
        theirs = span(*kafka[key][1:]) if key in kafka else "–"
        if key not in mine:
            yield f"| {key} | {kafka[key][0]} | – | {theirs} | not served: {reason(kafka[key][0])} |"
            continue
        name, _, advertised, high = mine[key]
        notes = [NOTES[name]] if name in NOTES else []
        newer = high - kafka[key][2] if key in kafka else 0
        if newer > 0 and name not in ("ApiVersions",):
            notes.append(f"{span(kafka[key][2] + 1, high)} {'is' if newer == 1 else 'are'} of a newer Kafka")
        yield f"| {key} | {name} | {span(advertised, high)} | {theirs} | {'; '.join(notes)} |"


def differences():
    rows = sorted(listed.rows(), key=lambda row: (bool(row.get("mend")), row["api"]))
    yield "| API | Difference | Why |"
    yield "|---|---|---|"
    for row in rows:
        yield f"| {row['api']} | {row['what']} | {'**to be mended**: ' if row.get('mend') else ''}{row['why']} |"


def replaced(text, name, lines):
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    if text.count(begin) != 1 or text.count(end) != 1:
        raise SystemExit(f"{DOCUMENT.name} has no one part between {begin} and {end}")
    head, rest = text.split(begin)
    return head + begin + "\n" + "\n".join(lines) + "\n" + end + rest.split(end)[1]


def rendered(text):
    return replaced(replaced(text, "apis", apis()), "differences", differences())


def main():
    text = DOCUMENT.read_text(encoding="utf-8")
    wanted = rendered(text)
    if sys.argv[1:] == ["--check"]:
        for old, new in zip(text.splitlines(), wanted.splitlines()):
            if old != new:
                print(f"docs/compatibility.md has\n  {old}\nbut should have\n  {new}\n(tests/differential/compatibility.py writes it)")
                return 1
        return int(text != wanted)
    DOCUMENT.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
