// See cli.h.
#include "apps/bench/cli.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "apps/bench/stamp.h"

namespace chronik::bench {
namespace {

/// All options, alive while the command runs, and the command chosen.
struct CommandLine {
  ProduceOptions produce;
  ConsumeOptions consume;
  E2eOptions e2e;
  CreateTopicOptions create_topic;
  MockOptions mock;
  FirstAckOptions first_ack;
  RawOptions raw;
  CheckpointOptions checkpoints;
  std::function<Status()> chosen;
};

/// Wrong usage that CLI11 cannot express.
[[noreturn]] void refuse(const std::string& why) {
  throw CLI::ValidationError(why);
}

void add_connection(CLI::App& app, Connection& connection) {
  app.add_option("--bootstrap", connection.bootstrap, "broker, HOST:PORT")->required();
  app.add_option("--set", connection.properties, "librdkafka property, key=value; may be repeated")
      ->allow_extra_args(false);
  app.add_flag("--verbose", connection.verbose, "show librdkafka's log");
}

void add_output(CLI::App& app, Output& output) {
  app.add_flag("--json", output.json, "print one JSON object instead of text");
  app.add_flag("--quiet", output.quiet, "no line per second on standard error");
  app.add_option("--html", output.html, "write a report with plots to this file");
}

void add_workload(CLI::App& app, Workload& load) {
  app.add_option("--topic", load.topic, "topic to write to")->required();
  app.add_option("--partitions", load.partitions, "partitions to write to (default: all)")
      ->check(CLI::Range(1, 100000));
  app.add_flag("--create-topic", load.create_topic, "create the topic, with --partitions, unless it exists");
  app.add_option("--replication-factor", load.replication, "of a created topic")->capture_default_str();
  auto* records = app.add_option("--records", load.records, "how many records to send")->check(CLI::PositiveNumber);
  app.add_option("--seconds", load.seconds, "how long to send (default 10)")
      ->check(CLI::PositiveNumber)
      ->excludes(records);
  app.add_option("--size", load.size, "bytes of a record's value")
      ->capture_default_str()
      ->check(CLI::Range(16, 16 << 20));
  app.add_option("--rate", load.rate, "records/s over all clients, open loop (default: closed loop)")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--clients", load.clients, "producers")->capture_default_str()->check(CLI::Range(1, 10000));
  app.add_option("--acks", load.acks, "acknowledgements")
      ->capture_default_str()
      ->check(CLI::IsMember({"all", "1", "0"}));
  app.add_flag("--idempotence", load.idempotence, "idempotent producers");
  app.add_option("--compression", load.compression, "codec")
      ->capture_default_str()
      ->check(CLI::IsMember({"none", "gzip", "snappy", "lz4", "zstd"}));
  app.add_option("--linger-ms", load.linger_ms, "wait to fill batches (default: 5 in closed loop, else 0)")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--in-flight", load.in_flight, "requests in flight per connection")->check(CLI::PositiveNumber);
  app.add_option("--window", load.window, "records of one client sent but not acknowledged, at most")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000'000));
  app.add_option("--timeout-ms", load.timeout_ms, "a record not acknowledged by then has failed")
      ->capture_default_str()
      ->check(CLI::Range(1, 3'600'000));
  app.add_flag("--raw-client", load.raw_client, "own minimal client: one request for all partitions, one broker only");
}

void check_workload(Workload& load) {
  if (load.records == 0 && load.seconds == 0) load.seconds = 10;
  if (load.rounds && load.rate > 0) refuse("--one-per-partition-per-round has no --rate");
  if (load.raw_client && (load.idempotence || load.compression != "none" || load.acks == "0")) {
    refuse("--raw-client has no --idempotence, --compression or --acks 0");
  }
  if (load.idempotence && load.acks != "all") refuse("--idempotence needs --acks all");
}

void add_produce(CLI::App& top, CommandLine& line) {
  auto& app = *top.add_subcommand("produce", "load a broker, then read everything back and compare");
  auto& options = line.produce;
  add_connection(app, options.connection);
  add_output(app, options.output);
  add_workload(app, options.load);
  app.add_flag("--one-per-partition-per-round", options.load.rounds,
               "one record to each partition, wait for all acknowledgements, repeat");
  auto verify_as = [&](const char* name, Verify how, const char* help) {
    return app.add_flag_callback(name, [&options, how] { options.verify = how; }, help);
  };
  auto* full = verify_as("--verify", Verify::full, "read back and compare every record (the default)");
  auto* offsets = verify_as("--verify-offsets", Verify::offsets, "compare counts with end offsets only (for the mock)");
  auto* none = verify_as("--no-verify", Verify::none, "do not reconcile");
  full->excludes(offsets)->excludes(none);
  offsets->excludes(none);
  app.callback([&line] {
    check_workload(line.produce.load);
    line.chosen = [&line] { return run_produce(line.produce); };
  });
}

void add_consume(CLI::App& top, CommandLine& line) {
  auto& app = *top.add_subcommand("consume", "read a topic from its beginning to its present end");
  auto& options = line.consume;
  add_connection(app, options.connection);
  add_output(app, options.output);
  app.add_option("--topic", options.topic, "topic to read")->required();
  app.add_option("--group", options.group, "consume as this group (default: partitions are assigned)");
  auto* records = app.add_option("--records", options.records, "stop after so many")->check(CLI::PositiveNumber);
  app.add_option("--seconds", options.seconds, "stop after so long")->check(CLI::PositiveNumber)->excludes(records);
  app.add_option("--clients", options.clients, "consumers")->capture_default_str()->check(CLI::Range(1, 10000));
  app.callback([&line] { line.chosen = [&line] { return run_consume(line.consume); }; });
}

void add_e2e(CLI::App& top, CommandLine& line) {
  auto& app = *top.add_subcommand("e2e", "latency from publish to poll, producers and consumer in one process");
  auto& options = line.e2e;
  options.load.rate = 1000;
  add_connection(app, options.connection);
  add_output(app, options.output);
  add_workload(app, options.load);
  app.callback([&line] {
    auto& load = line.e2e.load;
    check_workload(load);
    if (load.size < kTimedStampBytes) refuse(fmt::format("e2e needs --size {} or more", kTimedStampBytes));
    line.chosen = [&line] { return run_e2e(line.e2e); };
  });
}

void add_small_commands(CLI::App& top, CommandLine& line) {
  auto& create = *top.add_subcommand("create-topic", "time the creation of a topic, until all partitions are led");
  create.add_option("--bootstrap", line.create_topic.connection.bootstrap, "broker, HOST:PORT")->required();
  create.add_option("--topic", line.create_topic.topic, "topic to create")->required();
  create.add_option("--partitions", line.create_topic.partitions, "how many")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000'000));
  create.add_flag("--json", line.create_topic.output.json, "print one JSON object instead of text");
  create.callback([&line] { line.chosen = [&line] { return run_create_topic(line.create_topic); }; });

  auto& mock =
      *top.add_subcommand("mock", "librdkafka's in-memory broker; prints ready kafka=HOST:PORT; ends on SIGTERM");
  mock.add_option("--brokers", line.mock.brokers, "how many")->capture_default_str()->check(CLI::Range(1, 10));
  mock.add_option("--topic", line.mock.topics, "create NAME:PARTITIONS; may be repeated (others: 4 partitions)")
      ->allow_extra_args(false);
  mock.callback([&line] { line.chosen = [&line] { return run_mock(line.mock); }; });

  auto& first = *top.add_subcommand("first-ack", "time from the start of a server to its first acknowledged record");
  first.add_option("--topic", line.first_ack.topic, "topic to write to; created unless it exists")
      ->capture_default_str();
  first.add_option("--connect", line.first_ack.connect,
                   "HOST:PORT (default: from the line \"ready kafka=HOST:PORT\" of the command)");
  first.add_option("--timeout-ms", line.first_ack.timeout_ms, "give up after")->capture_default_str();
  first.add_flag("--json", line.first_ack.json, "print one JSON object instead of text");
  first.add_option("command", line.first_ack.command, "after --: the server's command line")->required();
  first.callback([&line] { line.chosen = [&line] { return run_first_ack(line.first_ack); }; });
}

void add_raw_common(CLI::App& app, RawOptions& options, std::size_t size) {
  app.add_option("--seconds", options.seconds, "how long")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_flag("--json", options.json, "print one JSON object instead of text");
  app.add_option("--size", options.size, fmt::format("bytes of one record (default {})", size))
      ->check(CLI::Range(1, 64 << 20));
}

void add_raw_disk(CLI::App& app, RawOptions& options) {
  const std::map<std::string, SyncMethod> methods = {
      {"fdatasync", SyncMethod::fdatasync}, {"direct", SyncMethod::direct}, {"dsync", SyncMethod::dsync}};
  app.add_option("--dir", options.dir, "directory on the disk to measure")
      ->capture_default_str()
      ->check(CLI::ExistingDirectory);
  app.add_option("--method", options.method,
                 "fdatasync: buffered; direct: O_DIRECT and fdatasync; dsync: O_DIRECT and RWF_DSYNC")
      ->transform(CLI::CheckedTransformer(methods));
}

void add_raw(CLI::App& top, CommandLine& line) {
  auto& raw = *top.add_subcommand("raw", "baselines without a broker");
  raw.require_subcommand(1);
  auto& options = line.raw;
  using Command = Status (*)(const RawOptions&);
  auto add = [&](const char* name, const char* help, std::size_t size, Command command) -> CLI::App& {
    auto& app = *raw.add_subcommand(name, help);
    add_raw_common(app, options, size);
    app.callback([&line, &app, size, command] {
      if (app.count("--size") == 0) line.raw.size = size;
      line.chosen = [&line, command] { return command(line.raw); };
    });
    return app;
  };
  auto& sync = add("sync", "one file: write, sync, repeat", 4096, run_raw_sync);
  auto& shared =
      add("shared", "one file: the records of all partitions in one write, sync, repeat", 1024, run_raw_shared);
  auto& per_file = add("per-file", "a file per partition: one write and sync on each, repeat", 1024, run_raw_per_file);
  add("rtt", "loop-back TCP round trip", 1024, run_raw_rtt);
  for (auto* app : {&sync, &shared, &per_file}) add_raw_disk(*app, options);
  for (auto* app : {&sync, &shared}) {
    app->add_option("--file-mb", options.file_mb, "size of the zeroed file")
        ->capture_default_str()
        ->check(CLI::Range(1, 65536));
  }
  shared.add_option("--partitions", options.partitions, "records per write")
      ->capture_default_str()
      ->check(CLI::Range(1, 65536));
  per_file.add_option("--files", options.files, "how many")->capture_default_str()->check(CLI::Range(1, 100000));
  per_file.add_option("--threads", options.threads, "how many")->capture_default_str()->check(CLI::Range(1, 1024));
  per_file.add_flag("--append", options.append, "grow the files instead of rewriting zeroed ones");
}

void add_checkpoints(CLI::App& top, CommandLine& line) {
  auto& app = *top.add_subcommand("checkpoints", "the embedded checkpoint store: one operation, in one session");
  auto& options = line.checkpoints;
  app.add_option(
         "operation", options.operation,
         "create: many threads, each waiting for the disk each time; steps: a state of 400 KB that changes by 1 KB; "
         "fill: small ones, without waiting; then on the same directory list, export, open, page, prune")
      ->required()
      ->check(CLI::IsMember({"create", "steps", "fill", "list", "export", "open", "page", "prune"}));
  app.add_option("--backend", options.backend, "where to")
      ->capture_default_str()
      ->check(CLI::IsMember({"memory", "log", "sqlite"}));
  app.add_option("--dir", options.dir, "directory of the store")->capture_default_str()->check(CLI::ExistingDirectory);
  app.add_option("--count", options.count, "checkpoints to make, or that are there")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--keep", options.keep, "that prune keeps")->capture_default_str();
  app.add_option("--size", options.size, "bytes of a payload of create")
      ->capture_default_str()
      ->check(CLI::Range(8, 16 << 20));
  app.add_option("--threads", options.threads, "of create")->capture_default_str()->check(CLI::Range(1, 1024));
  app.add_option("--followers", options.followers, "of create: threads that wait for events, each of another session")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  app.add_flag("--encrypted", options.encrypted, "with a key; every operation on that directory");
  app.add_flag("--json", options.output.json, "print one JSON object instead of text");
  app.callback([&line] { line.chosen = [&line] { return run_checkpoints(line.checkpoints); }; });
}

}  // namespace

int run_command_line(int argc, char** argv) {
  CLI::App app("Load generator for Kafka-compatible brokers, with reconciliation of every acknowledged record.");
  app.require_subcommand(1);
  app.get_formatter()->column_width(36);
  CommandLine line;
  add_produce(app, line);
  add_consume(app, line);
  add_e2e(app, line);
  add_small_commands(app, line);
  add_raw(app, line);
  add_checkpoints(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "chronik-bench: {} (see --help)\n", error.what());
    return 2;
  }
  const auto status = line.chosen();
  if (status) return 0;
  fmt::print(stderr, "chronik-bench: {}\n", status.error().message());
  return status.error().code == Errc::invalid_argument ? 2 : 1;
}

}  // namespace chronik::bench
