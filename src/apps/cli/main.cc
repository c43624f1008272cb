// chronik: the command line. Options and help here; what the commands do is in topics.cc, records.cc, groups.cc,
// doctor.cc; chronik checkpoint has its own in checkpoint.cc.
#include <CLI/CLI.hpp>

#include <cstdio>
#include <functional>

#include "apps/cli/checkpoint_commands.h"
#include "apps/cli/commands.h"

namespace chronik::cli {
namespace {

struct Everything {
  Common common;
  TopicCreate create;
  TopicConfig config;
  std::vector<std::string> names;
  Produce produce;
  Consume consume;
  std::string group;
  GroupReset reset;
  Doctor doctor;
  std::function<Status()> chosen;
};

void add_topic(CLI::App& app, Everything& all) {
  CLI::App* topic = app.add_subcommand("topic", "create, list, describe, delete, configure topics");
  topic->require_subcommand(1);
  CLI::App* create = topic->add_subcommand(
      "create", "create a topic: chronik topic create orders --partitions 3 --config retention.ms=86400000");
  create->add_option("name", all.create.name)->required();
  create->add_option("--partitions", all.create.partitions, "default: the broker's num.partitions");
  create->add_option("--config", all.create.configs, "key=value; may be repeated")->allow_extra_args(false);
  create->callback([&] { all.chosen = [&] { return topic_create(all.common, all.create); }; });
  topic->add_subcommand("list", "every topic")->callback([&] { all.chosen = [&] { return topic_list(all.common); }; });
  CLI::App* describe = topic->add_subcommand("describe", "partitions with their offsets; all topics if none is named");
  describe->add_option("name", all.names);
  describe->callback([&] { all.chosen = [&] { return topic_describe(all.common, all.names); }; });
  CLI::App* remove = topic->add_subcommand("delete", "delete topics and their data");
  remove->add_option("name", all.names)->required();
  remove->callback([&] { all.chosen = [&] { return topic_delete(all.common, all.names); }; });
  CLI::App* config =
      topic->add_subcommand("config", "show a topic's configuration, or change it with --set and --unset");
  config->add_option("name", all.config.name)->required();
  config->add_option("--set", all.config.set, "key=value; may be repeated")->allow_extra_args(false);
  config->add_option("--unset", all.config.unset, "key: back to the default; may be repeated")->allow_extra_args(false);
  config->callback([&] { all.chosen = [&] { return topic_config(all.common, all.config); }; });
}

void add_records(CLI::App& app, Everything& all) {
  CLI::App* produce_command =
      app.add_subcommand("produce", "each line of standard input becomes a record, acknowledged once it is on disk");
  produce_command->add_option("topic", all.produce.topic)->required();
  produce_command->add_option("--file", all.produce.file, "read this file instead");
  produce_command->add_option("--key-separator", all.produce.key_separator, "what separates key and value in a line");
  produce_command->add_option("--partition", all.produce.partition, "default: by key, else spread");
  produce_command->add_option("--codec", all.produce.codec)
      ->check(CLI::IsMember({"none", "gzip", "snappy", "lz4", "zstd"}))
      ->capture_default_str();
  produce_command->callback([&] { all.chosen = [&] { return produce(all.common, all.produce); }; });
  CLI::App* consume_command = app.add_subcommand("consume", "print the records of a topic");
  consume_command->add_option("topic", all.consume.topic)->required();
  consume_command->add_option("--from", all.consume.from, "beginning, end, an offset, or @milliseconds since 1970")
      ->capture_default_str();
  consume_command->add_option("--group", all.consume.group, "as a member of this group, from what it has committed");
  consume_command->add_option("--count", all.consume.count, "stop after so many");
  consume_command->add_flag("--exit-at-end", all.consume.exit_at_end, "stop at the end of every partition");
  consume_command->add_option("--format", all.consume.format)
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  consume_command->callback([&] { all.chosen = [&] { return consume(all.common, all.consume); }; });
}

void add_group(CLI::App& app, Everything& all) {
  CLI::App* group = app.add_subcommand("group", "list, describe, reset, delete consumer groups");
  group->require_subcommand(1);
  group->add_subcommand("list", "every group")->callback([&] { all.chosen = [&] { return group_list(all.common); }; });
  CLI::App* describe = group->add_subcommand("describe", "members, committed offsets and lag");
  describe->add_option("group", all.group)->required();
  describe->callback([&] { all.chosen = [&] { return group_describe(all.common, all.group); }; });
  CLI::App* remove = group->add_subcommand("delete", "forget an empty group and its offsets");
  remove->add_option("group", all.group)->required();
  remove->callback([&] { all.chosen = [&] { return group_delete(all.common, all.group); }; });
  CLI::App* reset =
      group->add_subcommand("reset", "move the committed offsets of an inactive group; shows only, unless --execute");
  reset->add_option("group", all.reset.group)->required();
  reset->add_option("--topic", all.reset.topic)->required();
  reset->add_option("--to", all.reset.to, "earliest, latest, an offset, or @milliseconds since 1970")->required();
  reset->add_option("--partition", all.reset.partition, "default: all of the topic");
  reset->add_flag("--execute", all.reset.execute, "really do it");
  reset->callback([&] { all.chosen = [&] { return group_reset(all.common, all.reset); }; });
}

int run(int argc, char** argv) {
  Everything all;
  CLI::App app{"chronik: topics, records and groups of a Kafka-compatible broker; stores of checkpoints"};
  app.fallthrough();
  app.require_subcommand(1);
  app.add_option("--bootstrap", all.common.bootstrap, "broker, HOST:PORT")->capture_default_str();
  app.add_option("--timeout", all.common.timeout_s, "seconds before a command gives up")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_flag("--json", all.common.json, "print JSON instead of tables");
  app.set_version_flag("--version", "chronik 0.1.0");
  add_topic(app, all);
  add_records(app, all);
  add_group(app, all);
  CLI::App* doctor_command = app.add_subcommand("doctor", "check a broker as a client sees it, and say what to do");
  doctor_command->add_option("--admin", all.doctor.admin, "HOST:PORT of the admin face: its health is looked at too");
  doctor_command->add_flag("--write", all.doctor.write, "also write, read and delete a record in a topic of its own");
  doctor_command->callback([&] { all.chosen = [&] { return doctor(all.common, all.doctor); }; });
  add_checkpoint(app, all.common, all.chosen);
  constexpr int kUsage = 2;
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& done) {
    return app.exit(done);
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "chronik: %s\n", error.what());
    return kUsage;
  }
  const Status status = all.chosen();
  if (status) return 0;
  std::fprintf(stderr, "chronik: %s\n", status.error().detail.c_str());
  return 1;
}

}  // namespace
}  // namespace chronik::cli

int main(int argc, char** argv) {
  return chronik::cli::run(argc, argv);
}
