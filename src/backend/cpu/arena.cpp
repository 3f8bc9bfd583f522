#include "backend/cpu/arena.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace rankine::cpu {
namespace {

constexpr size_t kReserved = size_t{1} << 40;  // address space only; more than any machine's memory
constexpr size_t kPage = 4096;

}  // namespace

Arena::Arena() {
  void* base = mmap(nullptr, kReserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  check(base != MAP_FAILED, "cannot reserve address space: ", std::strerror(errno));
  base_ = static_cast<std::byte*>(base);
}

Arena::~Arena() { munmap(base_, kReserved); }

void Arena::grow(size_t bytes) {
  bytes = (bytes + kPage - 1) / kPage * kPage;
  if (bytes <= bytes_) return;
  check(mprotect(base_, bytes, PROT_READ | PROT_WRITE) == 0, "cannot allocate ", bytes >> 20,
        " MiB: ", std::strerror(errno), "; try a smaller batch or resolution, or --gradient_checkpointing");
  madvise(base_, bytes, MADV_HUGEPAGE);  // activations are walked in long strides: 4 KiB pages miss the TLB
#pragma omp parallel for
  for (size_t at = bytes_; at < bytes; at += kPage) base_[at] = std::byte{0};
  bytes_ = bytes;
}

void Arena::rest() {
  if (bytes_ > 0) madvise(base_, bytes_, MADV_DONTNEED);
}

void Arena::clear() {
  if (bytes_ == 0) return;
  madvise(base_, bytes_, MADV_DONTNEED);
  mprotect(base_, bytes_, PROT_NONE);
  bytes_ = 0;
}

}  // namespace rankine::cpu
