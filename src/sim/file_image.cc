#include "sim/file_image.h"

#include <algorithm>
#include <utility>

namespace chronik::sim {

namespace {
constexpr std::size_t kVersionsBetweenMax = 4;
constexpr std::array<std::byte, kPageBytes> kZeros{};

std::uint64_t pages_for(std::uint64_t bytes) {
  return (bytes + kPageBytes - 1) / kPageBytes;
}
}  // namespace

ByteSpan FileImage::bytes_of(const PagePtr& page) {
  return page ? ByteSpan(page->bytes) : ByteSpan(kZeros);
}

Buffer FileImage::read(std::uint64_t offset, std::size_t length) const {
  if (offset >= size_) return {};
  length = static_cast<std::size_t>(std::min<std::uint64_t>(length, size_ - offset));
  auto block = Block::allocate(length);
  std::size_t done = 0;
  while (done < length) {
    const std::uint64_t index = (offset + done) / kPageBytes;
    const std::size_t at = (offset + done) % kPageBytes;
    const std::size_t part = std::min(length - done, kPageBytes - at);
    const auto found = pages_.find(index);
    const ByteSpan from = bytes_of(found == pages_.end() ? nullptr : found->second.current.page);
    std::memcpy(block->data() + done, from.data() + at, part);
    done += part;
  }
  const ByteSpan bytes(block->data(), length);
  return {std::move(block), bytes};
}

void FileImage::mark_allocated(std::uint64_t index) {
  if (allocated_.size() <= index) allocated_.resize(index + 1);
  if (allocated_[index]) return;
  allocated_[index] = true;
  ++allocated_count_;
  ++*used_;
}

void FileImage::release_from(std::uint64_t index) {
  for (std::uint64_t i = index; i < allocated_.size(); ++i) {
    if (!allocated_[i]) continue;
    --allocated_count_;
    --*used_;
  }
  if (allocated_.size() > index) allocated_.resize(index);
}

void FileImage::set_page(std::uint64_t index, std::size_t at, ByteSpan bytes) {
  PagePtr page;
  const auto found = pages_.find(index);
  const PagePtr before = found == pages_.end() ? nullptr : found->second.current.page;
  const bool whole = bytes.size() == kPageBytes;
  const bool zeros = std::memcmp(bytes.data(), kZeros.data(), bytes.size()) == 0;
  if (zeros && (whole || !before)) {
    if (found == pages_.end()) return;  // zeros over zeros: nothing a crash could show
  } else {
    page = std::make_shared<Page>();
    if (!whole) std::memcpy(page->bytes.data(), bytes_of(before).data(), kPageBytes);
    std::memcpy(page->bytes.data() + at, bytes.data(), bytes.size());
  }
  State& state = found == pages_.end() ? pages_[index] : found->second;
  if (!dirty_.insert(index).second) {
    if (state.between.size() == kVersionsBetweenMax) state.between.erase(state.between.begin());
    state.between.push_back(std::move(state.current));
  }
  state.current = Version{std::move(page), ++sequence_};
}

std::size_t FileImage::write(std::uint64_t offset, ByteSpan bytes, std::uint64_t pages_max) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const std::uint64_t index = (offset + done) / kPageBytes;
    const std::size_t at = (offset + done) % kPageBytes;
    const std::size_t part = std::min(bytes.size() - done, kPageBytes - at);
    if (!is_allocated(index)) {
      if (*used_ >= pages_max) break;
      mark_allocated(index);
    }
    set_page(index, at, bytes.subspan(done, part));
    done += part;
  }
  if (done > 0) size_ = std::max(size_, offset + done);
  return done;
}

bool FileImage::allocate(std::uint64_t offset, std::uint64_t length, std::uint64_t pages_max) {
  std::uint64_t missing = 0;
  const std::uint64_t end = pages_for(offset + length);
  for (std::uint64_t i = offset / kPageBytes; i < end; ++i) missing += is_allocated(i) ? 0 : 1;
  if (*used_ + missing > pages_max) return false;
  for (std::uint64_t i = offset / kPageBytes; i < end; ++i) mark_allocated(i);
  size_ = std::max(size_, offset + length);
  return true;
}

void FileImage::truncate(std::uint64_t size) {
  if (size < size_) {
    const std::uint64_t first_gone = pages_for(size);
    if (const std::size_t at = size % kPageBytes; at != 0) {
      set_page(size / kPageBytes, at, ByteSpan(kZeros).subspan(at));
    }
    for (auto page = pages_.lower_bound(first_gone); page != pages_.end(); ++page) {
      set_page(page->first, 0, ByteSpan(kZeros));
    }
    release_from(first_gone);
  }
  size_ = size;
}

void FileImage::flip(std::uint64_t offset, std::byte mask) {
  State& state = pages_[offset / kPageBytes];
  if (!state.current.page && !state.durable.page) {
    state.current.page = state.durable.page = std::make_shared<Page>();
    state.current.page->bytes = kZeros;
  }
  std::vector<Page*> pages{state.durable.page.get(), state.current.page.get()};
  for (const Version& version : state.between) pages.push_back(version.page.get());
  std::sort(pages.begin(), pages.end());
  pages.erase(std::unique(pages.begin(), pages.end()), pages.end());
  for (Page* page : pages) {
    if (page != nullptr) page->bytes[offset % kPageBytes] ^= mask;
  }
}

std::shared_ptr<FileImage::Snapshot> FileImage::begin_sync() const {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->size = size_;
  snapshot->pages.reserve(dirty_.size());
  for (const std::uint64_t index : dirty_) snapshot->pages.emplace_back(index, pages_.at(index).current);
  return snapshot;
}

void FileImage::make_durable(State& state, const Version& version) {
  if (version.sequence <= state.durable.sequence) return;  // a later sync was faster
  state.durable = version;
  std::erase_if(state.between, [&](const Version& v) { return v.sequence <= version.sequence; });
}

void FileImage::forget_if_zero(std::uint64_t index) {
  const auto found = pages_.find(index);
  if (found != pages_.end() && !found->second.current.page && !found->second.durable.page) pages_.erase(found);
}

void FileImage::end_sync(const Snapshot& snapshot) {
  for (const auto& [index, version] : snapshot.pages) {
    const auto found = pages_.find(index);
    if (found == pages_.end()) continue;
    make_durable(found->second, version);
    if (found->second.current.sequence != version.sequence) continue;
    dirty_.erase(index);
    forget_if_zero(index);
  }
  durable_size_ = snapshot.size;
}

void FileImage::fail_sync(const Snapshot& snapshot, Prng& chance) {
  for (const auto& [index, version] : snapshot.pages) {
    const auto found = pages_.find(index);
    if (found == pages_.end()) continue;
    if (chance.chance(1, 2)) make_durable(found->second, version);
    if (found->second.current.sequence != version.sequence) continue;
    found->second.between.clear();
    dirty_.erase(index);
    forget_if_zero(index);
  }
  if (chance.chance(1, 2)) durable_size_ = snapshot.size;
}

FileImage::PagePtr FileImage::survivor(const State& state, Loss loss, Prng& chance) const {
  if (loss == Loss::everything) return state.durable.page;
  if (loss == Loss::nothing) return state.current.page;
  const auto any = [&]() -> const PagePtr& {
    const std::uint64_t pick = chance.below(state.between.size() + 2);
    if (pick == 0) return state.durable.page;
    return pick <= state.between.size() ? state.between[pick - 1].page : state.current.page;
  };
  if (chance.chance(3, 4)) return any();
  auto torn = std::make_shared<Page>();
  for (std::size_t at = 0; at < kPageBytes; at += kSectorBytes) {
    std::memcpy(torn->bytes.data() + at, bytes_of(any()).data() + at, kSectorBytes);
  }
  return torn;
}

void FileImage::count_in(std::shared_ptr<std::uint64_t> used) {
  *used_ -= allocated_count_;
  used_ = std::move(used);
  *used_ += allocated_count_;
}

void FileImage::crash(Loss loss, Prng& chance) {
  for (auto& [index, state] : pages_) {
    // A clean page may differ from the disk too: after a failed sync.
    const PagePtr page = dirty_.contains(index) ? survivor(state, loss, chance) : state.durable.page;
    state = State{{page, ++sequence_}, {}, {page, sequence_}};
  }
  dirty_.clear();
  if (loss == Loss::everything) size_ = durable_size_;
  if (loss == Loss::by_chance && chance.chance(2, 3)) {
    const auto [low, high] = std::minmax(size_, durable_size_);
    size_ = chance.chance(1, 2) ? durable_size_ : low + chance.below(high - low + 1);
  }
  cut_tail();
  durable_size_ = size_;
}

void FileImage::cut_tail() {
  const std::uint64_t first_gone = pages_for(size_);
  pages_.erase(pages_.lower_bound(first_gone), pages_.end());
  if (const std::size_t at = size_ % kPageBytes; at != 0) {
    const auto last = pages_.find(size_ / kPageBytes);
    if (last != pages_.end() && last->second.current.page) {
      auto page = std::make_shared<Page>(*last->second.current.page);
      std::memset(page->bytes.data() + at, 0, kPageBytes - at);
      last->second = State{{page, ++sequence_}, {}, {page, sequence_}};
    }
  }
  release_from(first_gone);
  for (auto page = pages_.begin(); page != pages_.end();) {
    page = page->second.current.page ? std::next(page) : pages_.erase(page);
  }
}

}  // namespace chronik::sim
