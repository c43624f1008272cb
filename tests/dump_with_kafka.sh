#!/usr/bin/env bash
# Apache Kafka's own dump tool on our segment files: decodes every record of each .log, and checks each .index and
# .timeindex against its .log. Prints what it finds; fails if the tool reports a mismatch, bytes it cannot read, or dies.
#
#   tests/dump_with_kafka.sh FILE...        .log, .index, .timeindex; an index needs its .log beside it
#
# COMPACTED=1 allows gaps between the offsets of records.
# Needs a JRE 17, and mvn the first time (see bench/kafka_reference.sh, which fetches the jars).
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
version=${KAFKA_VERSION:-4.3.0}
home=${KAFKA_DIR:-$root/build/kafka/$version}
[[ $# -gt 0 ]] || { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
"$root/bench/kafka_reference.sh" fetch

dump() { java -cp "$home/libs/*" org.apache.kafka.tools.DumpLogSegments "$@" 2>&1; }
logs=() indexes=()
for file; do
  case $file in
    *.log) logs+=("$file") ;;
    *.index | *.timeindex) indexes+=("$file") ;;
    *) echo "dump_with_kafka.sh: $file is neither .log, .index nor .timeindex" >&2; exit 2 ;;
  esac
done
join() { local IFS=,; echo "$*"; }

out=$(mktemp)
trap 'rm -f "$out"' EXIT
if [[ ${#logs[@]} -gt 0 ]]; then
  dump --deep-iteration --print-data-log --files "$(join "${logs[@]}")" | tee -a "$out"
fi
if [[ ${#indexes[@]} -gt 0 ]]; then
  # Sanity is what Kafka checks when it opens a log; verification compares every entry with its batch.
  dump --index-sanity-check --files "$(join "${indexes[@]}")" | tee -a "$out"
  dump --verify-index-only --files "$(join "${indexes[@]}")" | tee -a "$out"
fi
# "-1 is followed by" is how the tool greets the first record of every segment but the first.
objections='mismatch|out of order|not found|invalid bytes|isvalid: false|exception'
[[ ${COMPACTED:-0} == 1 ]] || objections+='|^ +[0-9]+ is followed by'
if grep -iE "$objections" "$out" >/dev/null; then
  echo "dump_with_kafka.sh: Kafka's tool objects, see above" >&2
  exit 1
fi
