// chronik checkpoint sessions, list, timeline, show, diff, restore, watch: what looks.
#include <chrono>

#include "apps/cli/checkpoint_place.h"
#include "apps/cli/commands.h"
#include "apps/cli/table.h"
#include "apps/cli/units.h"

namespace chronik::cli {

using cp::Errc;
using cp::fail;

namespace {

constexpr std::size_t kPage = 1000;
constexpr std::size_t kMessageBytes = 60;

cp::Time wall_now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

/// A JSON array of any length, element by element.
class Array {
 public:
  void add(const ordered_json& element) {
    std::printf("%s%s", begun_ ? ",\n" : "[\n",
                element.dump(2, ' ', false, ordered_json::error_handler_t::replace).c_str());
    begun_ = true;
  }
  void finish() const { std::printf(begun_ ? "\n]\n" : "[]\n"); }

 private:
  bool begun_ = false;
};

cp::Result<cp::Query> make_query(const CheckpointList& options) {
  cp::Query query = options.query;
  if (!options.trigger.empty()) {
    query.trigger = cp::parse_trigger(options.trigger);
  }
  if (!options.from.empty()) {
    TRY(query.from, parse_moment(options.from, wall_now()));
  }
  if (!options.until.empty()) {
    TRY(query.until, parse_moment(options.until, wall_now()));
  }
  for (const std::string& wish : options.metadata) {
    auto pair = split_setting(wish);
    if (!pair) return fail(Errc::invalid_argument, pair.error().detail);
    query.metadata.push_back(*std::move(pair));
  }
  return query;
}

std::vector<std::string> row_of(const cp::Checkpoint& c) {
  return {std::to_string(c.sequence),
          show_time(c.created_at),
          c.branch,
          show_size(c.size),
          one_line(joined(c.tags), kMessageBytes) + (c.pinned ? " (pinned)" : ""),
          one_line(c.message, kMessageBytes),
          cp::to_string(c.id)};
}

const std::vector<std::string> kHeader = {"SEQUENCE", "CREATED", "BRANCH", "SIZE", "TAGS", "MESSAGE", "ID"};

/// A page of a table: the header stands above the first only.
void print_part(const Table& table, bool first) {
  const std::string text = table.text();
  std::printf("%s", text.c_str() + (first ? 0 : text.find('\n') + 1));
}

void print_rows(const cp::Page& page, bool first) {
  Table table(kHeader);
  for (const auto& c : page.checkpoints) table.add(row_of(c));
  print_part(table, first);
}

void print_rows(const cp::TimelinePage& page, bool first) {
  const auto behind = [](std::string session, std::vector<std::string> row) {
    row.insert(row.begin(), std::move(session));
    return row;
  };
  Table table(behind("SESSION", kHeader));
  for (const auto& [session, c] : page.moments) table.add(behind(one_line(session, kMessageBytes), row_of(c)));
  print_part(table, first);
}

void tell_damage(const cp::Problem& problem) {
  const std::string of = problem.session.empty() ? "" : one_line(problem.session, kMessageBytes) + ": ";
  std::fprintf(stderr, "chronik: %ssequence %llu cannot be read: %s\n", of.c_str(),
               static_cast<unsigned long long>(problem.sequence), one_line(problem.what, 400).c_str());
}

const std::vector<cp::Checkpoint>& rows_of(const cp::Page& page) {
  return page.checkpoints;
}
const std::vector<cp::Moment>& rows_of(const cp::TimelinePage& page) {
  return page.moments;
}

/// What `read` gives for the query, page after page.
template <class Read>
cp::Status print_pages(const CheckpointRun& run, const cp::Store& store, const CheckpointList& options,
                       const Read& read) {
  TRY(cp::Query query, make_query(options));
  Array array;
  std::uint64_t left = options.limit == 0 ? UINT64_MAX : options.limit;
  std::uint64_t damaged = 0;
  for (bool first = true; left > 0 && (first || !query.cursor.empty()); first = false) {
    query.limit = std::min<std::uint64_t>(left, kPage);
    TRY(const auto page, read(query));
    for (const auto& row : rows_of(page)) {
      if (run.common.json) array.add(cp::to_json(row));
    }
    if (!run.common.json) print_rows(page, first);
    for (const auto& problem : page.damaged) tell_damage(problem);
    damaged += page.damaged.size();
    left -= rows_of(page).size() + page.damaged.size();
    query.cursor = page.next;
  }
  if (run.common.json) array.finish();
  if (damaged == 0) return check_whole(store);
  return fail(Errc::corrupt,
              std::to_string(damaged) + " checkpoint(s) cannot be read; chronik checkpoint verify says more");
}

}  // namespace

cp::Status checkpoint_sessions(const CheckpointRun& run) {
  return with_store(run, false, [&](const cp::Store& store) -> cp::Status {
    Array array;
    Table table({"SESSION", "CHECKPOINTS", "LAST", "CREATED", "BRANCHES", "FORKED FROM"});
    std::string cursor;
    do {
      TRY(const cp::SessionPage page, store.list_sessions(cursor, kPage));
      for (const auto& info : page.sessions) {
        if (run.common.json) {
          array.add(cp::to_json(info));
        } else {
          table.add({info.name, std::to_string(info.checkpoints), std::to_string(info.last_sequence),
                     show_time(info.created_at), std::to_string(info.branches.size()), info.forked_from});
        }
      }
      cursor = page.next;
    } while (!cursor.empty());
    if (run.common.json) {
      array.finish();
    } else {
      std::printf("%s", table.text().c_str());
    }
    return check_whole(store);
  });
}

cp::Status checkpoint_list(const CheckpointRun& run, const CheckpointList& options) {
  return with_store(run, false, [&](const cp::Store& store) -> cp::Status {
    TRY(const cp::Session session, find_session(store, options.session));
    return print_pages(run, store, options, [&](const cp::Query& query) { return session.list(query); });
  });
}

cp::Status checkpoint_timeline(const CheckpointRun& run, const CheckpointList& options) {
  return with_store(run, false, [&](const cp::Store& store) -> cp::Status {
    return print_pages(run, store, options, [&](const cp::Query& query) { return store.timeline(query); });
  });
}

cp::Status checkpoint_show(const CheckpointRun& run, const Target& target) {
  return with_store(run, false, [&](const cp::Store& store) -> cp::Status {
    TRY(const Found found, find(store, target));
    const cp::Checkpoint& c = found.checkpoint;
    if (run.common.json) {
      print(cp::to_json(c));
      return {};
    }
    const auto row = [](const char* name, const std::string& value) {
      if (!value.empty()) std::printf("%-15s %s\n", name, one_line(value, 4096).c_str());
    };
    row("id", cp::to_string(c.id));
    row("sequence", std::to_string(c.sequence));
    row("parent", c.parent.is_nil() ? "none" : cp::to_string(c.parent));
    row("branch", c.branch);
    row("created", show_time(c.created_at) + " UTC");
    row("message", c.message);
    row("trigger", std::string(cp::name_of(c.trigger)) + (c.reason.empty() ? "" : ": " + c.reason));
    row("size", show_size(c.size));
    row("content type", c.content_type);
    row("schema version", c.schema_version == 0 ? "" : std::to_string(c.schema_version));
    row("metadata", c.metadata);
    row("idempotency key", c.idempotency_key);
    row("payload SHA-256", cp::to_hex(c.payload_hash));
    row("hash", cp::to_hex(c.hash));
    row("tags", joined(c.tags));
    row("pinned", c.pinned ? "yes" : "");
    for (const auto& one : c.annotations) row(cp::name_of(one.level).data(), show_time(one.at) + "  " + one.text);
    return {};
  });
}

cp::Status checkpoint_diff(const CheckpointRun& run, const Target& target, const std::string& second) {
  return with_store(run, false, [&](const cp::Store& store) -> cp::Status {
    TRY(const Found found, find(store, target));
    TRY(const cp::Checkpoint other, find_checkpoint(found.session, second));
    TRY(const cp::Difference difference, found.session.diff(found.checkpoint.id, other.id));
    const auto patch = difference.structural ? ordered_json::parse(difference.patch, nullptr, false) : ordered_json();
    if (run.common.json) {
      print({{"first", cp::to_string(found.checkpoint.id)},
             {"second", cp::to_string(other.id)},
             {"same", difference.same},
             {"patch", patch},
             {"size_first", difference.size_first},
             {"size_second", difference.size_second},
             {"common_prefix", difference.common_prefix},
             {"common_suffix", difference.common_suffix}});
      return {};
    }
    if (difference.same) {
      std::printf("the same, %s\n", show_size(difference.size_first).c_str());
    } else if (difference.structural) {
      for (const auto& step : patch) {
        const std::string value = step.contains("value") ? step["value"].dump() : "";
        std::printf("%-7s  %s  %s\n", step.value("op", "").c_str(), one_line(step.value("path", ""), 400).c_str(),
                    one_line(value, 400).c_str());
      }
      if (patch.empty()) std::printf("the same JSON, written differently\n");
    } else {
      const std::uint64_t common = difference.common_prefix + difference.common_suffix;
      std::printf("%llu byte(s) become %llu behind byte %llu; %s and %s in all\n",
                  static_cast<unsigned long long>(difference.size_first - common),
                  static_cast<unsigned long long>(difference.size_second - common),
                  static_cast<unsigned long long>(difference.common_prefix), show_size(difference.size_first).c_str(),
                  show_size(difference.size_second).c_str());
    }
    return {};
  });
}

cp::Status checkpoint_restore(const CheckpointRun& run, const CheckpointRestore& options) {
  if (run.common.json && options.output == "-") {
    return fail(Errc::invalid_argument, "with --json the payload needs a file of its own: --output FILE");
  }
  return with_store(run, false, [&](const cp::Store& store) -> cp::Status {
    TRY(const Found found, find(store, options.target));
    TRY(const cp::Restored restored, found.session.restore(found.checkpoint.id));
    TRY(Output output, Output::open(options.output));
    TRY_STATUS(output.write(restored.payload));
    TRY_STATUS(output.finish());
    if (options.output != "-") print_changed(run, "restored", restored.checkpoint);
    return {};
  });
}

namespace {

void print_event(const CheckpointRun& run, const cp::Event& event) {
  const auto number = static_cast<unsigned long long>(event.number);
  const auto sequence = static_cast<unsigned long long>(event.sequence);
  if (run.common.json) {
    std::printf("%s\n", cp::to_text(cp::to_json(event)).c_str());
  } else if (event.sequence == 0) {
    std::printf("%llu  %s  session %s\n", number, show_time(event.at).c_str(), cp::name_of(event.kind).data());
  } else {
    std::printf("%llu  %s  %s sequence %llu%s\n", number, show_time(event.at).c_str(), cp::name_of(event.kind).data(),
                sequence, event.count > 1 ? (", " + std::to_string(event.count) + " in all").c_str() : "");
  }
}

}  // namespace

cp::Status checkpoint_watch(const CheckpointRun& run, const CheckpointWatch& options) {
  // Another process cannot write to a log directory that this one has open: nothing would ever come.
  const bool follow = !options.exit_at_end && run.place.directory.empty();
  return with_store(run, false, [&](const cp::Store& store) -> cp::Status {
    TRY(const cp::Session session, find_session(store, options.session));
    std::uint64_t seen = 0;
    for (std::uint64_t next = options.from;;) {
      // Events of other processes do not end a wait, so each is short.
      auto page = follow ? session.wait_events(next, 100, std::chrono::milliseconds(200)) : session.events(next, 100);
      if (!page && page.error().code == Errc::timed_out) continue;
      if (!page) return fail(page.error());
      if (page->gap_from != 0) {
        std::fprintf(stderr, "chronik: events %llu to %llu are no longer kept\n",
                     static_cast<unsigned long long>(page->gap_from), static_cast<unsigned long long>(page->gap_to));
        next = page->gap_to + 1;
      }
      for (const cp::Event& event : page->events) {
        print_event(run, event);
        next = event.number + 1;
        if (++seen == options.count) return {};
      }
      std::fflush(stdout);
      if (!follow && page->events.empty()) return check_whole(store);
    }
  });
}

}  // namespace chronik::cli
