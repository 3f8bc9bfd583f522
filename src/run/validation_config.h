#pragma once
#include <cstdint>
#include <optional>

namespace rankine {

/// How often held-out pictures are looked at. Fields carry the names of sd-scripts' flags.
struct ValidationConfig {
  std::optional<int64_t> validate_every_n_steps;
  std::optional<int64_t> validate_every_n_epochs;  ///< 1 when unset
  std::optional<int64_t> max_validation_steps;     ///< most batches; unset: all
};

}  // namespace rankine
