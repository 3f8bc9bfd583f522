#pragma once
#include "backend/cpu/arena.h"

namespace rankine::cpu {

/// Memory for many lasting blocks, one after the other in huge pages, freed from the end. (Blocks from the general
/// allocator have 4 KiB pages; with SD 1.5's weights, those took most of the time before the first step.)
class Pool {
 public:
  /// A block with the alignment of a cache line, 64 bytes. Throws Error when the system does not have that much memory.
  std::byte* allocate(size_t bytes) {
    std::byte* const block = arena_.base() + used_;
    used_ += (bytes + 63) / 64 * 64;
    arena_.extend(used_);
    return block;
  }
  size_t used() const { return used_; }
  /// Frees the blocks that were allocated since used() was `used`.
  void shrink(size_t used) {
    used_ = used;
    arena_.shrink(used);
  }

 private:
  Arena arena_;
  size_t used_ = 0;
};

}  // namespace rankine::cpu
