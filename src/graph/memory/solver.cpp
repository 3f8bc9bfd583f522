#include "graph/memory/solver.h"

#include <algorithm>
#include <cstdint>
#include <numeric>

namespace rankine {
namespace {

size_t peak_of(const std::vector<size_t>& live) {
  return live.empty() ? 0 : *std::max_element(live.begin(), live.end());
}

/// The effect of dropping some values: the nodes that run again, the time that takes, and the bytes alive at each
/// position.
class Recomputation {
 public:
  explicit Recomputation(const MemoryProblem& problem) : problem_(problem), dropped_(problem.values.size()) {
    update();
  }

  bool is_dropped(size_t i) const { return dropped_[i]; }
  void set_dropped(size_t i, bool dropped) {
    dropped_[i] = dropped;
    update();
  }
  double seconds() const { return seconds_; }
  const std::vector<size_t>& live() const { return live_; }

  /// True if value i is in memory at `position` only for the backward pass and may be dropped.
  bool droppable_at(size_t i, int position) const {
    const ValueChoice& v = problem_.values[i];
    return v.saved && v.inner && !dropped_[i] && v.bytes > 0 && v.begin <= position && position < needed_[i];
  }
  /// Time that dropping value i would add to what is dropped already.
  double seconds_more(size_t i) const {
    std::vector<size_t> seen;
    return seconds_of(i, seen);
  }

 private:
  void update() {
    const size_t count = problem_.values.size();
    again_.assign(count, false);
    std::vector<bool> read(count);  // by a node that runs again
    needed_.resize(count);
    for (size_t i = 0; i < count; ++i) needed_[i] = problem_.values[i].end;
    std::vector<int64_t> change(problem_.live.size() + 1);
    seconds_ = 0;
    for (size_t i = count; i-- > 0;) {  // readers stand behind what they read
      const ValueChoice& v = problem_.values[i];
      again_[i] = v.inner && (dropped_[i] || (read[i] && !v.saved));
      const auto bytes = static_cast<int64_t>(v.bytes);
      const auto begin = static_cast<size_t>(v.begin);
      const size_t end = std::min(static_cast<size_t>(needed_[i]), problem_.live.size());
      if (begin < end && dropped_[i] != (!v.saved && !v.inner && read[i])) {  // no longer held, or held from now on
        change[begin] += dropped_[i] ? -bytes : bytes;
        change[end] -= dropped_[i] ? -bytes : bytes;
      }
      if (!again_[i]) continue;
      seconds_ += v.seconds;
      for (const size_t input : v.inputs) {
        read[input] = true;
        needed_[input] = std::min(needed_[input], needed_[i]);
      }
    }
    live_ = problem_.live;
    int64_t sum = 0;
    for (size_t p = 0; p < live_.size(); ++p) {
      sum += change[p];
      live_[p] = static_cast<size_t>(std::max<int64_t>(0, static_cast<int64_t>(live_[p]) + sum));
    }
  }

  double seconds_of(size_t i, std::vector<size_t>& seen) const {
    const ValueChoice& v = problem_.values[i];
    double seconds = v.seconds;
    seen.push_back(i);
    for (const size_t input : v.inputs) {
      const ValueChoice& from = problem_.values[input];
      if (!from.saved && from.inner && !again_[input] && std::ranges::find(seen, input) == seen.end())
        seconds += seconds_of(input, seen);
    }
    return seconds;
  }

  const MemoryProblem& problem_;
  std::vector<bool> dropped_, again_;
  std::vector<int> needed_;  // when the backward pass first reads a value, or runs a node again that does
  std::vector<size_t> live_;
  double seconds_ = 0;
};

/// Smaller forms of weights, the best first: entry k of each list is the sum over the first k.
struct SmallerWeights {
  std::vector<size_t> order;  // of problem.weights
  std::vector<size_t> saved = {0}, working;
  std::vector<double> seconds = {0};

  explicit SmallerWeights(const MemoryProblem& problem) : order(problem.weights.size()), working{problem.working} {
    std::iota(order.begin(), order.end(), size_t{0});
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      const WeightChoice &x = problem.weights[a], &y = problem.weights[b];
      return static_cast<double>(x.saved_bytes) * y.seconds > static_cast<double>(y.saved_bytes) * x.seconds;
    });
    for (const size_t i : order) {
      saved.push_back(saved.back() + problem.weights[i].saved_bytes);
      working.push_back(std::max(working.back(), problem.weights[i].working_bytes));
      seconds.push_back(seconds.back() + problem.weights[i].seconds);
    }
  }

  /// The choice with the first `count` forms taken and no value dropped; activations are left at 0.
  MemoryChoice choice(const MemoryProblem& problem, size_t count) const {
    MemoryChoice choice;
    choice.weights = problem.first_form_bytes - saved[count];
    choice.working = working[count];
    choice.added_seconds = seconds[count];
    for (size_t k = 0; k < count; ++k) {
      const WeightChoice& weight = problem.weights[order[k]];
      choice.weight_forms.insert_or_assign(weight.name, weight.form);  // a weight's smallest form comes last
    }
    return choice;
  }
};

}  // namespace

MemorySolver::MemorySolver(const MemoryProblem& problem) : problem_(problem) {
  Recomputation now(problem);
  curve_.push_back({peak_of(now.live()), 0});
  for (;;) {
    const auto peak = static_cast<int>(std::max_element(now.live().begin(), now.live().end()) - now.live().begin());
    size_t best = problem.values.size();
    double best_bytes = 0, best_seconds = 0;
    for (size_t i = 0; i < problem.values.size(); ++i) {
      if (!now.droppable_at(i, peak)) continue;
      const auto bytes = static_cast<double>(problem.values[i].bytes);
      const double seconds = now.seconds_more(i);
      if (best == problem.values.size() || bytes * best_seconds > best_bytes * seconds) {
        best = i;
        best_bytes = bytes;
        best_seconds = seconds;
      }
    }
    if (best == problem.values.size()) return;
    now.set_dropped(best, true);
    drops_.push_back(best);
    curve_.push_back({peak_of(now.live()), now.seconds()});
  }
}

MemoryChoice MemorySolver::choose(size_t budget_bytes) const {
  budget_bytes = std::min(budget_bytes, SIZE_MAX / 2);  // sums with it stay in range
  const SmallerWeights smaller(problem_);
  size_t drops = curve_.size(), weights = 0;
  double best_seconds = 0;
  for (size_t k = 0; k < curve_.size(); ++k) {
    const size_t held = curve_[k].peak + problem_.first_form_bytes;
    size_t w = 0;
    while (w < smaller.saved.size() && held + smaller.working[w] > budget_bytes + smaller.saved[w]) ++w;
    if (w == smaller.saved.size()) continue;
    const double seconds = curve_[k].seconds + smaller.seconds[w];
    if (drops == curve_.size() || seconds < best_seconds) {
      drops = k;
      weights = w;
      best_seconds = seconds;
    }
  }
  if (drops == curve_.size()) {  // nothing fits: as small as can be
    drops = static_cast<size_t>(std::ranges::min_element(curve_, {}, [](const Point& point) { return point.peak; }) -
                                curve_.begin());
    weights = problem_.weights.size();
  }

  MemoryChoice choice = smaller.choice(problem_, weights);
  // Keep again what later drops made unnecessary, the most expensive first.
  Recomputation final(problem_);
  std::vector<size_t> order(drops_.begin(), drops_.begin() + static_cast<std::ptrdiff_t>(drops));
  for (const size_t i : order) final.set_dropped(i, true);
  const size_t room =
      budget_bytes > choice.weights + choice.working ? budget_bytes - choice.weights - choice.working : 0;
  const size_t most = std::max(room, peak_of(final.live()));
  std::ranges::stable_sort(order, std::greater(), [&](size_t i) { return problem_.values[i].seconds; });
  for (const size_t i : order) {
    final.set_dropped(i, false);
    if (peak_of(final.live()) > most) final.set_dropped(i, true);
  }
  for (const size_t i : order)
    if (final.is_dropped(i)) choice.recomputed.insert(problem_.values[i].value);
  choice.activations = peak_of(final.live());
  choice.added_seconds += final.seconds();
  return choice;
}

MemoryChoice MemorySolver::smallest() const {
  MemoryChoice choice = SmallerWeights(problem_).choice(problem_, problem_.weights.size());
  Recomputation all(problem_);
  for (size_t i = 0; i < problem_.values.size(); ++i) {
    const ValueChoice& value = problem_.values[i];
    if (!value.saved || !value.inner) continue;
    all.set_dropped(i, true);
    choice.recomputed.insert(value.value);
  }
  choice.activations = peak_of(all.live());
  choice.added_seconds += all.seconds();
  return choice;
}

}  // namespace rankine
