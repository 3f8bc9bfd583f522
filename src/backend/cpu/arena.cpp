#include "backend/cpu/arena.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "base/error.h"

namespace rankine::cpu {
namespace {

constexpr size_t kReserved = size_t{1} << 40;  // address space only; more than any machine's memory
constexpr size_t kPage = 4096, kHugePage = size_t{2} << 20;

size_t rounded_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

}  // namespace

Arena::Arena() {
  reserved_ = mmap(nullptr, kReserved + kHugePage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  check(reserved_ != MAP_FAILED, "cannot reserve address space: ", std::strerror(errno));
  const auto address = reinterpret_cast<uintptr_t>(reserved_);
  base_ = static_cast<std::byte*>(reserved_) + (rounded_up(address, kHugePage) - address);
}

Arena::~Arena() { munmap(reserved_, kReserved + kHugePage); }

void Arena::extend(size_t bytes) {
  bytes = rounded_up(bytes, kPage);
  if (bytes > usable_) {
    const size_t usable = rounded_up(bytes, kHugePage);
    check(mprotect(base_, usable, PROT_READ | PROT_WRITE) == 0, "cannot allocate ", bytes >> 20,
          " MiB: ", std::strerror(errno), "; try a smaller batch or resolution, or --gradient_checkpointing");
    // Activations are walked in long strides: 4 KiB pages miss the TLB. And a huge page comes five times as fast.
    madvise(base_, usable, MADV_HUGEPAGE);
    usable_ = usable;
  }
  if (bytes > bytes_) bytes_ = bytes;
}

void Arena::grow(size_t bytes) {
  const size_t begin = bytes_;
  extend(bytes);
#pragma omp parallel for
  for (size_t at = begin; at < bytes_; at += kPage) base_[at] = std::byte{0};
}

std::byte* Arena::refit(size_t bytes) {
  constexpr size_t kSmall = size_t{1} << 20;
  if (bytes >= kSmall && bytes_ > 4 * bytes) shrink(bytes);
  grow(bytes);
  return base_;
}

void Arena::shrink(size_t bytes) {
  bytes = rounded_up(bytes, kPage);
  if (bytes >= bytes_) return;
  madvise(base_ + bytes, usable_ - bytes, MADV_DONTNEED);
  const size_t usable = rounded_up(bytes, kHugePage);
  mprotect(base_ + usable, usable_ - usable, PROT_NONE);
  bytes_ = bytes;
  usable_ = usable;
}

void Arena::release_scratch() {
  if (bytes_ > 0) madvise(base_, usable_, MADV_DONTNEED);
}

}  // namespace rankine::cpu
