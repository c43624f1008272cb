#!/usr/bin/env bash
# Apache Kafka as the reference to compare with: fetched by its Maven coordinates into build/kafka, one node, KRaft mode.
#
#   bench/kafka_reference.sh fetch                  download (needs mvn and a JRE 17)
#   bench/kafka_reference.sh format DIR PORT        make DIR the data directory of a new node on 127.0.0.1:PORT
#   bench/kafka_reference.sh run DIR                become the broker (exec); ends on SIGTERM
#   bench/kafka_reference.sh start DIR PORT         fetch, format, run; prints "ready kafka=HOST:PORT" when it answers
#
# KAFKA_DIR names an unpacked Kafka (its libs/ is used) instead; KAFKA_VERSION chooses the release, KAFKA_HEAP the JVM's heap, KAFKA_SYNC=1 makes it sync each message before it
# acknowledges (log.flush.interval.messages=1): Kafka at the durability that Chronik has by default.
set -euo pipefail

version=${KAFKA_VERSION:-4.3.0}
heap=${KAFKA_HEAP:-1G}
root=$(cd "$(dirname "$0")/.." && pwd)
home=${KAFKA_DIR:-$root/build/kafka/$version}
java=(java "-Xms$heap" "-Xmx$heap" -XX:+UseG1GC -cp "$home/libs/*")

fail() { echo "kafka_reference.sh: $*" >&2; exit 1; }

fetch() {
  [[ -f $home/complete || -n ${KAFKA_DIR:-} ]] && return
  command -v mvn >/dev/null || fail "mvn is needed to fetch Kafka"
  mkdir -p "$home"
  cat > "$home/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>chronik.bench</groupId>
  <artifactId>kafka-reference</artifactId>
  <version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$version</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>$version</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-nop</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
POM
  # The bindings that log to files or to standard output would need configurations of their own.
  mvn -q -B -f "$home/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$home/libs" >&2 ||
    fail "cannot fetch Kafka $version"
  rm -f "$home"/libs/log4j-slf4j*.jar "$home"/libs/slf4j-reload4j*.jar
  touch "$home/complete"
}

configure() {
  local dir=$1 port=$2 controller=$(( $2 + 1 ))
  mkdir -p "$dir"
  cat > "$dir/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$port
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$dir/logs
num.partitions=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
PROPERTIES
  [[ ${KAFKA_SYNC:-0} == 1 ]] && echo log.flush.interval.messages=1 >> "$dir/server.properties"
  return 0
}

format() {
  local dir=$1
  configure "$@"
  "${java[@]}" kafka.tools.StorageTool format -t 4L6g3nShT-eMCtK--X86sw -c "$dir/server.properties" \
    >"$dir/format.log" 2>&1 || fail "formatting failed, see $dir/format.log"
}

start() {
  local dir=$1 port=$2
  fetch
  if [[ -d $dir/logs ]]; then configure "$dir" "$port"; else format "$dir" "$port"; fi
  "${java[@]}" kafka.Kafka "$dir/server.properties" >"$dir/kafka.log" 2>&1 &
  local pid=$!
  trap 'kill $pid 2>/dev/null; wait $pid; exit 0' TERM INT
  until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
    kill -0 $pid 2>/dev/null || fail "Kafka ended, see $dir/kafka.log"
    sleep 0.1
  done
  echo "ready kafka=127.0.0.1:$port"
  wait $pid
}

case ${1:-} in
  fetch) fetch ;;
  format) [[ $# == 3 ]] || fail "format DIR PORT"; fetch; format "$2" "$3" ;;
  run) [[ $# == 2 ]] || fail "run DIR"; exec "${java[@]}" kafka.Kafka "$2/server.properties" ;;
  start) [[ $# == 3 ]] || fail "start DIR PORT"; start "$2" "$3" ;;
  *) sed -n '2,11s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
