#pragma once
#include <cstddef>

namespace rankine::test {

/// The build with sanitizers looks for faults of memory and takes several times as long: where a test goes through many
/// cases of one kind, it takes some of them. The release build takes all.
#ifdef __SANITIZE_ADDRESS__
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

/// True for the cases to take: each, or with sanitizers every `every`-th.
constexpr bool is_taken(size_t index, size_t every) { return !kSanitized || index % every == 0; }

}  // namespace rankine::test
