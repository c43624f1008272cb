// What a crash leaves on a simulated disk, and the disk's faults.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "sim/sim_env.h"

namespace chronik::sim {
namespace {

constexpr std::size_t kPage = 4096;

class Rig {
 public:
  explicit Rig(std::uint64_t seed) : world(World::create(seed)), machine(world->machine("m")) {}

  template <class T, class Start>
  Result<T> wait(Start start) {
    std::optional<Result<T>> result;
    start([&](Result<T> r) { result = std::move(r); });
    EXPECT_TRUE(world->run_until([&] { return result.has_value(); }, 1s));
    return *result;
  }
  env::Disk& disk() { return machine.env().disk; }
  env::FilePtr open(const std::string& path) {
    return wait<env::FilePtr>([&](auto done) { disk().open(path, {.create = true}, std::move(done)); }).value();
  }
  Status write(const env::FilePtr& file, std::uint64_t at, std::string text, env::Sync sync) {
    return wait<void>([&](auto done) { file->write(at, {Buffer::copy_of(as_bytes(text))}, sync, std::move(done)); });
  }
  Status sync(const env::FilePtr& file) {
    return wait<void>([&](auto done) { file->sync(std::move(done)); });
  }
  Status sync_directory(const std::string& path) {
    return wait<void>([&](auto done) { disk().sync_directory(path, std::move(done)); });
  }
  Status rename(const std::string& from, const std::string& to) {
    return wait<void>([&](auto done) { disk().rename(from, to, std::move(done)); });
  }
  std::string read(const std::string& path) {
    auto file = wait<env::FilePtr>([&](auto done) { disk().open(path, {}, std::move(done)); });
    if (!file) return "(" + std::string(to_string(file.error().code)) + ")";
    const auto bytes = wait<Buffer>([&](auto done) { (*file)->read(0, 1 << 20, std::move(done)); });
    return std::string(as_text(bytes.value().span()));
  }
  std::set<std::string> names() {
    std::set<std::string> found;
    const auto list = wait<std::vector<env::DirectoryEntry>>([&](auto done) { disk().list("", std::move(done)); });
    for (const auto& entry : list.value()) found.insert(entry.name);
    return found;
  }

  std::unique_ptr<World> world;
  Machine& machine;
};

TEST(SimDisk, what_was_synced_survives_every_crash) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Rig rig(seed);
    auto file = rig.open("f");
    ASSERT_TRUE(rig.write(file, 0, std::string(10'000, 'a'), env::Sync::none));
    ASSERT_TRUE(rig.write(file, 10'000, std::string(5'000, 'b'), env::Sync::data));
    ASSERT_TRUE(rig.sync_directory(""));
    ASSERT_TRUE(rig.write(file, 15'000, std::string(9'000, 'c'), env::Sync::none));
    rig.machine.crash();
    const std::string text = rig.read("f");
    ASSERT_GE(text.size(), 15'000U);
    ASSERT_EQ(text.substr(0, 15'000), std::string(10'000, 'a') + std::string(5'000, 'b'));
    for (const char c : text.substr(15'000)) ASSERT_TRUE(c == 'c' || c == '\0');
  }
}

TEST(SimDisk, unsynced_pages_survive_vanish_or_tear) {
  int old_pages = 0, new_pages = 0, torn = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Rig rig(seed);
    auto file = rig.open("f");
    ASSERT_TRUE(rig.write(file, 0, std::string(4 * kPage, 'o'), env::Sync::data));
    ASSERT_TRUE(rig.sync_directory("/"));
    ASSERT_TRUE(rig.write(file, 0, std::string(4 * kPage, 'n'), env::Sync::none));
    rig.machine.crash();
    const std::string text = rig.read("f");
    ASSERT_EQ(text.size(), 4 * kPage);
    for (std::size_t at = 0; at < text.size(); at += kPage) {
      const std::string page = text.substr(at, kPage);
      const auto news = std::count(page.begin(), page.end(), 'n');
      ASSERT_EQ(news % 512, 0);
      ASSERT_EQ(static_cast<std::size_t>(news + std::count(page.begin(), page.end(), 'o')), kPage);
      (news == 0 ? old_pages : news == kPage ? new_pages : torn) += 1;
    }
  }
  EXPECT_GT(old_pages, 50);
  EXPECT_GT(new_pages, 50);
  EXPECT_GT(torn, 20);
}

TEST(SimDisk, a_synced_write_caught_by_the_crash_may_tear) {
  int whole = 0, none = 0, torn = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Rig rig(seed);
    auto file = rig.open("f");
    ASSERT_TRUE(rig.write(file, 0, std::string(8 * kPage, 'o'), env::Sync::data));
    ASSERT_TRUE(rig.sync_directory(""));
    file->write(0, {Buffer::copy_of(as_bytes(std::string(8 * kPage, 'n')))}, env::Sync::data, [](Status) { FAIL(); });
    rig.machine.crash();
    const std::string text = rig.read("f");
    const auto fresh = std::count(text.begin(), text.end(), 'n');
    ASSERT_EQ(fresh + std::count(text.begin(), text.end(), 'o'), static_cast<std::ptrdiff_t>(8 * kPage));
    ++(fresh == 0 ? none : fresh == static_cast<std::ptrdiff_t>(8 * kPage) ? whole : torn);
  }
  EXPECT_GT(none, 30);
  EXPECT_GT(whole, 30);
  EXPECT_GT(torn, 30);
}

TEST(SimDisk, entries_survive_for_sure_only_after_sync_directory) {
  int kept = 0, lost = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Rig rig(seed);
    ASSERT_TRUE(rig.write(rig.open("synced"), 0, "s", env::Sync::data));
    ASSERT_TRUE(rig.sync_directory(""));
    ASSERT_TRUE(rig.write(rig.open("unsynced"), 0, "u", env::Sync::data));
    rig.machine.crash();
    const auto names = rig.names();
    ASSERT_TRUE(names.contains("synced"));
    (names.contains("unsynced") ? kept : lost) += 1;
    if (names.contains("unsynced")) {
      ASSERT_EQ(rig.read("unsynced"), "u");
    }
  }
  EXPECT_GT(kept, 10);
  EXPECT_GT(lost, 10);
}

TEST(SimDisk, a_rename_is_all_or_nothing) {
  std::map<std::string, int> seen;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Rig rig(seed);
    ASSERT_TRUE(rig.write(rig.open("f"), 0, "old", env::Sync::data));
    ASSERT_TRUE(rig.sync_directory(""));
    ASSERT_TRUE(rig.write(rig.open("t"), 0, "new", env::Sync::data));
    ASSERT_TRUE(rig.rename("t", "f"));
    const bool synced = seed % 4 == 0;
    if (synced) {
      ASSERT_TRUE(rig.sync_directory(""));
    }
    rig.machine.crash();
    const std::string state = rig.read("f") + "/" + rig.read("t");
    if (synced) {
      ASSERT_EQ(state, "new/(not found)");
    }
    seen[state] += 1;
  }
  EXPECT_EQ(seen.size(), 3U);  // before, with the temporary file or without, and after
  EXPECT_GT(seen["old/(not found)"], 0);
  EXPECT_GT(seen["old/new"], 0);
  EXPECT_GT(seen["new/(not found)"], 0);
}

TEST(SimDisk, a_failed_sync_leaves_pages_that_no_later_sync_writes) {
  int lost = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Rig rig(seed);
    auto file = rig.open("f");
    ASSERT_TRUE(rig.write(file, 0, "old", env::Sync::data));
    ASSERT_TRUE(rig.sync_directory(""));
    rig.machine.disk_faults().fail_syncs = true;
    ASSERT_EQ(rig.write(file, 0, "new", env::Sync::data).error().code, Errc::storage_failed);
    ASSERT_EQ(rig.read("f"), "new");
    rig.machine.disk_faults().fail_syncs = false;
    ASSERT_TRUE(rig.sync(file));
    rig.machine.crash();
    lost += rig.read("f") == "old" ? 1 : 0;
  }
  EXPECT_GT(lost, 10);
  EXPECT_LT(lost, 40);
}

TEST(SimDisk, a_stall_holds_operations_and_clearing_it_completes_them) {
  Rig rig(1);
  auto file = rig.open("f");
  rig.machine.disk_faults().stalled = true;
  std::optional<Status> written;
  file->write(0, {Buffer::copy_of(as_bytes("late"))}, env::Sync::data, [&](Status s) { written = s; });
  rig.world->run_for(60s);
  EXPECT_FALSE(written.has_value());
  rig.machine.disk_faults().stalled = false;
  rig.machine.disk_faults_changed();
  EXPECT_TRUE(rig.world->run_until([&] { return written.has_value(); }, 10ms));
  EXPECT_TRUE(written->has_value());
  EXPECT_EQ(rig.read("f"), "late");
}

TEST(SimDisk, a_full_disk_refuses_by_name_and_recovers) {
  Rig rig(1);
  rig.machine.disk_faults().capacity = 4 * kPage;
  auto file = rig.open("f");
  EXPECT_EQ(rig.write(file, 0, std::string(5 * kPage, 'x'), env::Sync::none).error().code, Errc::disk_full);
  const auto allocated = rig.wait<void>([&](auto done) { file->allocate(0, 5 * kPage, std::move(done)); });
  EXPECT_EQ(allocated.error().code, Errc::disk_full);
  ASSERT_TRUE(rig.wait<void>([&](auto done) { rig.disk().remove("f", std::move(done)); }));
  file.reset();
  auto other = rig.open("g");
  EXPECT_TRUE(rig.write(other, 0, std::string(4 * kPage, 'x'), env::Sync::data));
  const auto space = rig.wait<env::Space>([&](auto done) { rig.disk().space("", std::move(done)); });
  EXPECT_EQ(space->free, 0U);
}

TEST(SimDisk, errors_and_flips_as_ordered) {
  Rig rig(1);
  auto file = rig.open("f");
  ASSERT_TRUE(rig.write(file, 0, "abc", env::Sync::data));
  ASSERT_TRUE(rig.sync_directory(""));
  ASSERT_TRUE(rig.machine.flip("f", 1, 1));
  EXPECT_EQ(rig.read("f"), "acc");
  EXPECT_EQ(rig.machine.flip("f", 3, 1).error().code, Errc::out_of_range);
  rig.machine.disk_faults().fail_writes = true;
  EXPECT_EQ(rig.write(file, 0, "x", env::Sync::none).error().code, Errc::storage_failed);
  rig.machine.disk_faults().fail_reads = true;
  const auto read = rig.wait<Buffer>([&](auto done) { file->read(0, 3, std::move(done)); });
  EXPECT_EQ(read.error().code, Errc::storage_failed);
}

TEST(SimDisk, old_files_and_locks_of_a_dead_process_change_nothing) {
  Rig rig(1);
  auto file = rig.open("f");
  auto lock = rig.wait<std::shared_ptr<void>>([&](auto done) { rig.disk().lock("lock", std::move(done)); });
  ASSERT_TRUE(lock.has_value());
  rig.machine.crash();
  file->write(0, {Buffer::copy_of(as_bytes("ghost"))}, env::Sync::data, [](Status) { FAIL(); });
  auto again = rig.wait<std::shared_ptr<void>>([&](auto done) { rig.disk().lock("lock", std::move(done)); });
  ASSERT_TRUE(again.has_value());
  lock->reset();
  const auto third = rig.wait<std::shared_ptr<void>>([&](auto done) { rig.disk().lock("lock", std::move(done)); });
  EXPECT_EQ(third.error().code, Errc::in_use);
  EXPECT_NE(rig.read("f"), "ghost");
  rig.world.reset();  // files may outlive the world
}

}  // namespace
}  // namespace chronik::sim
