// chronik checkpoint: options and help.
#include <CLI/CLI.hpp>

#include <functional>
#include <memory>

#include "apps/cli/checkpoint_commands.h"
#include "apps/cli/units.h"

namespace chronik::cli {

namespace {

constexpr const char* kWhich = "an id, a sequence, latest, branch:NAME, tag:NAME or @milliseconds since 1970";

/// The commands under `chronik checkpoint`, and what they share.
struct Commands {
  CLI::App* parent;
  const Common& common;
  std::function<Status()>& chosen;
  std::shared_ptr<Place> place = std::make_shared<Place>();

  CLI::App* add(const char* name, const char* about) const { return parent->add_subcommand(name, about); }

  /// What the command does once its options are known: `body`, its error made one line.
  void does(CLI::App* command, std::function<cp::Status(const CheckpointRun&)> body) const {
    command->callback([this_one = *this, body = std::move(body)] {
      const Place& place = *this_one.place;
      if (!place.directory.empty() + !place.sqlite.empty() + !place.server.empty() != 1) {
        throw CLI::ParseError("name one store: --store DIR, --sqlite FILE or --server URL",
                              CLI::ExitCodes::RequiredError);
      }
      this_one.chosen = [this_one, body]() -> Status {
        const cp::Status status = body({this_one.common, *this_one.place});
        if (status) return {};
        std::string text = one_line(status.error().message(), 1000);
        if (status.error().code == cp::Errc::conflict) text += "; look with chronik checkpoint list, then try again";
        if (status.error().code == cp::Errc::disk_full) text += "; prune or delete, then try again";
        return fail(Errc::invalid_argument, std::move(text));
      };
    });
  }
};

void add_target(CLI::App* command, Target& target) {
  command->add_option("session", target.session)->required();
  command->add_option("checkpoint", target.which, kWhich)->required();
}

void add_create_options(CLI::App* command, cp::CreateOptions& options) {
  command->add_option("--branch", options.branch, "begun if there is none of that name")->capture_default_str();
  command->add_option("--message", options.message, "one line for people");
  command->add_option("--tag", options.tags, "may be repeated")->allow_extra_args(false);
  command->add_option("--metadata", options.metadata, "a JSON object")->capture_default_str();
  command->add_flag("--pin", options.pinned, "no prune removes it");
}

void add_create(const Commands& commands) {
  CLI::App* command =
      commands.add("create", "store what standard input or a file holds; the session and the store begin with it");
  auto all = std::make_shared<CheckpointCreate>();
  command->add_option("session", all->session)->required();
  command->add_option("file", all->file, "the payload; - is standard input")->capture_default_str();
  add_create_options(command, all->options);
  command->add_option("--content-type", all->options.content_type)->capture_default_str();
  command->add_option("--schema-version", all->options.schema_version, "of the payload, for its reader");
  command->add_option("--idempotency-key", all->options.idempotency_key, "a second create with it changes nothing");
  command->add_option("--expected-parent", all->expected_parent,
                      "fail unless this is the newest of the branch; none: unless the branch is new");
  command->add_option("--branch-from", all->branch_from, "where a new branch begins; default: the newest checkpoint");
  commands.does(command, [all](const CheckpointRun& run) { return checkpoint_create(run, *all); });
}

void add_changes(const Commands& commands) {
  auto rewind = std::make_shared<CheckpointRewind>();
  CLI::App* command = commands.add("rewind", "a new checkpoint with the content of an old one; history stays");
  add_target(command, rewind->target);
  add_create_options(command, rewind->options);
  commands.does(command, [rewind](const CheckpointRun& run) { return checkpoint_rewind(run, *rewind); });

  auto fork = std::make_shared<std::pair<Target, std::string>>();
  command = commands.add("fork", "a new session that begins with the content of a checkpoint");
  add_target(command, fork->first);
  command->add_option("name", fork->second, "of the new session")->required();
  commands.does(command, [fork](const CheckpointRun& run) { return checkpoint_fork(run, fork->first, fork->second); });

  auto tag = std::make_shared<CheckpointTags>();
  command = commands.add("tag", "add tags to a checkpoint, or remove some");
  add_target(command, tag->target);
  command->add_option("tag", tag->add, "to add");
  command->add_option("--remove", tag->remove, "may be repeated")->allow_extra_args(false);
  commands.does(command, [tag](const CheckpointRun& run) { return checkpoint_tag(run, *tag); });

  auto annotate = std::make_shared<CheckpointAnnotate>();
  command = commands.add("annotate", "write a remark on a checkpoint");
  add_target(command, annotate->target);
  command->add_option("text", annotate->text)->required();
  command->add_option("--level", annotate->level)
      ->check(CLI::IsMember({"info", "warning", "critical"}))
      ->capture_default_str();
  commands.does(command, [annotate](const CheckpointRun& run) { return checkpoint_annotate(run, *annotate); });

  auto pin = std::make_shared<std::pair<Target, bool>>();
  command = commands.add("pin", "keep a checkpoint from every prune");
  add_target(command, pin->first);
  command->add_flag("--off", pin->second, "no longer");
  commands.does(command, [pin](const CheckpointRun& run) { return checkpoint_pin(run, pin->first, !pin->second); });

  auto remove = std::make_shared<std::pair<Target, bool>>();
  command = commands.add("delete", "delete a checkpoint, or with --session a session");
  command->add_option("session", remove->first.session)->required();
  command->add_option("checkpoint", remove->first.which, kWhich);
  command->add_flag("--session", remove->second, "the session, with all its checkpoints");
  commands.does(command,
                [remove](const CheckpointRun& run) { return checkpoint_delete(run, remove->first, remove->second); });
}

void add_filters(CLI::App* command, CheckpointList& list) {
  command->add_option("--limit", list.limit, "0: all")->capture_default_str();
  command->add_flag("--oldest-first{false}", list.query.newest_first, "in the order they were made");
  command->add_option("--branch", list.query.branch);
  command->add_option("--tag", list.query.tags, "may be repeated: all of them")->allow_extra_args(false);
  command->add_option("--trigger", list.trigger)->check(CLI::IsMember({"manual", "automatic", "scheduled"}));
  command->add_option("--metadata", list.metadata, "key=JSON, such as step=7; may be repeated")
      ->allow_extra_args(false);
  command->add_option("--from", list.from, "made since: 2h ago, or @milliseconds since 1970");
  command->add_option("--until", list.until, "made before");
  command->add_option("--sequence-min", list.query.sequence_min);
  command->add_option("--sequence-max", list.query.sequence_max);
}

void add_looks(const Commands& commands) {
  CLI::App* command = commands.add("sessions", "every session");
  commands.does(command, checkpoint_sessions);

  auto list = std::make_shared<CheckpointList>();
  command = commands.add("list", "checkpoints of a session, newest first, without their payloads");
  command->add_option("session", list->session)->required();
  add_filters(command, *list);
  commands.does(command, [list](const CheckpointRun& run) { return checkpoint_list(run, *list); });

  auto timeline = std::make_shared<CheckpointList>();
  command = commands.add("timeline", "checkpoints of all sessions in the order they were made, newest first");
  add_filters(command, *timeline);
  commands.does(command, [timeline](const CheckpointRun& run) { return checkpoint_timeline(run, *timeline); });

  auto show = std::make_shared<Target>();
  command = commands.add("show", "all of one checkpoint but its payload");
  add_target(command, *show);
  commands.does(command, [show](const CheckpointRun& run) { return checkpoint_show(run, *show); });

  auto diff = std::make_shared<std::pair<Target, std::string>>();
  command = commands.add("diff", "what changed from one payload to another: a JSON patch, or where the bytes differ");
  add_target(command, diff->first);
  command->add_option("second", diff->second, kWhich)->required();
  commands.does(command, [diff](const CheckpointRun& run) { return checkpoint_diff(run, diff->first, diff->second); });

  auto restore = std::make_shared<CheckpointRestore>();
  command = commands.add("restore", "the payload of a checkpoint, verified");
  add_target(command, restore->target);
  command->add_option("--output", restore->output, "this file; - is standard output")->capture_default_str();
  commands.does(command, [restore](const CheckpointRun& run) { return checkpoint_restore(run, *restore); });

  auto watch = std::make_shared<CheckpointWatch>();
  command = commands.add(
      "watch", "events of a session as they come; with --store what there is, for no other process can write to it");
  command->add_option("session", watch->session)->required();
  command->add_option("--from", watch->from, "the first event's number")->capture_default_str();
  command->add_option("--count", watch->count, "stop after so many");
  command->add_flag("--exit-at-end", watch->exit_at_end, "do not wait for more");
  commands.does(command, [watch](const CheckpointRun& run) { return checkpoint_watch(run, *watch); });
}

void add_keeping(const Commands& commands) {
  auto prune = std::make_shared<CheckpointPrune>();
  CLI::App* command =
      commands.add("prune", "delete what no rule keeps, and give the bytes back; pinned checkpoints stay");
  command->footer("Such as: chronik checkpoint prune agent-7 --keep-last 10 --keep-daily 30 --dry-run --store DIR");
  command->add_option("session", prune->session)->required();
  command->add_option("--keep-last", prune->keep_last, "the newest so many");
  command->add_option("--keep-within", prune->keep_within, "those younger than 12h, 30d, ...");
  command->add_option("--keep-hourly", prune->retention.keep_hourly, "the newest of each of so many hours");
  command->add_option("--keep-daily", prune->retention.keep_daily, "of each of so many days, UTC");
  command->add_option("--keep-weekly", prune->retention.keep_weekly, "of each of so many weeks");
  command->add_option("--keep-tagged", prune->retention.keep_tagged, "may be repeated: any of them")
      ->allow_extra_args(false);
  command->add_option("--keep-best", prune->keep_best, "KEY[:COUNT[:lowest]], by a number of the metadata")
      ->allow_extra_args(false);
  command->add_option("--expire-after", prune->expire_after, "older ones go, whatever keeps them");
  command->add_option("--bytes-max", prune->bytes_max, "of payload, such as 2GiB: what is beyond goes, oldest first");
  command->add_flag("--dry-run", prune->dry_run, "only say what would go");
  commands.does(command, [prune](const CheckpointRun& run) { return checkpoint_prune(run, *prune); });

  auto verify = std::make_shared<std::string>();
  command = commands.add("verify", "read everything and check its hashes; one session if it is named");
  command->add_option("session", *verify);
  commands.does(command, [verify](const CheckpointRun& run) { return checkpoint_verify(run, *verify); });

  command =
      commands.add("health", "what is stored, in which condition, and what a server's last check of itself found");
  commands.does(command, checkpoint_health);

  auto out = std::make_shared<CheckpointExport>();
  command = commands.add("export", "a session as JSON Lines, payloads included, for import into any store");
  command->add_option("session", out->session)->required();
  command->add_option("--output", out->output, "this file; - is standard output")->capture_default_str();
  command->add_option("--since", out->since, "only sequences above this one");
  commands.does(command, [out](const CheckpointRun& run) { return checkpoint_export(run, *out); });

  auto in = std::make_shared<std::string>("-");
  command = commands.add("import", "what export wrote: all of it or nothing; twice changes nothing");
  command->add_option("file", *in, "- is standard input")->capture_default_str();
  commands.does(command, [in](const CheckpointRun& run) { return checkpoint_import(run, *in); });

  auto key = std::make_shared<std::string>();
  command =
      commands.add("rotate-key", "from now on another key opens the encrypted store, and the one before does not");
  command->add_option("new-key-file", *key, "64 hexadecimal digits, as openssl rand -hex 32 prints them")->required();
  commands.does(command, [key](const CheckpointRun& run) { return checkpoint_rotate_key(run, *key); });
}

}  // namespace

void add_checkpoint(CLI::App& app, const Common& common, std::function<Status()>& chosen) {
  CLI::App* parent = app.add_subcommand("checkpoint", "save states, list, compare, restore, prune them");
  parent->require_subcommand(1);
  const Commands commands{parent, common, chosen};
  parent->add_option("--store", commands.place->directory, "directory of the store: a log, one process at a time");
  parent->add_option("--sqlite", commands.place->sqlite, "or its SQLite file: several processes");
  parent->add_option("--server", commands.place->server, "or the http://HOST:PORT of a chronik-server's --admin");
  parent->add_option("--key-file", commands.place->key_file,
                     "of an encrypted --store: 64 hexadecimal digits; without it CHRONIK_CHECKPOINT_KEY has them");
  parent->add_option("--payload-max", commands.place->payload_max, "the largest payload taken")->capture_default_str();
  add_create(commands);
  add_looks(commands);
  add_changes(commands);
  add_keeping(commands);
}

}  // namespace chronik::cli
