// `checkpoints fill|list|export|open|page|prune`: reading, and what is as large as the store.
#include "apps/bench/checkpoints.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <vector>

#include "apps/bench/clock.h"
#include "apps/bench/commands.h"

namespace chronik::bench {

using checkpoint::Query;
using checkpoint::Session;
using checkpoint::Store;

namespace {

constexpr std::size_t kPage = 1000;

double since(std::int64_t start) {
  return static_cast<double>(now_ns() - start) / 1e9;
}

std::uint64_t status_kb(const std::string& key) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(key)) return std::stoull(line.substr(key.size()));
  }
  return 0;
}

Status same(const char* what, std::uint64_t found, std::uint64_t wanted) {
  if (found == wanted) return {};
  return fail(Errc::corrupt, std::string(what) + ": " + std::to_string(found) + ", not " + std::to_string(wanted));
}

Result<Session> session_of(const Store& store) {
  return adopt(store.open_session("bench"));
}

/// Small checkpoints, as many as asked for, the last of them waited for.
Result<Json> fill(const CheckpointOptions& options) {
  TRY(const Store store, open_store(options));
  TRY(const Session session, session_of(store));
  const auto start = now_ns();
  std::optional<checkpoint::PendingCheckpoint> last;
  for (std::uint64_t i = 0; i < options.count; ++i) {
    TRY(last, adopt(session.create_async("small " + std::to_string(i))));
  }
  if (last) TRY_STATUS(adopt(last->wait(std::chrono::seconds(60))));
  const double seconds = since(start);
  TRY(const auto info, adopt(session.describe()));
  TRY_STATUS(same("checkpoints", info.checkpoints, options.count));
  const auto closing = now_ns();
  TRY_STATUS(adopt(store.close()));
  return Json{{"checkpoints", info.checkpoints},
              {"seconds", seconds},
              {"per_s", static_cast<double>(options.count) / seconds},
              {"close_ms", since(closing) * 1e3},
              {"disk_bytes", bytes_in(options.dir)}};
}

Result<Json> list(const CheckpointOptions& options) {
  constexpr std::size_t kRounds = 2000;
  TRY(const Store store, open_store(options));
  TRY(const Session session, session_of(store));
  TRY(const auto info, adopt(session.describe()));
  TRY_STATUS(same("checkpoints", info.checkpoints, options.count));
  std::vector<double> us;
  for (std::size_t i = 0; i < kRounds; ++i) {
    const auto start = now_ns();
    TRY(const auto page, adopt(session.list()));
    us.push_back(since(start) * 1e6);
    TRY_STATUS(same("on the page", page.checkpoints.size(), 100));
    TRY_STATUS(same("newest", page.checkpoints[0].sequence, options.count));
  }
  const double first = us.front();
  std::ranges::sort(us);
  return Json{{"first_us", first}, {"p50_us", us[us.size() / 2]}, {"p99_us", us[us.size() * 99 / 100]}};
}

Result<Json> export_all(const CheckpointOptions& options) {
  TRY(const Store store, open_store(options));
  TRY(const Session session, session_of(store));
  std::uint64_t lines = 0;
  std::uint64_t bytes = 0;
  const auto start = now_ns();
  TRY_STATUS(adopt(session.export_to([&](std::string_view line) -> checkpoint::Status {
    ++lines;
    bytes += line.size();
    return {};
  })));
  const double seconds = since(start);
  TRY_STATUS(same("lines", lines, options.count + 2));  // the session's, and the last with the checksum
  return Json{{"lines", lines},
              {"bytes", bytes},
              {"seconds", seconds},
              {"per_s", static_cast<double>(options.count) / seconds}};
}

Result<Json> open_again(const CheckpointOptions& options) {
  const std::uint64_t before = resident_kb();
  const double cpu = cpu_seconds();
  const auto start = now_ns();
  TRY(const Store store, open_store(options));
  TRY(const Session session, session_of(store));
  TRY(const auto latest, adopt(session.latest()));
  const double seconds = since(start);
  const double cpu_ms = (cpu_seconds() - cpu) * 1e3;
  TRY(const auto info, adopt(session.describe()));
  TRY_STATUS(same("checkpoints", info.checkpoints, options.count));
  TRY_STATUS(same("newest", latest.sequence, options.count));
  return Json{{"ms", seconds * 1e3}, {"cpu_ms", cpu_ms}, {"resident_kb", resident_kb() - before}};
}

Result<Json> page(const CheckpointOptions& options) {
  TRY(const Store store, open_store(options));
  TRY(const Session session, session_of(store));
  TRY(const Paged paged, page_through(session, options.count));
  return Json{{"seconds", paged.seconds},
              {"per_s", static_cast<double>(options.count) / paged.seconds},
              {"resident_before_kb", paged.resident_before_kb},
              {"resident_max_kb", paged.resident_max_kb}};
}

Result<Json> prune(const CheckpointOptions& options) {
  TRY(const Store store, open_store(options));
  TRY(const Session session, session_of(store));
  const std::uint64_t before = bytes_in(options.dir);
  const auto start = now_ns();
  TRY(const auto report, adopt(session.prune({.keep_last = options.keep})));
  const double seconds = since(start);
  const std::uint64_t after = bytes_in(options.dir);
  TRY_STATUS(same("deleted", report.deleted, options.count - options.keep));
  TRY(const auto verified, adopt(session.verify()));
  TRY_STATUS(same("problems", verified.problem_count, 0));
  TRY_STATUS(same("kept", verified.checkpoints, options.keep));
  TRY_STATUS(adopt(store.close()));
  return Json{{"seconds", seconds},
              {"disk_bytes_before", before},
              {"disk_bytes_after", after},
              {"bytes_returned", report.bytes_returned},
              {"disk_bytes_closed", bytes_in(options.dir)}};
}

}  // namespace

Result<Store> open_store(const CheckpointOptions& options) {
  if (options.backend == "memory") return adopt(Store::in_memory());
  if (options.backend == "sqlite") return adopt(Store::sqlite(options.dir + "/store.db"));
  checkpoint::Options how;
  if (options.encrypted) how.key = std::string(32, 'k');  // any will do
  return adopt(Store::open(options.dir, how));
}

std::uint64_t resident_kb() {
  return status_kb("VmRSS:");
}

std::uint64_t bytes_in(const std::string& dir) {
  constexpr std::uint64_t kSector = 512;
  std::uint64_t bytes = 0;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir, ignored)) {
    struct stat found{};
    if (::stat(entry.path().c_str(), &found) == 0) bytes += static_cast<std::uint64_t>(found.st_blocks) * kSector;
  }
  return bytes;
}

Result<Paged> page_through(const Session& session, std::uint64_t count) {
  Paged paged;
  paged.resident_before_kb = paged.resident_max_kb = resident_kb();
  const auto start = now_ns();
  std::uint64_t seen = 0;
  Query query{.newest_first = false, .limit = kPage};
  do {
    TRY(const auto page, adopt(session.list(query)));
    TRY_STATUS(same("damaged", page.damaged.size(), 0));
    for (const auto& c : page.checkpoints) TRY_STATUS(same("sequence", c.sequence, ++seen));
    if (seen % (20 * kPage) == 0) paged.resident_max_kb = std::max(paged.resident_max_kb, resident_kb());
    query.cursor = page.next;
  } while (!query.cursor.empty());
  paged.seconds = since(start);
  TRY_STATUS(same("checkpoints", seen, count));
  return paged;
}

Status run_checkpoints(const CheckpointOptions& options) {
  using Operation = Result<Json> (*)(const CheckpointOptions&);
  const std::map<std::string, Operation> operations = {
      {"create", checkpoints_create}, {"fill", fill}, {"list", list},   {"export", export_all},
      {"open", open_again},           {"page", page}, {"prune", prune}, {"steps", checkpoints_steps}};
  TRY(Json result, operations.at(options.operation)(options));
  result["command"] = "checkpoints";
  result["operation"] = options.operation;
  return emit(result, options.output);
}

}  // namespace chronik::bench
