// What each command does; main.cc gives them their options. All print to standard output and give an error for one line
// on standard error.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/cli/session.h"

namespace chronik::cli {

struct TopicCreate {
  std::string name;
  int partitions = -1;  // the broker's num.partitions
  std::vector<std::string> configs;
};
struct TopicConfig {
  std::string name;
  std::vector<std::string> set;
  std::vector<std::string> unset;
};
Status topic_create(const Common& common, const TopicCreate& options);
Status topic_list(const Common& common);
Status topic_describe(const Common& common, const std::vector<std::string>& names);
Status topic_delete(const Common& common, const std::vector<std::string>& names);
Status topic_config(const Common& common, const TopicConfig& options);

struct Produce {
  std::string topic;
  std::string file;           // empty: standard input
  std::string key_separator;  // empty: no keys
  int partition = -1;         // by key, else spread
  std::string codec = "none";
};
struct Consume {
  std::string topic;
  std::string from = "beginning";  // beginning, end, an offset, @milliseconds
  std::string group;
  long long count = -1;
  bool exit_at_end = false;
  std::string format = "text";  // or json
};
Status produce(const Common& common, const Produce& options);
Status consume(const Common& common, const Consume& options);

struct GroupReset {
  std::string group;
  std::string topic;
  std::string to;  // earliest, latest, an offset, @milliseconds
  int partition = -1;
  bool execute = false;
};
Status group_list(const Common& common);
Status group_describe(const Common& common, const std::string& group);
Status group_delete(const Common& common, const std::string& group);
Status group_reset(const Common& common, const GroupReset& options);

struct Doctor {
  std::string admin;  // HOST:PORT of the admin face; empty: not asked
  bool write = false;
};
Status doctor(const Common& common, const Doctor& options);

/// "key=value" apart; invalid_argument names what is wrong.
Result<std::pair<std::string, std::string>> split_setting(const std::string& text);

}  // namespace chronik::cli
