#pragma once
#include <cstddef>

namespace rankine::cpu {

/// A stretch of memory that can grow but never moves, so that kernels may be prepared with plain pointers: address
/// space is reserved once and made usable as it is needed, in huge pages where the system has them.
class Arena {
 public:
  Arena();
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  std::byte* base() const { return base_; }
  size_t bytes() const { return bytes_; }
  /// Usable from now on: at least `bytes`. Touches the new pages, so that no step pays for them.
  /// Throws Error when the system has not that much memory.
  void grow(size_t bytes);
  /// The same for tensor after tensor: what a much larger one needed before is given back, so that it does not stay on
  /// top of what is kept meanwhile. Small tensors change nothing. Gives base().
  std::byte* refit(size_t bytes);
  /// As grow, but the first to write pays for the pages.
  void extend(size_t bytes);
  /// Gives back what lies behind `bytes`.
  void shrink(size_t bytes);
  /// Gives all memory back until it is touched again, as zeros; pointers stay valid.
  void release_scratch();
  /// Gives all memory back; pointers into it become invalid.
  void clear() { shrink(0); }

 private:
  void* reserved_ = nullptr;
  std::byte* base_ = nullptr;
  size_t bytes_ = 0;
  size_t usable_ = 0;  // whole huge pages: one that is usable in part would be made of small ones
};

}  // namespace rankine::cpu
