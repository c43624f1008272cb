// Export and import: the store works line by line on a thread that may block, the connection on the loop; between them
// goes one chunk at a time, so that memory is bounded by what one line needs.
#include <algorithm>

#include "admin/checkpoints/api.h"
#include "checkpoint/json.h"

namespace chronik::admin {

using cp::Errc;
using cp::fail;
using cp::Result;

namespace {

constexpr std::size_t kChunkBytes = 256U << 10;
constexpr std::uint64_t kImportBytesMax = 256U << 20;
constexpr std::size_t kLineBytesMax = 96U << 20;          // a payload of 64 MiB in base64, and its record
constexpr Duration kPatience = std::chrono::seconds(60);  // of either side with the other

/// Between the thread and the loop. What is not atomic belongs to the loop, or to whom the latch hands it.
struct Pipe {
  explicit Pipe(task::Context& context) : moved(context) {}
  task::Event moved;
  std::string chunk;
  std::shared_ptr<cp::Latch> taken;  // set: the thread waits for it
  bool ended = false;                // of the thread's work
  std::optional<Result<Reply>> outcome;
  std::atomic<bool> abandoned{false};  // nobody is on the loop's side any more
};
using PipePtr = std::shared_ptr<Pipe>;

/// Lets the thread go when the loop's side ends, however it ends.
class LoopSide {
 public:
  explicit LoopSide(PipePtr pipe) : pipe_(std::move(pipe)) {}
  LoopSide(const LoopSide&) = delete;
  LoopSide& operator=(const LoopSide&) = delete;
  ~LoopSide() {
    pipe_->abandoned.store(true);
    if (pipe_->taken) pipe_->taken->set();
  }

 private:
  PipePtr pipe_;
};

/// The thread's side.
class ThreadSide {
 public:
  ThreadSide(LoopGate& gate, cp::Surroundings& world, PipePtr pipe)
      : gate_(gate), world_(world), pipe_(std::move(pipe)) {}

  cp::Status put(std::string chunk) {
    return meet([pipe = pipe_, chunk = std::move(chunk)]() mutable { pipe->chunk = std::move(chunk); });
  }
  /// Empty at the end.
  Result<std::string> get() {
    TRY_STATUS(meet([] {}));
    return std::move(pipe_->chunk);
  }
  /// What the call holds is given back on the loop.
  void end(Result<Reply> outcome, std::shared_ptr<Call> call) {
    gate_.post([pipe = pipe_, outcome = std::move(outcome), spent = std::move(call)]() mutable {
      pipe->outcome.emplace(std::move(outcome));
      pipe->ended = true;
      pipe->moved.notify_all();
    });
  }

 private:
  template <class Change>
  cp::Status meet(Change change) {
    const auto taken = std::make_shared<cp::Latch>();
    gate_.post([pipe = pipe_, taken, change = std::move(change)]() mutable {
      if (pipe->abandoned.load()) return taken->set();
      change();
      pipe->taken = taken;
      pipe->moved.notify_all();
    });
    if (!world_.wait(*taken, 2 * kPatience) || pipe_->abandoned.load()) {
      return fail(Errc::closed, "the other side is gone");
    }
    return {};
  }

  LoopGate& gate_;
  cp::Surroundings& world_;
  PipePtr pipe_;
};

/// Waits for the thread; false if it does not move.
task::Task<bool> thread_moved(PipePtr pipe, Deadline until) {
  while (!pipe->taken && !pipe->ended) {
    if (co_await pipe->moved.wait("checkpoint.transfer", until) == task::Woken::timed_out) co_return false;
  }
  co_return true;
}

Result<Reply> export_lines(cp::Core& core, const Call& call, ThreadSide& side) {
  TRY(const auto since, call.number("since"));
  TRY(const cp::Session session, session_of(cp::Store(core.shared_from_this()), call));
  std::string chunk;
  const auto sink = [&](std::string_view line) -> cp::Status {
    // In pieces: a reader that gets on needs no patience for a whole line.
    for (; !line.empty(); line.remove_prefix(std::min(line.size(), kChunkBytes))) {
      chunk += line.substr(0, kChunkBytes);
      if (chunk.size() >= kChunkBytes) TRY_STATUS(side.put(std::exchange(chunk, {})));
    }
    chunk += '\n';
    return {};
  };
  TRY_STATUS(session.export_to(sink, since.value_or(0)));
  TRY_STATUS(side.put(std::move(chunk)));  // never empty: it has the last line's end
  return Reply{};
}

/// Lines out of chunks.
class Lines {
 public:
  explicit Lines(ThreadSide& side) : side_(side) {}
  Result<std::optional<std::string>> next() {
    for (;;) {
      if (const auto end = text_.find('\n', seen_); end != std::string::npos) {
        std::string line = text_.substr(begin_, end - begin_);
        begin_ = seen_ = end + 1;
        return line;
      }
      text_.erase(0, std::exchange(begin_, 0));
      seen_ = text_.size();
      if (text_.size() > kLineBytesMax) return fail(Errc::too_large, "a line beyond the limits");
      TRY(const std::string more, side_.get());
      if (more.empty()) {
        if (text_.empty()) return std::nullopt;
        return std::exchange(text_, {});
      }
      text_ += more;
    }
  }

 private:
  ThreadSide& side_;
  std::string text_;
  std::size_t begin_ = 0;
  std::size_t seen_ = 0;
};

Result<Reply> import_lines(cp::Core& core, ThreadSide& side) {
  Lines lines(side);
  std::string first;  // names the session
  const auto next = [&]() -> Result<std::optional<std::string>> {
    TRY(auto line, lines.next());
    if (first.empty() && line) first = line->substr(0, kLineBytesMax);
    return line;
  };
  const cp::Store store(core.shared_from_this());
  TRY(const cp::ImportReport report, store.import_from(next));
  const ordered_json header = ordered_json::parse(first, nullptr, false);
  return json_reply({{"session", header.value("name", "")}, {"created", report.created}, {"present", report.present}});
}

}  // namespace

task::Task<bool> CheckpointApi::exports(HttpConnection& connection, std::shared_ptr<Call> call, Deadline until) {
  const bool keep_alive = call->http.keep_alive && connection.at_end() && !call->http.http_1_0;
  auto opened = co_await core(until);
  const auto room = co_await charge(*call, transfers_, 1, until);
  Reply refused;
  if (!opened) {
    refused = problem(opened.error());
  } else if (!room) {
    refused = problem(503, "overloaded", "too many exports and imports run; try again later");
  } else {
    const auto pipe = std::make_shared<Pipe>(context_);
    const LoopSide side(pipe);
    world_->run([gate = gate_, world = world_, pipe, core = *opened, call]() mutable {
      ThreadSide thread(*gate, *world, pipe);
      auto outcome = export_lines(*core, *call, thread);
      thread.end(std::move(outcome), std::move(call));
    });
    bool begun = false;
    while (co_await thread_moved(pipe, context_.after(kPatience))) {
      if (pipe->ended) {
        if (*pipe->outcome) co_return (co_await connection.write_chunk({})).has_value() && keep_alive;
        if (begun) co_return false;  // cut off: the reader sees that it is not whole
        refused = problem(pipe->outcome->error());
        break;
      }
      if (!begun) {
        if (!co_await connection.begin_chunks({200, "application/jsonl", "", {}}, keep_alive, !call->http.http_1_0))
          co_return false;
        begun = true;
      }
      if (!co_await connection.write_chunk(std::exchange(pipe->chunk, {}))) co_return false;
      std::exchange(pipe->taken, nullptr)->set();
    }
    if (begun) co_return false;
    if (!pipe->ended) refused = problem(503, "timed_out", "the export did not begin in time");
  }
  co_return (co_await connection.reply(std::move(refused), keep_alive, true)).has_value() && keep_alive;
}

task::Task<bool> CheckpointApi::imports(HttpConnection& connection, std::shared_ptr<Call> call, Deadline until) {
  auto opened = co_await core(until);
  const auto room = co_await charge(*call, transfers_, 1, until);
  Reply reply;
  if (!opened) {
    reply = problem(opened.error());
  } else if (!room) {
    reply = problem(503, "overloaded", "too many exports and imports run; try again later");
  } else if (!co_await connection.allow_body(call->http, kImportBytesMax)) {
    reply = problem(413, "too_large", "an import of more than 256 MiB: export in parts, with since=");
  } else {
    const auto pipe = std::make_shared<Pipe>(context_);
    const LoopSide side(pipe);
    world_->run([gate = gate_, world = world_, pipe, core = *opened, call]() mutable {
      ThreadSide thread(*gate, *world, pipe);
      auto outcome = import_lines(*core, thread);
      thread.end(std::move(outcome), std::move(call));
    });
    reply = problem(503, "timed_out", "the import did not end in time; it may still take effect");
    while (co_await thread_moved(pipe, context_.after(kPatience))) {
      if (pipe->ended) {
        reply = *pipe->outcome ? **std::move(pipe->outcome) : problem(pipe->outcome->error(), true);
        break;
      }
      auto chunk = co_await connection.read_some_body(context_.after(kPatience));
      if (!chunk && chunk.error().code != chronik::Errc::out_of_range) co_return false;
      if (!chunk) {
        reply = problem(413, "too_large", "an import of more than 256 MiB: export in parts, with since=");
        break;
      }
      pipe->chunk = *std::move(chunk);
      std::exchange(pipe->taken, nullptr)->set();
    }
  }
  const bool keep_alive = call->http.keep_alive && connection.at_end();
  co_return (co_await connection.reply(std::move(reply), keep_alive, true)).has_value() && keep_alive;
}

}  // namespace chronik::admin
