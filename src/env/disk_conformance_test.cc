// Every disk back end passes the same tests: io_uring, the thread pool, the simulated disk.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/prng.h"
#include "env/test_rig.h"

namespace chronik::env {
namespace {

class Disks : public testing::TestWithParam<RigKind> {
 protected:
  void SetUp() override {
    rig = make_rig(GetParam());
    if (!rig) GTEST_SKIP() << "this kernel refuses io_uring";
  }

  std::string path(const std::string& name) const { return rig->directory() + "/" + name; }
  Disk& disk() { return rig->env().disk; }

  Result<FilePtr> try_open(const std::string& name, OpenOptions options) {
    return rig->wait<FilePtr>([&](auto done) { disk().open(path(name), options, std::move(done)); });
  }
  FilePtr open(const std::string& name, OpenOptions options = {.create = true}) {
    return try_open(name, options).value();
  }
  Status write(const FilePtr& file, std::uint64_t at, std::vector<Buffer> pieces, Sync sync = Sync::none) {
    return rig->wait<void>([&](auto done) { file->write(at, std::move(pieces), sync, std::move(done)); });
  }
  Status write(const FilePtr& file, std::uint64_t at, std::string_view text, Sync sync = Sync::none) {
    return write(file, at, {Buffer::copy_of(as_bytes(text))}, sync);
  }
  std::string read(const FilePtr& file, std::uint64_t at, std::size_t length) {
    const auto bytes = rig->wait<Buffer>([&](auto done) { file->read(at, length, std::move(done)); });
    return std::string(as_text(bytes.value().span()));
  }
  std::uint64_t size(const FilePtr& file) {
    return rig->wait<std::uint64_t>([&](auto done) { file->size(std::move(done)); }).value();
  }
  template <class Start>
  Status status(Start start) {
    return rig->wait<void>(std::move(start));
  }
  Status make_directory(const std::string& name) {
    return status([&](auto done) { disk().make_directory(path(name), std::move(done)); });
  }
  Status rename(const std::string& from, const std::string& to) {
    return status([&](auto done) { disk().rename(path(from), path(to), std::move(done)); });
  }
  Status remove(const std::string& name) {
    return status([&](auto done) { disk().remove(path(name), std::move(done)); });
  }
  Result<std::map<std::string, DirectoryEntry>> list(const std::string& name) {
    TRY(const auto entries,
        rig->wait<std::vector<DirectoryEntry>>([&](auto done) { disk().list(path(name), std::move(done)); }));
    std::map<std::string, DirectoryEntry> by_name;
    for (const auto& entry : entries) by_name[entry.name] = entry;
    return by_name;
  }

  std::unique_ptr<Rig> rig;
};

TEST_P(Disks, what_is_written_somewhere_is_read_there_and_only_there) {
  const FilePtr file = open("f");
  EXPECT_EQ(file->alignment(), 1U);
  EXPECT_EQ(read(file, 0, 10), "");
  ASSERT_TRUE(write(file, 5000, "second"));
  ASSERT_TRUE(write(file, 3, "first", Sync::data));
  EXPECT_EQ(size(file), 5006U);
  EXPECT_EQ(read(file, 3, 5), "first");
  EXPECT_EQ(read(file, 0, 4), std::string("\0\0\0f", 4));
  EXPECT_EQ(read(file, 4998, 100), std::string("\0\0second", 8));
  EXPECT_EQ(read(file, 5003, 2), "on");
  EXPECT_EQ(read(file, 5006, 1), "");
  EXPECT_EQ(read(file, 1 << 20, 100), "");
  EXPECT_EQ(read(file, 3, 0), "");
}

TEST_P(Disks, many_pieces_are_written_in_order) {
  const FilePtr file = open("f");
  std::vector<Buffer> pieces;
  std::string all;
  for (int i = 0; i < 3000; ++i) {  // more than one system call takes
    const std::string piece(static_cast<std::size_t>(i % 7), static_cast<char>('a' + i % 26));
    pieces.push_back(Buffer::copy_of(as_bytes(piece)));
    all += piece;
  }
  ASSERT_TRUE(write(file, 11, pieces, Sync::data));
  EXPECT_EQ(read(file, 11, all.size() + 5), all);
  ASSERT_TRUE(write(file, 11, std::vector<Buffer>{}, Sync::data));
  ASSERT_TRUE(write(file, 11, std::vector<Buffer>{{}}, Sync::none));
  EXPECT_EQ(size(file), 11 + all.size());
}

TEST_P(Disks, direct_files_say_their_alignment_and_read_anywhere) {
  const FilePtr file = open("f", {.create = true, .direct = true});
  const std::size_t unit = file->alignment();
  if (unit == 1) GTEST_SKIP() << "no direct I/O on the file system of the test directory";
  ASSERT_EQ(unit % 4096, 0U);
  const std::string a(unit, 'a'), b(2 * unit, 'b');
  ASSERT_TRUE(write(file, unit, {aligned(as_bytes(a), unit), aligned(as_bytes(b), unit)}, Sync::data));
  EXPECT_EQ(size(file), 4 * unit);
  EXPECT_EQ(read(file, 2 * unit - 3, 7), "aaabbbb");
  EXPECT_EQ(read(file, unit - 1, 1), std::string(1, '\0'));
  EXPECT_EQ(read(file, 4 * unit - 2, 100), "bb");
  ASSERT_TRUE(status([&](auto done) { file->truncate(3 * unit + 5, std::move(done)); }));
  EXPECT_EQ(read(file, 3 * unit, 2 * unit), "bbbbb");
  EXPECT_EQ(read(file, 3 * unit + 5, 10), "");
  EXPECT_EQ(read(file, 9 * unit, 10), "");
}

TEST_P(Disks, allocate_truncate_and_size) {
  const FilePtr file = open("f");
  ASSERT_TRUE(write(file, 0, "abcdef"));
  ASSERT_TRUE(status([&](auto done) { file->allocate(4096, 100'000, std::move(done)); }));
  EXPECT_EQ(size(file), 104'096U);
  EXPECT_EQ(read(file, 0, 8), std::string("abcdef\0\0", 8));
  EXPECT_EQ(read(file, 104'000, 1000), std::string(96, '\0'));
  ASSERT_TRUE(status([&](auto done) { file->truncate(3, std::move(done)); }));
  ASSERT_TRUE(status([&](auto done) { file->truncate(10, std::move(done)); }));
  EXPECT_EQ(read(file, 0, 100), std::string("abc\0\0\0\0\0\0\0", 10));
  ASSERT_TRUE(status([&](auto done) { file->sync(std::move(done)); }));
}

TEST_P(Disks, open_creates_only_when_asked) {
  EXPECT_EQ(try_open("f", {}).error().code, Errc::not_found);
  EXPECT_EQ(try_open("no/f", {.create = true}).error().code, Errc::not_found);
  ASSERT_TRUE(try_open("f", {.create = true, .exclusive = true}));
  EXPECT_EQ(try_open("f", {.create = true, .exclusive = true}).error().code, Errc::already_exists);
  ASSERT_TRUE(try_open("f", {}));
  const FilePtr file = open("f", {.read_only = true});
  EXPECT_EQ(write(file, 0, "x").error().code, Errc::permission_denied);
  EXPECT_EQ(status([&](auto done) { file->allocate(0, 10, std::move(done)); }).error().code, Errc::permission_denied);
  EXPECT_EQ(status([&](auto done) { file->truncate(0, std::move(done)); }).error().code, Errc::permission_denied);
  EXPECT_EQ(try_open("", {.read_only = true}).error().code, Errc::invalid_argument);
  EXPECT_EQ(try_open("f/g", {.create = true}).error().code, Errc::invalid_argument);
}

TEST_P(Disks, directories_list_rename_and_remove) {
  ASSERT_TRUE(make_directory("d"));
  ASSERT_TRUE(make_directory("d"));
  EXPECT_EQ(make_directory("no/d").error().code, Errc::not_found);
  ASSERT_TRUE(write(open("d/a"), 0, "12345"));
  ASSERT_TRUE(make_directory("d/sub"));
  auto entries = list("d").value();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries.at("a").size, 5U);
  EXPECT_FALSE(entries.at("a").is_directory);
  EXPECT_TRUE(entries.at("sub").is_directory);
  EXPECT_EQ(list("no").error().code, Errc::not_found);
  EXPECT_EQ(list("d/a").error().code, Errc::invalid_argument);
  EXPECT_EQ(make_directory("d/a").error().code, Errc::already_exists);

  ASSERT_TRUE(write(open("d/b"), 0, "old"));
  ASSERT_TRUE(rename("d/a", "d/b"));  // over the old one
  EXPECT_EQ(read(open("d/b", {}), 0, 10), "12345");
  EXPECT_EQ(rename("d/a", "d/c").error().code, Errc::not_found);
  EXPECT_EQ(rename("d", "d/sub/d").error().code, Errc::invalid_argument);
  ASSERT_TRUE(rename("d/sub", "moved"));
  ASSERT_TRUE(status([&](auto done) { disk().sync_directory(path("d"), std::move(done)); }));
  EXPECT_EQ(list("d").value().size(), 1U);

  EXPECT_EQ(remove("d/a").error().code, Errc::not_found);
  EXPECT_FALSE(remove("d"));
  ASSERT_TRUE(remove("d/b"));
  EXPECT_TRUE(list("d").value().empty());
  EXPECT_EQ(status([&](auto done) { disk().sync_directory(path("no"), std::move(done)); }).error().code,
            Errc::not_found);
}

TEST_P(Disks, a_removed_file_stays_readable_while_open) {
  const FilePtr file = open("f");
  ASSERT_TRUE(write(file, 0, "abc"));
  ASSERT_TRUE(remove("f"));
  EXPECT_EQ(read(file, 0, 3), "abc");
  EXPECT_EQ(try_open("f", {}).error().code, Errc::not_found);
}

TEST_P(Disks, remove_tree_takes_all_and_only_that) {
  ASSERT_TRUE(make_directory("keep"));
  ASSERT_TRUE(write(open("keep/f"), 0, "x"));
  ASSERT_TRUE(make_directory("t"));
  ASSERT_TRUE(make_directory("t/u"));
  ASSERT_TRUE(write(open("t/u/f"), 0, "x"));
  if (GetParam() != RigKind::sim) std::filesystem::create_directory_symlink(path("keep"), path("t/link"));
  ASSERT_TRUE(status([&](auto done) { disk().remove_tree(path("t"), std::move(done)); }));
  ASSERT_TRUE(status([&](auto done) { disk().remove_tree(path("t"), std::move(done)); }));
  EXPECT_EQ(list("").value().size(), 1U);
  EXPECT_EQ(list("keep").value().size(), 1U);
}

TEST_P(Disks, a_lock_excludes_until_it_is_dropped) {
  const auto lock = [&] {
    return rig->wait<std::shared_ptr<void>>([&](auto done) { disk().lock(path("lock"), std::move(done)); });
  };
  auto held = lock();
  ASSERT_TRUE(held);
  ASSERT_NE(*held, nullptr);
  EXPECT_EQ(lock().error().code, Errc::in_use);
  held->reset();
  EXPECT_TRUE(lock());
}

TEST_P(Disks, space_is_known) {
  const auto space = rig->wait<Space>([&](auto done) { disk().space(rig->directory(), std::move(done)); });
  ASSERT_TRUE(space);
  EXPECT_GT(space->free, 0U);
  EXPECT_GE(space->total, space->free);
  const auto missing = rig->wait<Space>([&](auto done) { disk().space(path("no"), std::move(done)); });
  EXPECT_EQ(missing.error().code, Errc::not_found);
}

TEST_P(Disks, an_operation_keeps_its_file) {
  std::weak_ptr<File> watch;
  const auto result = rig->wait<void>([&](auto done) {
    disk().open(path("f"), {.create = true}, [&watch, done = std::move(done)](Result<FilePtr> file) mutable {
      watch = *file;
      std::vector<Buffer> pieces{Buffer::copy_of(as_bytes("held"))};
      File& raw = **file;
      raw.write(0, std::move(pieces), Sync::data, std::move(done));
    });
  });
  EXPECT_TRUE(result);
  EXPECT_EQ(read(open("f", {}), 0, 10), "held");
  // The last reference goes where the operation ran, which may be a moment after its callback.
  for (int i = 0; i < 1000 && !watch.expired(); ++i) EXPECT_EQ(read(open("f", {}), 0, 10), "held");
  EXPECT_TRUE(watch.expired());
}

/// Random operations, many at once, against a model. Regions are disjoint while in flight, since concurrent operations
/// have no order.
class Interleaving : public std::enable_shared_from_this<Interleaving> {
 public:
  static constexpr std::size_t kRegionUnits = 4;
  static constexpr std::size_t kRegions = 32;

  Interleaving(FilePtr file, std::uint64_t seed, int operations, Thunk finished)
      : file_(std::move(file)),
        unit_(file_->alignment() == 1 ? 1000 : file_->alignment()),
        prng_(seed),
        left_(operations),
        finished_(std::move(finished)),
        model_(unit_ * kRegionUnits * kRegions, '\0') {}

  void start() {
    file_->allocate(0, model_.size(), [self = shared_from_this()](Status s) {
      self->expect(s.has_value());
      self->more();
    });
  }
  const std::string& model() const { return model_; }
  int failures() const { return failures_; }

 private:
  void expect(bool ok) { failures_ += ok ? 0 : 1; }

  void more() {
    while (left_ > 0 && busy_.size() < 16) {
      const std::size_t region = prng_.below(kRegions);
      if (!busy_.insert(region).second) continue;
      --left_;
      start_one(region);
    }
    if (left_ == 0 && busy_.empty() && finished_) std::exchange(finished_, nullptr)();
  }
  void done(std::size_t region) {
    busy_.erase(region);
    more();
  }

  void start_one(std::size_t region) {
    const std::size_t units = 1 + prng_.below(kRegionUnits);
    const std::size_t begin = (region * kRegionUnits + prng_.below(kRegionUnits - units + 1)) * unit_;
    const std::size_t bytes = units * unit_;
    switch (prng_.below(8)) {
      case 0:
        return file_->sync([self = shared_from_this(), region](Status s) {
          self->expect(s.has_value());
          self->done(region);
        });
      case 1:
      case 2:
      case 3:
        return file_->read(begin + 1, bytes - 1, [self = shared_from_this(), region, begin, bytes](Result<Buffer> r) {
          self->expect(r && as_text(r->span()) == std::string_view(self->model_).substr(begin + 1, bytes - 1));
          self->done(region);
        });
      default:
        return write(region, begin, units);
    }
  }

  void write(std::size_t region, std::size_t begin, std::size_t units) {
    std::vector<Buffer> pieces;
    for (std::size_t i = 0; i < units; ++i) {
      std::string text(unit_, '\0');
      for (char& c : text) c = static_cast<char>(prng_.next());
      model_.replace(begin + i * unit_, unit_, text);
      pieces.push_back(aligned(as_bytes(text), file_->alignment()));
    }
    const Sync sync = prng_.chance(1, 4) ? Sync::data : Sync::none;
    file_->write(begin, std::move(pieces), sync, [self = shared_from_this(), region](Status s) {
      self->expect(s.has_value());
      self->done(region);
    });
  }

  const FilePtr file_;
  const std::size_t unit_;
  Prng prng_;
  int left_;
  Thunk finished_;
  std::string model_;
  std::set<std::size_t> busy_;
  int failures_ = 0;
};

TEST_P(Disks, ten_thousand_interleaved_operations_agree_with_a_model) {
  for (const bool direct : {false, true}) {
    const FilePtr file = open(direct ? "direct" : "buffered", {.create = true, .direct = direct});
    std::shared_ptr<Interleaving> work;
    ASSERT_TRUE(rig->run(0, [&](Thunk finished) {
      work = std::make_shared<Interleaving>(file, 77, 5000, std::move(finished));
      work->start();
    }));
    EXPECT_EQ(work->failures(), 0);
    EXPECT_EQ(read(file, 0, work->model().size() + 1), work->model());
  }
}

TEST_P(Disks, loops_use_the_disk_side_by_side) {
  for (std::size_t loop = 0; loop < 2; ++loop) {
    const auto file = rig->wait_on<FilePtr>(loop, [&](auto done) {
      rig->env(loop).disk.open(path("f" + std::to_string(loop)), {.create = true}, std::move(done));
    });
    const auto written = rig->wait_on<void>(
        loop, [&](auto done) { (*file)->write(0, {Buffer::copy_of(as_bytes("x"))}, Sync::data, std::move(done)); });
    EXPECT_TRUE(written);
  }
}

INSTANTIATE_TEST_SUITE_P(Every, Disks, testing::Values(RigKind::pool, RigKind::ring, RigKind::sim), rig_name);

}  // namespace
}  // namespace chronik::env
