// An Env whose disk counts what is synced; everything else passes through.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "env/env.h"

namespace chronik::meta {

class CountingEnv {
 public:
  explicit CountingEnv(env::Env& inner)
      : disk_(*this, inner.disk), env{inner.loop, disk_, inner.network, inner.entropy} {}

 private:
  class CountingFile final : public env::File {
   public:
    CountingFile(CountingEnv& owner, env::FilePtr inner) : owner_(owner), inner_(std::move(inner)) {}
    void read(std::uint64_t offset, std::size_t length, env::Callback<Buffer> done) override {
      inner_->read(offset, length, std::move(done));
    }
    void write(std::uint64_t offset, std::vector<Buffer> pieces, env::Sync sync, env::Callback<void> done) override {
      if (sync == env::Sync::data) ++owner_.syncs;
      inner_->write(offset, std::move(pieces), sync, std::move(done));
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
    CountingEnv& owner_;
    env::FilePtr inner_;
  };

  class CountingDisk final : public env::Disk {
   public:
    CountingDisk(CountingEnv& owner, env::Disk& inner) : owner_(owner), inner_(inner) {}
    void open(std::string path, env::OpenOptions options, env::Callback<env::FilePtr> done) override {
      inner_.open(std::move(path), options,
                  [&owner = owner_, done = std::move(done)](Result<env::FilePtr> file) mutable {
                    if (file) *file = std::make_shared<CountingFile>(owner, *file);
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
    CountingEnv& owner_;
    env::Disk& inner_;
  };

  CountingDisk disk_;

 public:
  env::Env env;
  int syncs = 0;
};

}  // namespace chronik::meta
