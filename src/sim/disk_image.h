// The tree of one simulated disk: what the file system shows and which entries a power cut keeps. Entry changes that
// were not synced form chains by the names they touch; of each chain a prefix survives, so a rename is all or nothing,
// while changes of unrelated names are lost independently. Paths are taken from one root: "a/b" is "/a/b".
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/prng.h"
#include "base/result.h"
#include "env/env.h"
#include "sim/file_image.h"

namespace chronik::sim {

struct Node;
using NodePtr = std::shared_ptr<Node>;

/// A file or a directory, whatever its names.
struct Node {
  Node(std::uint64_t number, bool directory, std::shared_ptr<std::uint64_t> used)
      : id(number), is_directory(directory), file(std::move(used)) {}

  const std::uint64_t id;
  const bool is_directory;
  bool locked = false;
  int links = 0;  // entries that show it
  int opens = 0;  // files of the living process
  FileImage file;
  std::map<std::string, NodePtr> entries;
  std::map<std::string, NodePtr> durable_entries;

  /// Without name and user it takes no space; a crash may bring it back if its removal was not durable.
  void release_if_unused();
};

class DiskImage {
 public:
  DiskImage();
  ~DiskImage();

  Result<NodePtr> open(const std::string& path, const env::OpenOptions& options);
  Result<NodePtr> find(const std::string& path) const;
  Status make_directory(const std::string& path);
  Result<std::vector<env::DirectoryEntry>> list(const std::string& path) const;
  Status rename(const std::string& from, const std::string& to);
  Status remove(const std::string& path);
  Status remove_tree(const std::string& path);

  /// How many entry changes there were so far; those a sync that starts now makes durable.
  std::uint64_t changes() const { return changes_; }
  /// Makes the changes of this directory's entries up to `until` durable, with what they build on.
  Status sync_directory(const std::string& path, std::uint64_t until);

  std::uint64_t pages_used() const { return *used_; }
  void crash(Loss loss, Prng& chance);

 private:
  struct Place {
    NodePtr parent;
    std::string name;
    NodePtr node;  // null: no such entry
  };
  /// One entry set to a node, or to nothing.
  struct Setting {
    NodePtr directory;
    std::string name;
    NodePtr node;
  };
  /// Settings that become durable together.
  struct Change {
    std::uint64_t sequence = 0;
    std::vector<Setting> settings;
  };

  Result<Place> locate(const std::string& path) const;
  NodePtr make_node(bool directory);
  void change(std::vector<Setting> settings);
  void remove_entries(const NodePtr& directory);
  static void make_durable(const Change& change);
  static void unlink_all(const NodePtr& node);
  void crash_tree(const NodePtr& directory, Loss loss, Prng& chance);

  std::shared_ptr<std::uint64_t> used_ = std::make_shared<std::uint64_t>(0);
  std::uint64_t nodes_ = 0;
  std::uint64_t changes_ = 0;
  NodePtr root_;
  std::vector<Change> pending_;
};

}  // namespace chronik::sim
