// chronik checkpoint prune, verify, health, export, import, rotate-key: what keeps a store small, sound and portable.
#include <charconv>
#include <filesystem>

#include "apps/cli/checkpoint_place.h"
#include "apps/cli/units.h"

namespace chronik::cli {

using cp::Errc;
using cp::fail;

namespace {

/// "loss", "loss:3", "loss:3:lowest".
cp::Result<cp::Retention::Best> parse_best(const std::string& text) {
  cp::Retention::Best best;
  std::string rest = text;
  constexpr std::string_view kLowest = ":lowest";
  constexpr std::string_view kHighest = ":highest";
  if (rest.ends_with(kLowest)) {
    best.highest = false;
    rest.resize(rest.size() - kLowest.size());
  } else if (rest.ends_with(kHighest)) {
    rest.resize(rest.size() - kHighest.size());
  }
  if (const auto colon = rest.rfind(':'); colon != std::string::npos) {
    const char* const end = rest.data() + rest.size();
    const auto parsed = std::from_chars(rest.data() + colon + 1, end, best.count);
    if (parsed.ec != std::errc() || parsed.ptr != end) {
      return fail(Errc::invalid_argument, "--keep-best '" + text + "' is not KEY, KEY:COUNT or KEY:COUNT:lowest");
    }
    rest.resize(colon);
  }
  best.key = rest;
  return best;
}

cp::Result<cp::Retention> make_retention(const CheckpointPrune& options) {
  cp::Retention retention = options.retention;
  retention.keep_last = options.keep_last;
  if (!options.keep_within.empty()) {
    TRY(retention.keep_within, parse_duration(options.keep_within));
  }
  if (!options.expire_after.empty()) {
    TRY(retention.expire_after, parse_duration(options.expire_after));
  }
  if (!options.bytes_max.empty()) {
    TRY(retention.bytes_max, parse_size(options.bytes_max));
  }
  for (const std::string& text : options.keep_best) {
    TRY(auto best, parse_best(text));
    retention.keep_best.push_back(std::move(best));
  }
  const bool any = retention.keep_last || retention.keep_within || retention.expire_after || retention.bytes_max ||
                   !retention.keep_best.empty() || !retention.keep_tagged.empty() ||
                   retention.keep_hourly + retention.keep_daily + retention.keep_weekly > 0;
  if (!any) return fail(Errc::invalid_argument, "say what to keep, such as --keep-last 10, or --expire-after 30d");
  return retention;
}

/// Lines of a file, none longer than a line of an export may be.
class Lines {
 public:
  Lines(File file, std::uint64_t bytes_max) : file_(std::move(file)), bytes_max_(bytes_max) {}

  cp::Result<std::optional<std::string>> next() {
    std::string line;
    for (;;) {
      const std::size_t end = held_.find('\n', at_);
      line.append(held_, at_, end == std::string::npos ? end : end - at_);
      if (line.size() > bytes_max_) return fail(Errc::too_large, "a line beyond the limits; --payload-max raises them");
      if (end != std::string::npos) {
        at_ = end + 1;
        return line;
      }
      held_.resize(1 << 16);
      held_.resize(std::fread(held_.data(), 1, held_.size(), file_.get()));
      at_ = 0;
      read_ += held_.size();
      if (std::ferror(file_.get()) != 0) return fail(Errc::storage_failed, "the export cannot be read");
      if (held_.empty()) return line.empty() ? std::nullopt : std::optional(std::move(line));
    }
  }
  std::uint64_t bytes_read() const { return read_; }

 private:
  File file_;
  std::uint64_t bytes_max_;
  std::string held_;
  std::size_t at_ = 0;
  std::uint64_t read_ = 0;
};

}  // namespace

cp::Status checkpoint_prune(const CheckpointRun& run, const CheckpointPrune& options) {
  TRY(const cp::Retention retention, make_retention(options));
  return with_store(run, false, [&](const cp::Store& store) -> cp::Status {
    TRY(const cp::Session session, find_session(store, options.session));
    TRY(const cp::PruneReport report, session.prune(retention, options.dry_run));
    if (run.common.json) {
      print({{"dry_run", options.dry_run},
             {"examined", report.examined},
             {"deleted", report.deleted},
             {"payload_bytes", report.payload_bytes},
             {"bytes_returned", report.bytes_returned},
             {"sequences", report.sequences}});
      return {};
    }
    const auto deleted = static_cast<unsigned long long>(report.deleted);
    const auto examined = static_cast<unsigned long long>(report.examined);
    const std::string payload = show_size(report.payload_bytes);
    if (!options.dry_run) {
      std::printf("deleted %llu of %llu checkpoint(s) with %s of payload; %s returned to the file system\n", deleted,
                  examined, payload.c_str(), show_size(report.bytes_returned).c_str());
      return {};
    }
    std::printf("would delete %llu of %llu checkpoint(s) with %s of payload\n", deleted, examined, payload.c_str());
    std::string named;
    constexpr std::size_t kNamed = 20;
    for (std::size_t i = 0; i < report.sequences.size() && i < kNamed; ++i) {
      named += " " + std::to_string(report.sequences[i]);
    }
    if (report.deleted > kNamed) named += " ...";
    if (!named.empty()) std::printf("sequences%s\n", named.c_str());
    return {};
  });
}

namespace {
void print_problems(const std::vector<cp::Problem>& problems) {
  for (const auto& problem : problems) {
    const std::string where = problem.sequence == 0 ? "" : " sequence " + std::to_string(problem.sequence);
    const std::string who = problem.session.empty() ? "store" : problem.session;
    std::printf("%s%s: %s\n", who.c_str(), where.c_str(), one_line(problem.what, 400).c_str());
  }
}
}  // namespace

cp::Status checkpoint_verify(const CheckpointRun& run, const std::string& name) {
  return with_store(run, false, [&](const cp::Store& store) -> cp::Status {
    cp::VerifyReport report;
    {
      std::optional<cp::Session> session;
      std::uint64_t total = 0;
      if (name.empty()) {
        TRY(const cp::Health health, store.health());
        total = health.checkpoints;
      } else {
        TRY(session, find_session(store, name));
        TRY(const cp::SessionInfo info, session->describe());
        total = info.checkpoints;
      }
      Progress progress("verifying", total);
      const cp::VerifyProgress tell = [&](const cp::VerifyReport& so_far) { progress.update(so_far.checkpoints); };
      TRY(report, session ? session->verify(tell) : store.verify(tell));
    }
    if (run.common.json) {
      print(cp::to_json(report));
    } else {
      print_problems(report.problems);
      std::printf("%llu checkpoint(s), %s of payload, %llu problem(s)\n",
                  static_cast<unsigned long long>(report.checkpoints), show_size(report.bytes).c_str(),
                  static_cast<unsigned long long>(report.problem_count));
    }
    if (report.ok()) return {};
    return fail(Errc::corrupt,
                std::to_string(report.problem_count) + " problem(s); what is sound can still be read and exported");
  });
}

cp::Status checkpoint_health(const CheckpointRun& run) {
  return with_store(run, false, [&](const cp::Store& store) -> cp::Status {
    TRY(const cp::Health health, store.health());
    TRY(const cp::VerifyReport scrub, store.scrub_report());
    if (run.common.json) {
      ordered_json json = cp::to_json(health);
      json["scrub"] = cp::to_json(scrub);
      print(json);
    } else {
      const auto row = [](const char* name, const std::string& value) {
        std::printf("%-15s %s\n", name, value.c_str());
      };
      row("sessions", std::to_string(health.sessions));
      row("checkpoints", std::to_string(health.checkpoints));
      row("payload", show_size(health.payload_bytes));
      row("stored", show_size(health.stored_bytes));
      row("dead", show_size(health.dead_bytes));
      row("damaged", std::to_string(health.damaged) + " place(s), as of opening");
      row("scrubbed", health.scrubs == 0 ? "never since it was opened"
                                         : show_time(health.scrubbed_at) + " UTC, " +
                                               std::to_string(health.scrub_problems) + " problem(s)");
      print_problems(scrub.problems);
    }
    if (health.scrub_problems == 0) return check_whole(store);
    return fail(Errc::corrupt, "the last check in the background found " + std::to_string(health.scrub_problems) +
                                   " problem(s); what is sound can still be read and exported");
  });
}

cp::Status checkpoint_export(const CheckpointRun& run, const CheckpointExport& options) {
  return with_store(run, false, [&](const cp::Store& store) -> cp::Status {
    TRY(const cp::Session session, find_session(store, options.session));
    TRY(const cp::SessionInfo info, session.describe());
    TRY(Output output, Output::open(options.output));
    std::uint64_t lines = 0;
    {
      Progress progress("exporting", options.since == 0 ? info.checkpoints : 0);
      const auto sink = [&](std::string_view line) -> cp::Status {
        progress.update(++lines);
        TRY_STATUS(output.write(line));
        return output.write("\n");
      };
      TRY_STATUS(session.export_to(sink, options.since));
    }
    TRY_STATUS(output.finish());
    if (options.output == "-") return check_whole(store);
    const std::uint64_t exported = lines - 2;  // without the first and the last line
    if (run.common.json) {
      print({{"session", info.name}, {"exported", exported}});
    } else {
      std::printf("exported %llu checkpoint(s) of %s\n", static_cast<unsigned long long>(exported), info.name.c_str());
    }
    return check_whole(store);
  });
}

cp::Status checkpoint_import(const CheckpointRun& run, const std::string& path) {
  TRY(const std::uint64_t payload_max, parse_size(run.place.payload_max));
  TRY(File file, open_input(path));
  std::error_code unknown;
  const std::uintmax_t size = path == "-" ? 0 : std::filesystem::file_size(path, unknown);
  constexpr std::uint64_t kBesidesPayload = 8 << 20;
  Lines lines(std::move(file), payload_max / 3 * 4 + kBesidesPayload);
  return with_store(run, true, [&](const cp::Store& store) -> cp::Status {
    cp::ImportReport report;
    {
      Progress progress("importing", unknown ? 0 : size);
      TRY(report, store.import_from([&] {
        progress.update(lines.bytes_read());
        return lines.next();
      }));
    }
    if (run.common.json) {
      print({{"created", report.created}, {"present", report.present}});
    } else {
      std::printf("imported %llu checkpoint(s); %llu were there already\n",
                  static_cast<unsigned long long>(report.created), static_cast<unsigned long long>(report.present));
    }
    return {};
  });
}

cp::Status checkpoint_rotate_key(const CheckpointRun& run, const std::string& new_key_file) {
  TRY(const std::string key, read_key(new_key_file));
  return with_store(run, false, [&](const cp::Store& store) -> cp::Status {
    TRY_STATUS(store.rotate_key(key));
    if (run.common.json) {
      print({{"rotated", true}});
    } else {
      std::printf("the key of %s opens the store now, the one before does not\n", new_key_file.c_str());
    }
    return {};
  });
}

}  // namespace chronik::cli
