// An Env around another whose disk counts syncs, and whose next synced write can be made to run out of space in spite
// of all reservations, as copy-on-write file systems do.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "env/env.h"

namespace chronik::meta {

enum class NextWrite : std::uint8_t {
  good,
  half_and_full,   // half of it lands, and disk_full is reported
  whole_and_full,  // all of it lands durably, and disk_full is reported
};

class WrappedEnv {
 public:
  explicit WrappedEnv(env::Env& inner)
      : disk_(*this, inner.disk), env{inner.loop, disk_, inner.network, inner.entropy} {}

 private:
  class WrappedFile final : public env::File {
   public:
    WrappedFile(WrappedEnv& owner, env::FilePtr inner) : owner_(owner), inner_(std::move(inner)) {}
    void read(std::uint64_t offset, std::size_t length, env::Callback<Buffer> done) override {
      inner_->read(offset, length, std::move(done));
    }
    void write(std::uint64_t offset, std::vector<Buffer> pieces, env::Sync sync, env::Callback<void> done) override {
      if (sync == env::Sync::data) ++owner_.syncs;
      const NextWrite how =
          sync == env::Sync::data ? std::exchange(owner_.next_write, NextWrite::good) : NextWrite::good;
      if (how == NextWrite::good) return inner_->write(offset, std::move(pieces), sync, std::move(done));
      if (how == NextWrite::half_and_full) pieces[0] = pieces[0].slice(0, pieces[0].size() / 2);
      inner_->write(offset, std::move(pieces), sync,
                    [done = std::move(done)](Result<void>) mutable { done(fail(Errc::disk_full, "injected")); });
    }
    void sync(env::Callback<void> done) override {
      ++owner_.syncs;
      inner_->sync(std::move(done));
    }
    void allocate(std::uint64_t offset, std::uint64_t length, env::Callback<void> done) override {
      inner_->allocate(offset, length, std::move(done));
    }
    void truncate(std::uint64_t size, env::Callback<void> done) override { inner_->truncate(size, std::move(done)); }
    void size(env::Callback<std::uint64_t> done) override { inner_->size(std::move(done)); }
    std::size_t alignment() const override { return inner_->alignment(); }

   private:
    WrappedEnv& owner_;
    env::FilePtr inner_;
  };

  class WrappedDisk final : public env::Disk {
   public:
    WrappedDisk(WrappedEnv& owner, env::Disk& inner) : owner_(owner), inner_(inner) {}
    void open(std::string path, env::OpenOptions options, env::Callback<env::FilePtr> done) override {
      inner_.open(std::move(path), options,
                  [&owner = owner_, done = std::move(done)](Result<env::FilePtr> file) mutable {
                    if (file) *file = std::make_shared<WrappedFile>(owner, *file);
                    done(std::move(file));
                  });
    }
    void make_directory(std::string path, env::Callback<void> done) override {
      inner_.make_directory(std::move(path), std::move(done));
    }
    void list(std::string path, env::Callback<std::vector<env::DirectoryEntry>> done) override {
      inner_.list(std::move(path), std::move(done));
    }
    void rename(std::string from, std::string to, env::Callback<void> done) override {
      inner_.rename(std::move(from), std::move(to), std::move(done));
    }
    void remove(std::string path, env::Callback<void> done) override {
      inner_.remove(std::move(path), std::move(done));
    }
    void remove_tree(std::string path, env::Callback<void> done) override {
      inner_.remove_tree(std::move(path), std::move(done));
    }
    void sync_directory(std::string path, env::Callback<void> done) override {
      ++owner_.syncs;
      inner_.sync_directory(std::move(path), std::move(done));
    }
    void space(std::string path, env::Callback<env::Space> done) override {
      inner_.space(std::move(path), std::move(done));
    }
    void lock(std::string path, env::Callback<std::shared_ptr<void>> done) override {
      inner_.lock(std::move(path), std::move(done));
    }

   private:
    WrappedEnv& owner_;
    env::Disk& inner_;
  };

  WrappedDisk disk_;

 public:
  env::Env env;
  int syncs = 0;
  NextWrite next_write = NextWrite::good;  // of those that are synced
};

}  // namespace chronik::meta
