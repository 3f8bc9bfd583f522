#pragma once
#include <cstddef>

namespace rankine::cpu {

/// A stretch of memory that grows but never moves, so that kernels can hold plain pointers into it. Address space is
/// reserved once and made usable when it is needed, in huge pages where the system has them. Under a limit on address
/// space (ulimit -v), the arena starts at a place with free addresses behind it and maps only what is needed.
class Arena {
 public:
  Arena();
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  std::byte* base() const { return base_; }
  size_t bytes() const { return bytes_; }
  /// Makes at least `bytes` usable and touches the new pages, so that no step pays for them.
  /// Throws Error when the system does not have that much memory.
  void grow(size_t bytes);
  /// The same for one tensor after another: it returns the memory of a much larger tensor before, which would otherwise
  /// add to the peak. Small tensors change nothing. Returns base().
  std::byte* refit(size_t bytes);
  /// Like grow, without touching the new pages.
  void extend(size_t bytes);
  /// Returns the memory behind the first `bytes` to the system.
  void shrink(size_t bytes);
  /// Returns all memory to the system. Pointers stay valid; the memory comes back as zeros when it is touched.
  void release_scratch();
  /// Returns all memory to the system. Pointers into it become invalid.
  void clear() { shrink(0); }

 private:
  /// Changes the usable bytes from usable_ to `usable`, which is more (false: the system refuses) or less.
  bool make_usable(size_t usable);
  void make_unusable(size_t usable);

  void* reserved_ = nullptr;  // null where address space is limited
  std::byte* base_ = nullptr;
  size_t bytes_ = 0;
  size_t usable_ = 0;  // whole huge pages: the system would back a part of one with small pages
};

}  // namespace rankine::cpu
