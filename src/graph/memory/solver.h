#pragma once
#include <set>
#include <string>
#include <vector>

#include "graph/memory/problem.h"

namespace rankine {

/// One way to live with less.
struct MemoryChoice {
  std::set<std::string, std::less<>> recomputed;     ///< values
  std::set<std::string, std::less<>> kept_direct;    ///< weights that are not transformed for Winograd
  std::set<std::string, std::less<>> kept_plain;     ///< weights
  size_t activations = 0, weights = 0, working = 0;  ///< bytes that are left
  double added_seconds = 0;                          ///< a step
  size_t bytes() const { return activations + weights + working; }
};

/// Solves one MemoryProblem for any budget: the rematerialisation problem (Jain et al. 2019, arXiv:1910.02653) with the
/// forms of frozen weights added. Values are dropped one after the other, each time the one that takes most bytes off
/// the peak for a second of computing it, and what it needs in its turn, again; weights likewise. A budget takes from
/// both what adds least time, and gives back what turns out to be needless. Near-optimal: tests compare with all
/// subsets.
class MemorySolver {
 public:
  explicit MemorySolver(const MemoryProblem& problem);

  /// The choice of least added time whose activations, weights and working memory fit `budget_bytes`; the smallest
  /// there is when nothing fits.
  MemoryChoice choose(size_t budget_bytes) const;
  /// Everything that can be given up.
  MemoryChoice smallest() const;

 private:
  /// With the first so many of `drops_` dropped.
  struct Point {
    size_t peak = 0;
    double seconds = 0;
  };

  const MemoryProblem& problem_;
  std::vector<size_t> drops_;  // values, in the order in which they are worth dropping
  std::vector<Point> curve_;
};

}  // namespace rankine
