#pragma once
#include <algorithm>
#include <cstdint>

namespace rankine::cpu {

/// Elements that one task of an element-wise kernel handles: long enough to hide the call, short enough to balance.
inline constexpr int64_t elements_per_task = 16384;
/// Below this many elements a parallel region costs more than it saves (some 5 us of work on one core).
inline constexpr int64_t parallel_threshold = 32768;

/// The cut of a range. It depends on sizes alone, never on the number of threads, so sums over the pieces, taken in
/// order, are the same for every number of threads.
struct Cut {
  int64_t length = 0;
  int64_t piece = 1;
  int64_t count() const { return (length + piece - 1) / piece; }
  int64_t begin(int64_t i) const { return i * piece; }
  int64_t end(int64_t i) const { return std::min(length, (i + 1) * piece); }
};

/// Rows of `row_length` elements, cut into pieces of about `elements` elements and at least one row.
inline Cut cut_rows(int64_t rows, int64_t row_length, int64_t elements) {
  return {rows, std::max<int64_t>(1, elements / std::max<int64_t>(1, row_length))};
}

/// A range of `length` elements cut into at most `max_pieces`, each a multiple of 64 elements but the last.
inline Cut cut_evenly(int64_t length, int64_t max_pieces) {
  const int64_t piece = (length + max_pieces - 1) / max_pieces;
  return {length, std::max<int64_t>(4096, (piece + 63) / 64 * 64)};
}

/// body(i) for i in [0, count), spread over the threads when `work` (in elements) is worth it: whoever is free takes
/// the next, as cores may not be equally fast. The body must not throw.
template <class Body>
void parallel_tasks(int64_t count, int64_t work, const Body& body) {
#pragma omp parallel for schedule(dynamic) if (count > 1 && work >= parallel_threshold)
  for (int64_t i = 0; i < count; ++i) body(i);
}

/// body(begin, end) over pieces of [0, length) elements.
template <class Body>
void parallel_elements(int64_t length, const Body& body) {
  const Cut cut{length, elements_per_task};
  parallel_tasks(cut.count(), length, [&](int64_t i) { body(cut.begin(i), cut.end(i)); });
}

}  // namespace rankine::cpu
