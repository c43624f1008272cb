// The parsed command line: one plain struct per subcommand, passed by value or const reference to whom it concerns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace chronik::bench {

/// Where the broker is and what librdkafka is told beyond our own settings.
struct Connection {
  std::string bootstrap;
  std::vector<std::string> properties;  // "key=value", applied last
  bool verbose = false;                 // librdkafka's own log on standard error
};

/// Where results go.
struct Output {
  bool json = false;
  bool quiet = false;  // no progress lines
  std::string html;    // file to write, or empty
};

enum class Verify { full, offsets, none };

/// What producers send and how; shared by `produce` and `e2e`.
struct Workload {
  std::string topic;
  int partitions = 0;  // 0: as many as the topic has
  bool create_topic = false;
  int replication = 1;
  std::uint64_t records = 0;  // 0: until `seconds` have passed
  double seconds = 0;
  std::size_t size = 1024;
  double rate = 0;  // records/s over all clients; 0: closed loop
  int clients = 1;
  std::string acks = "all";
  bool idempotence = false;
  std::string compression = "none";
  double linger_ms = -1;          // -1: 5 in closed loop, as librdkafka's default; 0 in open loop and in rounds
  int in_flight = 0;              // requests per connection; 0: the library's default
  std::uint32_t window = 100000;  // records per client sent but not yet acknowledged
  int timeout_ms = 60000;         // a record not acknowledged by then has failed
  bool rounds = false;            // one record to each partition, wait for all, repeat
  bool raw_client = false;        // our own minimal client instead of librdkafka
};

struct ProduceOptions {
  Connection connection;
  Output output;
  Workload load;
  Verify verify = Verify::full;
};

struct ConsumeOptions {
  Connection connection;
  Output output;
  std::string topic;
  std::string group;  // empty: partitions are assigned, client c reads those with p % clients == c
  std::uint64_t records = 0;
  double seconds = 0;  // 0: until the end offsets seen at the start
  int clients = 1;
};

struct E2eOptions {
  Connection connection;
  Output output;
  Workload load;
};

struct CreateTopicOptions {
  Connection connection;
  Output output;
  std::string topic;
  int partitions = 1;
};

struct MockOptions {
  int brokers = 1;
  std::vector<std::string> topics;  // "name:partitions"
};

struct FirstAckOptions {
  std::string topic = "first";
  std::string connect;     // HOST:PORT; empty: taken from the command's "ready kafka=" line
  int timeout_ms = 60000;  // for the whole way from start to acknowledgement
  bool json = false;
  std::vector<std::string> command;
};

enum class SyncMethod { fdatasync, direct, dsync };

struct RawOptions {
  std::string dir = ".";
  std::size_t size = 4096;
  double seconds = 3;
  SyncMethod method = SyncMethod::fdatasync;
  int files = 1000;
  int threads = 16;
  int partitions = 1000;
  int file_mb = 64;     // per file of `sync` and `shared`
  bool append = false;  // per-file: grow the files instead of rewriting zeroed ones
  bool json = false;
};

struct CheckpointOptions {
  std::string operation;
  std::string backend = "log";
  std::string dir = ".";  // empty at first for create, fill and steps
  std::uint64_t count = 100'000;
  std::uint64_t keep = 1000;
  std::size_t size = 1024;
  int threads = 1;
  std::uint64_t seed = 1;
  bool encrypted = false;
  int followers = 0;  // of create: each waits for the events of another session
  Output output;
};

}  // namespace chronik::bench
