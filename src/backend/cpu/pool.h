#pragma once
#include "backend/cpu/arena.h"

namespace rankine::cpu {

/// Memory for many blocks that stay: one after the other in huge pages, given back from the end. (A block each from the
/// general allocator comes in 4 KiB pages: with SD 1.5's weights, those took most of the time before the first step.)
class Pool {
 public:
  /// 64-byte aligned, as a cache line and the widest vector. Throws Error when the system has not that much memory.
  std::byte* allocate(size_t bytes) {
    std::byte* const block = arena_.base() + used_;
    used_ += (bytes + 63) / 64 * 64;
    arena_.extend(used_);
    return block;
  }
  size_t used() const { return used_; }
  /// Frees the blocks made since used() was `used`.
  void shrink(size_t used) {
    used_ = used;
    arena_.shrink(used);
  }

 private:
  Arena arena_;
  size_t used_ = 0;
};

}  // namespace rankine::cpu
