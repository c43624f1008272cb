// chronik checkpoint create, rewind, fork, tag, annotate, pin, delete: what adds to a session or changes it.
#include "apps/cli/checkpoint_place.h"
#include "apps/cli/units.h"
#include "checkpoint/text.h"

namespace chronik::cli {

using cp::Errc;
using cp::fail;

cp::Status checkpoint_create(const CheckpointRun& run, const CheckpointCreate& options) {
  // What is wrong with the words is said before a store is begun.
  TRY_STATUS(cp::check_name("session name", options.session));
  TRY(const std::uint64_t payload_max, parse_size(run.place.payload_max));
  TRY(const std::string payload, read_payload(options.file, payload_max));
  cp::CreateOptions wanted = options.options;
  auto metadata = cp::canonical_json(wanted.metadata);
  if (!metadata) return fail(metadata.error().code, "--metadata: " + metadata.error().detail);
  wanted.metadata = *std::move(metadata);
  return with_store(run, true, [&](const cp::Store& store) -> cp::Status {
    TRY(const cp::Session session, store.open_session(options.session));
    if (options.expected_parent == "none") {
      wanted.expected_parent = cp::CheckpointId{};
    } else if (!options.expected_parent.empty()) {
      TRY(const cp::Checkpoint parent, find_checkpoint(session, options.expected_parent));
      wanted.expected_parent = parent.id;
    }
    if (!options.branch_from.empty()) {
      TRY(const cp::Checkpoint from, find_checkpoint(session, options.branch_from));
      wanted.branch_from = from.id;
    }
    TRY(const cp::Checkpoint created, session.create(payload, wanted));
    print_changed(run, "created", created);
    return {};
  });
}

cp::Status checkpoint_rewind(const CheckpointRun& run, const CheckpointRewind& options) {
  return with_store(run, false, [&](const cp::Store& store) -> cp::Status {
    TRY(const Found found, find(store, options.target));
    TRY(const cp::Checkpoint created, found.session.rewind(found.checkpoint.id, options.options));
    print_changed(run, "created", created);
    return {};
  });
}

cp::Status checkpoint_fork(const CheckpointRun& run, const Target& target, const std::string& name) {
  return with_store(run, false, [&](const cp::Store& store) -> cp::Status {
    TRY(const Found found, find(store, target));
    TRY(const cp::Session fork, found.session.fork(found.checkpoint.id, name));
    TRY(const cp::SessionInfo info, fork.describe());
    if (run.common.json) {
      print({{"session", info.name}, {"id", cp::to_string(info.id)}, {"forked_from", info.forked_from}});
    } else {
      std::printf("created session %s from sequence %llu of %s\n", name.c_str(),
                  static_cast<unsigned long long>(found.checkpoint.sequence), target.session.c_str());
    }
    return {};
  });
}

cp::Status checkpoint_tag(const CheckpointRun& run, const CheckpointTags& options) {
  if (options.add.empty() && options.remove.empty()) {
    return fail(Errc::invalid_argument, "no tag is named, to add or to --remove");
  }
  return with_store(run, false, [&](const cp::Store& store) -> cp::Status {
    TRY(const Found found, find(store, options.target));
    TRY(const cp::Checkpoint changed, found.session.tag(found.checkpoint.id, options.add, options.remove));
    print_changed(run, "tagged", changed);
    return {};
  });
}

cp::Status checkpoint_annotate(const CheckpointRun& run, const CheckpointAnnotate& options) {
  return with_store(run, false, [&](const cp::Store& store) -> cp::Status {
    TRY(const Found found, find(store, options.target));
    const cp::Level level = cp::parse_level(options.level).value_or(cp::Level::info);  // CLI11 checked it
    TRY(const cp::Checkpoint changed, found.session.annotate(found.checkpoint.id, level, options.text));
    print_changed(run, "annotated", changed);
    return {};
  });
}

cp::Status checkpoint_pin(const CheckpointRun& run, const Target& target, bool pinned) {
  return with_store(run, false, [&](const cp::Store& store) -> cp::Status {
    TRY(const Found found, find(store, target));
    TRY(const cp::Checkpoint changed, found.session.pin(found.checkpoint.id, pinned));
    print_changed(run, pinned ? "pinned" : "unpinned", changed);
    return {};
  });
}

cp::Status checkpoint_delete(const CheckpointRun& run, const Target& target, bool whole_session) {
  if (whole_session == !target.which.empty()) {
    return fail(Errc::invalid_argument, "name one checkpoint to delete, or --session for the session with all of them");
  }
  return with_store(run, false, [&](const cp::Store& store) -> cp::Status {
    if (!whole_session) {
      TRY(const Found found, find(store, target));
      TRY_STATUS(found.session.remove(found.checkpoint.id));
      print_changed(run, "deleted", found.checkpoint);
      return {};
    }
    TRY(const cp::Session session, find_session(store, target.session));
    TRY(const cp::SessionInfo info, session.describe());
    TRY_STATUS(store.delete_session(target.session));
    TRY(const std::uint64_t returned, store.compact());
    if (run.common.json) {
      print({{"deleted", info.name}, {"checkpoints", info.checkpoints}, {"bytes_returned", returned}});
    } else {
      std::printf("deleted session %s with %llu checkpoint(s); %s returned to the file system\n", info.name.c_str(),
                  static_cast<unsigned long long>(info.checkpoints), show_size(returned).c_str());
    }
    return {};
  });
}

}  // namespace chronik::cli
