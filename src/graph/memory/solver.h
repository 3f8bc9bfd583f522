#pragma once
#include <vector>

#include "graph/memory/memory_choice.h"
#include "graph/memory/problem.h"

namespace rankine {

/// Solves one MemoryProblem for any budget: the rematerialisation problem (Jain et al. 2019, arXiv:1910.02653) with the
/// forms of frozen weights added. It is greedy: it drops the value that saves the most peak bytes per second of
/// recomputation, its dropped inputs included, and ranks smaller weight forms the same way. A budget takes the cheapest
/// mix of both, then restores whatever is no longer needed. Tests compare with all subsets: it is near-optimal.
class MemorySolver {
 public:
  explicit MemorySolver(const MemoryProblem& problem);

  /// The choice of least added time whose activations, weights and working memory fit `budget_bytes`; the smallest
  /// choice when nothing fits.
  MemoryChoice choose(size_t budget_bytes) const;
  /// Everything that can be given up is given up.
  MemoryChoice smallest() const;

 private:
  /// The state with the first values of `drops_` dropped, as many as the point's index.
  struct Point {
    size_t peak = 0;
    double seconds = 0;
  };

  const MemoryProblem& problem_;
  std::vector<size_t> drops_;  // values in the order of dropping: the best first
  std::vector<Point> curve_;
};

}  // namespace rankine
