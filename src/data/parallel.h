#pragma once
#include <functional>

namespace rankine {

/// Calls `work(i)` for i = 0 ... count - 1 on `threads` threads (0: one per core), in no fixed order. `work` must not
/// throw.
void for_each_in_parallel(int count, int threads, const std::function<void(int)>& work);

}  // namespace rankine
