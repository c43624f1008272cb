#include "sim/disk_image.h"

#include <cerrno>
#include <set>
#include <utility>

namespace chronik::sim {

namespace {

std::vector<std::string> components_of(const std::string& path) {
  std::vector<std::string> parts;
  std::size_t at = 0;
  while (at <= path.size()) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    std::string part = path.substr(at, slash - at);
    at = slash + 1;
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(std::move(part));
    } else if (!parts.empty()) {
      parts.pop_back();
    }
  }
  return parts;
}

/// The same errors as the kernel's.
std::unexpected<Error> refuse(int number, const std::string& path) {
  return fail(error_from_errno(number, path));
}

using Key = std::pair<std::uint64_t, std::string>;

}  // namespace

DiskImage::DiskImage() {
  root_ = make_node(true);
}

DiskImage::~DiskImage() {
  pending_.clear();
  unlink_all(root_);
}

void DiskImage::unlink_all(const NodePtr& node) {
  for (auto* entries : {&node->entries, &node->durable_entries}) {
    const auto taken = std::exchange(*entries, {});
    for (const auto& [name, child] : taken) unlink_all(child);
  }
}

NodePtr DiskImage::make_node(bool directory) {
  return std::make_shared<Node>(++nodes_, directory, used_);
}

Result<DiskImage::Place> DiskImage::locate(const std::string& path) const {
  const auto parts = components_of(path);
  Place place{root_, "", root_};
  for (const std::string& part : parts) {
    if (!place.node) return refuse(ENOENT, path);
    if (!place.node->is_directory) return refuse(ENOTDIR, path);
    const auto found = place.node->entries.find(part);
    NodePtr next = found == place.node->entries.end() ? nullptr : found->second;
    place = Place{place.node, part, std::move(next)};
  }
  return place;
}

Result<NodePtr> DiskImage::find(const std::string& path) const {
  TRY(Place place, locate(path));
  if (!place.node) return refuse(ENOENT, path);
  return place.node;
}

void Node::release_if_unused() {
  if (links == 0 && opens == 0) file.count_in(std::make_shared<std::uint64_t>(0));
}

void DiskImage::change(std::vector<Setting> settings) {
  std::vector<NodePtr> unlinked;
  for (const Setting& s : settings) {
    const auto found = s.directory->entries.find(s.name);
    const NodePtr before = found == s.directory->entries.end() ? nullptr : found->second;
    if (s.node) {
      s.directory->entries[s.name] = s.node;
      ++s.node->links;
    } else {
      s.directory->entries.erase(s.name);
    }
    if (before) unlinked.push_back(before);
  }
  for (const NodePtr& node : unlinked) --node->links;
  for (const NodePtr& node : unlinked) node->release_if_unused();
  pending_.push_back(Change{++changes_, std::move(settings)});
}

Result<NodePtr> DiskImage::open(const std::string& path, const env::OpenOptions& options) {
  TRY(Place place, locate(path));
  if (place.node && options.create && options.exclusive) return refuse(EEXIST, path);
  if (place.node && place.node->is_directory) return refuse(EISDIR, path);
  if (place.node) return place.node;
  if (!options.create) return refuse(ENOENT, path);
  NodePtr node = make_node(false);
  change({{place.parent, place.name, node}});
  return node;
}

Status DiskImage::make_directory(const std::string& path) {
  TRY(Place place, locate(path));
  if (place.node) return place.node->is_directory ? Status{} : Status(refuse(EEXIST, path));
  change({{place.parent, place.name, make_node(true)}});
  return {};
}

Result<std::vector<env::DirectoryEntry>> DiskImage::list(const std::string& path) const {
  TRY(NodePtr node, find(path));
  if (!node->is_directory) return refuse(ENOTDIR, path);
  std::vector<env::DirectoryEntry> entries;
  for (const auto& [name, child] : node->entries) {
    entries.push_back({name, child->is_directory, child->is_directory ? 0 : child->file.size()});
  }
  return entries;
}

Status DiskImage::rename(const std::string& from, const std::string& to) {
  TRY(Place source, locate(from));
  TRY(Place target, locate(to));
  if (!source.node) return refuse(ENOENT, from);
  if (source.name.empty() || target.name.empty()) return refuse(EINVAL, from);
  if (source.node == target.node) return {};
  if (target.node) {
    if (source.node->is_directory && !target.node->is_directory) return refuse(ENOTDIR, to);
    if (!source.node->is_directory && target.node->is_directory) return refuse(EISDIR, to);
    if (target.node->is_directory && !target.node->entries.empty()) return refuse(ENOTEMPTY, to);
  }
  const auto inside = components_of(to);
  const auto outside = components_of(from);
  if (inside.size() > outside.size() && std::equal(outside.begin(), outside.end(), inside.begin())) {
    return refuse(EINVAL, to);
  }
  change({{source.parent, source.name, nullptr}, {target.parent, target.name, source.node}});
  return {};
}

Status DiskImage::remove(const std::string& path) {
  TRY(Place place, locate(path));
  if (!place.node) return refuse(ENOENT, path);
  if (place.node->is_directory) return refuse(EISDIR, path);
  change({{place.parent, place.name, nullptr}});
  return {};
}

void DiskImage::remove_entries(const NodePtr& directory) {
  const auto entries = directory->entries;
  for (const auto& [name, child] : entries) {
    if (child->is_directory) remove_entries(child);
    change({{directory, name, nullptr}});
  }
}

Status DiskImage::remove_tree(const std::string& path) {
  const auto place = locate(path);
  if (!place) return place.error().code == Errc::not_found ? Status{} : Status(fail(place.error()));
  if (!place->node) return {};
  if (place->node->is_directory) remove_entries(place->node);
  if (!place->name.empty()) change({{place->parent, place->name, nullptr}});
  return {};
}

void DiskImage::make_durable(const Change& change) {
  for (const Setting& s : change.settings) {
    if (s.node) {
      s.directory->durable_entries[s.name] = s.node;
    } else {
      s.directory->durable_entries.erase(s.name);
    }
  }
}

Status DiskImage::sync_directory(const std::string& path, std::uint64_t until) {
  TRY(NodePtr directory, find(path));
  if (!directory->is_directory) return refuse(ENOTDIR, path);
  // From the last to the first: a change goes with a later one that touches the same name.
  std::set<Key> needed;
  std::vector<bool> durable(pending_.size(), false);
  for (std::size_t i = pending_.size(); i-- > 0;) {
    const Change& c = pending_[i];
    if (c.sequence > until) continue;
    for (const Setting& s : c.settings) {
      if (s.directory == directory || needed.contains({s.directory->id, s.name})) durable[i] = true;
    }
    if (!durable[i]) continue;
    for (const Setting& s : c.settings) needed.insert({s.directory->id, s.name});
  }
  std::vector<Change> rest;
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    if (durable[i]) {
      make_durable(pending_[i]);
    } else {
      rest.push_back(std::move(pending_[i]));
    }
  }
  pending_ = std::move(rest);
  return {};
}

void DiskImage::crash(Loss loss, Prng& chance) {
  std::set<Key> lost;
  for (const Change& c : pending_) {
    bool survives = loss != Loss::everything;
    if (loss == Loss::by_chance) survives = chance.chance(2, 3);
    for (const Setting& s : c.settings) survives = survives && !lost.contains({s.directory->id, s.name});
    if (survives) {
      make_durable(c);
    } else {
      for (const Setting& s : c.settings) lost.insert({s.directory->id, s.name});
    }
  }
  pending_.clear();
  used_ = std::make_shared<std::uint64_t>(0);
  crash_tree(root_, loss, chance);
}

void DiskImage::crash_tree(const NodePtr& directory, Loss loss, Prng& chance) {
  directory->entries = directory->durable_entries;
  for (const auto& [name, child] : directory->entries) {
    child->locked = false;
    child->links = 1;
    child->opens = 0;
    if (child->is_directory) {
      crash_tree(child, loss, chance);
    } else {
      child->file.crash(loss, chance);
      child->file.count_in(used_);
    }
  }
}

}  // namespace chronik::sim
