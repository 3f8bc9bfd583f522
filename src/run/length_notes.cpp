#include "run/length_notes.h"

#include <optional>
#include <string_view>

#include "base/error.h"

namespace rankine {
namespace {

using C = const TrainConfig&;

/// A setting that acts after each N steps or epochs.
struct Interval {
  std::string_view flag;
  std::optional<int64_t> (*every)(C config);
  bool epochs;
  std::string_view outcome;  ///< where N is more than the run has
};

constexpr Interval intervals[] = {
    {"--save_every_n_epochs",
     [](C c) { return c.save.save_n_epoch_ratio.value_or(0) > 0 ? std::nullopt : c.save.save_every_n_epochs; }, true,
     "only the end is saved"},
    {"--save_every_n_steps", [](C c) { return c.save.save_every_n_steps; }, false, "only the end is saved"},
    {"--sample_every_n_epochs", [](C c) { return c.preview.sample_every_n_epochs; }, true,
     "no pictures are made by it"},
    {"--sample_every_n_steps",
     [](C c) {
       return c.preview.sample_every_n_epochs.value_or(0) > 0 ? std::nullopt : c.preview.sample_every_n_steps;
     },
     false, "no pictures are made by it"},
};

}  // namespace

std::vector<std::string> length_notes(const TrainConfig& config, const RunLength& length) {
  std::vector<std::string> notes;
  for (const Interval& interval : intervals) {
    const int64_t every = interval.every(config).value_or(0), has = interval.epochs ? length.epochs : length.steps;
    if (every > has)
      notes.push_back(concat_text(interval.flag, " ", every, ": the run has ", has,
                                  interval.epochs ? " epochs" : " steps", ", so ", interval.outcome));
  }
  return notes;
}

}  // namespace rankine
