#pragma once
#include <cmath>

#include "backend/reference/interpreter.h"
#include "base/rng.h"
#include "graph/ops/ops.h"

/// Standard normal values for every input of a graph; whole numbers below 10 for i32 ones.
inline rankine::Feed random_feed(const rankine::Graph& g, uint64_t seed) {
  rankine::Feed feed;
  uint64_t index = 0;
  for (const rankine::Value x : g.leaves(rankine::input_op)) {
    rankine::HostTensor t(x.shape());
    rankine::Rng rng(seed, 0, index++);
    for (double& value : t.data()) value = x.dtype() == rankine::DType::i32 ? rng.below(10) : rng.normal();
    feed.emplace(x.node().scope(), std::move(t));
  }
  return feed;
}

/// ||a - b|| / ||b||, or ||a - b|| where b is zero.
inline double relative_error(const rankine::HostTensor& a, const rankine::HostTensor& b) {
  double difference = 0, size = 0;
  for (int64_t i = 0; i < b.count(); ++i) {
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    size += b[i] * b[i];
  }
  return std::sqrt(difference) / (size > 0 ? std::sqrt(size) : 1.0);
}
