#include "apps/cli/checkpoint_place.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "apps/cli/units.h"
#include "checkpoint/text.h"

namespace chronik::cli {

namespace {

using cp::Errc;
using cp::fail;

cp::Status failed(Errc code, const std::string& path) {
  return fail(code, path + ": " + std::generic_category().message(errno));
}

constexpr const char* kKeyVariable = "CHRONIK_CHECKPOINT_KEY";

/// Of a file, or else of the environment; empty without either.
cp::Result<std::string> key_of(const std::string& file) {
  if (!file.empty()) return read_key(file);
  const char* const given = std::getenv(kKeyVariable);
  if (given == nullptr) return std::string();
  auto key = cp::parse_key(given);
  if (!key) return fail(key.error().code, std::string(kKeyVariable) + ": " + key.error().detail);
  return key;
}

cp::Result<cp::Store> open_store(const CheckpointRun& run, bool create) {
  cp::Options options;
  const Place& place = run.place;
  TRY(options.payload_bytes_max, parse_size(place.payload_max));
  constexpr double kSecondsMax = 1e9;
  options.timeout =
      std::chrono::milliseconds(static_cast<std::int64_t>(std::min(run.common.timeout_s, kSecondsMax) * 1000));
  if (!place.key_file.empty() && place.directory.empty()) {
    return fail(Errc::invalid_argument, "--key-file goes with --store; a server reads its own (checkpoints.key.file)");
  }
  if (!place.server.empty()) return cp::Store::connect(place.server, options);
  if (!place.directory.empty()) {
    TRY(options.key, key_of(place.key_file));
  }
  const std::string& path = place.sqlite.empty() ? place.directory : place.sqlite;
  std::error_code unknown;
  if (!create && !std::filesystem::exists(path, unknown)) {
    return fail(Errc::not_found,
                "there is no store at " + path + "; chronik checkpoint create or import begins a new one");
  }
  return place.sqlite.empty() ? cp::Store::open(path, options) : cp::Store::sqlite(path, options);
}

bool is_terminal(int descriptor) {
  return ::isatty(descriptor) == 1;
}

cp::Duration now() {
  return std::chrono::steady_clock::now().time_since_epoch();
}

}  // namespace

cp::Result<std::string> read_key(const std::string& file) {
  constexpr std::uint64_t kEnough = 256;
  TRY(const std::string text, read_payload(file, kEnough));
  auto key = cp::parse_key(text);
  if (!key) return fail(key.error().code, file + ": " + key.error().detail);
  return key;
}

cp::Status with_store(const CheckpointRun& run, bool create, const std::function<cp::Status(const cp::Store&)>& body) {
  TRY(const cp::Store store, open_store(run, create));
  const cp::Status done = body(store);
  const cp::Status closed = store.close();
  return done ? closed : done;
}

cp::Result<cp::Session> find_session(const cp::Store& store, const std::string& name) {
  TRY_STATUS(cp::check_name("session name", name));
  auto found = store.session(name);
  if (!found && found.error().code == Errc::not_found) {
    return fail(Errc::not_found, "no session is named " + name + "; chronik checkpoint sessions lists them");
  }
  return found;
}

namespace {
/// By sequence or id.
cp::Result<cp::Checkpoint> find_one(const cp::Session& session, const std::string& which) {
  std::uint64_t sequence = 0;
  const char* const end = which.data() + which.size();
  const auto parsed = std::from_chars(which.data(), end, sequence);
  if (parsed.ec == std::errc() && parsed.ptr == end) return session.at_sequence(sequence);
  TRY(const cp::CheckpointId id, cp::parse_checkpoint_id(which));
  return session.get(id);
}
}  // namespace

cp::Result<cp::Checkpoint> find_checkpoint(const cp::Session& session, const std::string& which) {
  if (which == "latest") return session.latest();
  if (which.starts_with("branch:")) return session.latest(which.substr(std::strlen("branch:")));
  if (which.starts_with("tag:")) {
    cp::Query query;
    query.limit = 1;
    query.tags = {which.substr(std::strlen("tag:"))};
    TRY(const cp::Page page, session.list(query));
    if (page.checkpoints.empty()) return fail(Errc::not_found, "no checkpoint has the tag " + query.tags.front());
    return page.checkpoints.front();
  }
  if (which.starts_with('@')) {
    TRY(const cp::Time at, parse_moment(which, cp::Time()));
    return session.as_of(at);
  }
  auto found = find_one(session, which);
  if (found) return found;
  if (found.error().code == Errc::not_found) {
    return fail(Errc::not_found, "no checkpoint " + which + " in this session; chronik checkpoint list shows them");
  }
  if (found.error().code == Errc::invalid_argument) {
    return fail(
        Errc::invalid_argument,
        "'" + which + "' names no checkpoint: give an id, a sequence, latest, branch:NAME, tag:NAME or @milliseconds");
  }
  return found;
}

cp::Result<Found> find(const cp::Store& store, const Target& target) {
  TRY(cp::Session session, find_session(store, target.session));
  auto checkpoint = find_checkpoint(session, target.which);
  if (!checkpoint && checkpoint.error().code == Errc::not_found) TRY_STATUS(check_whole(store));
  if (!checkpoint) return fail(checkpoint.error());
  return Found{std::move(session), *std::move(checkpoint)};
}

cp::Status check_whole(const cp::Store& store) {
  TRY(const cp::Health health, store.health());
  if (health.damaged == 0) return {};
  return fail(Errc::corrupt, "the store is damaged in " + std::to_string(health.damaged) +
                                 " place(s), so checkpoints may be missing here; chronik checkpoint verify says where");
}

cp::Result<File> open_input(const std::string& path) {
  if (path == "-") {
    File file(::fdopen(::dup(STDIN_FILENO), "rb"));
    if (!file) return fail(failed(Errc::invalid_argument, "standard input").error());
    return file;
  }
  File file(std::fopen(path.c_str(), "rb"));
  if (!file) return fail(failed(Errc::invalid_argument, path).error());
  return file;
}

cp::Result<std::string> read_payload(const std::string& path, std::uint64_t bytes_max) {
  TRY(const File file, open_input(path));
  std::string payload;
  constexpr std::size_t kStep = 1 << 20;
  for (;;) {
    const std::size_t had = payload.size();
    payload.resize(had + kStep);
    const std::size_t got = std::fread(payload.data() + had, 1, kStep, file.get());
    payload.resize(had + got);
    if (payload.size() > bytes_max) {
      return fail(Errc::too_large, path + " has more than " + std::to_string(bytes_max) +
                                       " bytes, the limit for a payload; --payload-max raises it");
    }
    if (std::ferror(file.get()) != 0) return fail(failed(Errc::storage_failed, path).error());
    if (got < kStep) return payload;
  }
}

cp::Result<Output> Output::open(const std::string& path) {
  if (path == "-") {
    File file(::fdopen(::dup(STDOUT_FILENO), "wb"));
    if (!file) return fail(failed(Errc::storage_failed, "standard output").error());
    return Output("standard output", "", std::move(file));
  }
  std::error_code unknown;
  if (const auto kind = std::filesystem::status(path, unknown).type();
      kind != std::filesystem::file_type::regular && kind != std::filesystem::file_type::not_found) {
    File file(std::fopen(path.c_str(), "wb"));  // a device or a pipe: nothing takes its place
    if (!file) return fail(failed(Errc::invalid_argument, path).error());
    return Output(path, "", std::move(file));
  }
  // Through a link, to the file that it names.
  const auto target = std::filesystem::weakly_canonical(path, unknown);
  std::string name = unknown ? path : target.string();
  std::string unfinished = name + ".unfinished";
  File file(std::fopen(unfinished.c_str(), "wb"));
  if (!file) return fail(failed(Errc::invalid_argument, unfinished).error());
  return Output(std::move(name), std::move(unfinished), std::move(file));
}

Output::~Output() {
  if (file_ && !unfinished_.empty()) {
    std::error_code ignored;  // it is in nobody's way
    std::filesystem::remove(unfinished_, ignored);
  }
}

cp::Status Output::write(std::string_view bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), file_.get()) != bytes.size()) {
    return failed(errno == ENOSPC ? Errc::disk_full : Errc::storage_failed, path_);
  }
  return {};
}

cp::Status Output::finish() {
  if (std::fflush(file_.get()) != 0) {
    return failed(errno == ENOSPC ? Errc::disk_full : Errc::storage_failed, path_);
  }
  if (!unfinished_.empty()) {
    if (::fsync(::fileno(file_.get())) != 0) return failed(Errc::storage_failed, path_);
    std::error_code error;
    std::filesystem::rename(unfinished_, path_, error);
    if (error) return fail(Errc::storage_failed, path_ + ": " + error.message());
  }
  file_.reset();
  return {};
}

Progress::Progress(std::string what, std::uint64_t total)
    : what_(std::move(what)), total_(total), shown_(is_terminal(STDERR_FILENO)), next_(now()) {}

Progress::~Progress() {
  if (shown_) std::fprintf(stderr, "\r\x1b[K");
}

void Progress::update(std::uint64_t done) {
  if (!shown_ || now() < next_) return;
  next_ = now() + std::chrono::milliseconds(100);
  if (total_ == 0) {
    std::fprintf(stderr, "\r%s  %llu\x1b[K", what_.c_str(), static_cast<unsigned long long>(done));
    return;
  }
  constexpr std::size_t kWidth = 30;
  const double part = std::min(1.0, static_cast<double>(done) / static_cast<double>(total_));
  const auto full = static_cast<std::size_t>(part * kWidth);
  const std::string bar = std::string(full, '#') + std::string(kWidth - full, '.');
  std::fprintf(stderr, "\r%s  [%s] %3d %%\x1b[K", what_.c_str(), bar.c_str(), static_cast<int>(part * 100));
}

void print(const ordered_json& json) {
  std::printf("%s\n", json.dump(2, ' ', false, ordered_json::error_handler_t::replace).c_str());
}

void print_changed(const CheckpointRun& run, const char* what, const cp::Checkpoint& c) {
  if (run.common.json) return print(cp::to_json(c));
  std::printf("%s sequence %llu, %s\n", what, static_cast<unsigned long long>(c.sequence), cp::to_string(c.id).c_str());
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += text.empty() ? word : " " + word;
  return text;
}

}  // namespace chronik::cli
