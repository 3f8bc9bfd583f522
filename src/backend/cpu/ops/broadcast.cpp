#include "backend/cpu/ops/broadcast.h"

#include "graph/op.h"

namespace rankine::cpu {

FoldedBroadcast fold_broadcast(const Node& node, const Shape& a, const Shape& b) {
  const int64_t count = count_of(a);
  if (a == b) return {Broadcast::none, {1, 1, count}};
  if (count_of(b) == 1) return {Broadcast::scalar, {1, 1, count}};
  // Where b has a's size: a run of leading axes, a run of trailing axes, or both.
  Shape full(a.size() - b.size(), 1);
  full.insert(full.end(), b.begin(), b.end());
  size_t head = 0, tail = a.size();
  while (head < a.size() && full[head] == a[head]) ++head;
  while (tail > head && full[tail - 1] == a[tail - 1]) --tail;
  const auto product = [&](size_t begin, size_t end) {
    int64_t size = 1;
    for (size_t i = begin; i < end; ++i) size *= a[i];
    return size;
  };
  bool middle_is_one = true;
  for (size_t i = head; i < tail; ++i) middle_is_one = middle_is_one && full[i] == 1;
  check(middle_is_one, node.op().name, " \"", node.scope(), "\": the CPU cannot broadcast ", as_text(b), " to ",
        as_text(a));
  const BroadcastShape shape{product(0, head), product(head, tail), product(tail, a.size())};
  if (head == 0) return {Broadcast::channels, {1, shape.outer * shape.inner, shape.channels}};
  if (shape.channels == 1) return {Broadcast::outer, {shape.outer, 1, shape.inner}};
  return {Broadcast::outer_channels, shape};
}

}  // namespace rankine::cpu
