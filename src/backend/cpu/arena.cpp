#include "backend/cpu/arena.h"

#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "base/error.h"
#include "base/log.h"

namespace rankine::cpu {
namespace {

constexpr size_t kReserved = size_t{1} << 40;  // address space only; more than any machine's memory
constexpr size_t kPage = 4096, kHugePage = size_t{2} << 20;

size_t rounded_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

/// Without a reservation, arenas begin at multiples of kSlot in a part of the address space where the system puts
/// nothing by itself: it fills from below the stack downwards, and puts programs at 0x55... of the 47 bits.
constexpr uintptr_t kFirstSlot = uintptr_t{32} << 40, kSlotsEnd = uintptr_t{80} << 40, kSlot = uintptr_t{256} << 30;

/// Maps exactly there; null where the place is taken or the process may not have more.
void* map_at(uintptr_t address, size_t bytes, int protection) {
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
  void* const wanted = reinterpret_cast<void*>(address);  // NOLINT(performance-no-int-to-ptr)
  void* const mapped = mmap(wanted, bytes, protection, kFlags, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  if (mapped == wanted) return mapped;
  munmap(mapped, bytes);  // a kernel before 4.17 takes the address as a hint
  return nullptr;
}

/// Claims a free slot by the page before it.
std::byte* claim_slot() {
  for (uintptr_t slot = kFirstSlot; slot < kSlotsEnd; slot += kSlot)
    if (void* const page = map_at(slot + kHugePage - kPage, kPage, PROT_NONE))
      return static_cast<std::byte*>(page) + kPage;
  fail("cannot find free address space: ", std::strerror(errno), "; see ulimit -v");
}

}  // namespace

Arena::Arena() {
  reserved_ = mmap(nullptr, kReserved + kHugePage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reserved_ != MAP_FAILED) {
    const auto address = reinterpret_cast<uintptr_t>(reserved_);
    base_ = static_cast<std::byte*>(reserved_) + (rounded_up(address, kHugePage) - address);
    return;
  }
  reserved_ = nullptr;
  static std::atomic_flag logged;
  if (!logged.test_and_set())
    log::info("address space is limited (ulimit -v): memory is mapped as it is needed instead of being reserved");
  base_ = claim_slot();
}

Arena::~Arena() {
  if (reserved_) {
    munmap(reserved_, kReserved + kHugePage);
  } else {
    munmap(base_ - kPage, kPage + usable_);
  }
}

bool Arena::make_usable(size_t usable) {
  if (reserved_) return mprotect(base_, usable, PROT_READ | PROT_WRITE) == 0;
  return map_at(reinterpret_cast<uintptr_t>(base_) + usable_, usable - usable_, PROT_READ | PROT_WRITE) != nullptr;
}

void Arena::make_unusable(size_t usable) {
  if (usable == usable_) return;
  if (reserved_) {
    mprotect(base_ + usable, usable_ - usable, PROT_NONE);
  } else {
    munmap(base_ + usable, usable_ - usable);
  }
}

void Arena::extend(size_t bytes) {
  bytes = rounded_up(bytes, kPage);
  if (bytes > usable_) {
    const size_t usable = rounded_up(bytes, kHugePage);
    const bool there = make_usable(usable);  // before the texts are made: they read errno
    check(there, "cannot allocate ", bytes >> 20, " MiB: ", std::strerror(errno),
          "; try a smaller batch or resolution, or --gradient_checkpointing");
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
  make_unusable(usable);
  bytes_ = bytes;
  usable_ = usable;
}

void Arena::release_scratch() {
  if (bytes_ > 0) madvise(base_, usable_, MADV_DONTNEED);
}

}  // namespace rankine::cpu
