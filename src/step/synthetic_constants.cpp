#include "step/synthetic_constants.h"

#include <cmath>

namespace rankine {

void SyntheticConstants::read(std::string_view /*name*/, const Shape& shape, std::span<float> out) {
  const float size =
      shape.size() < 2 ? 0.02f : std::sqrt(3.0f * static_cast<float>(shape[0]) / static_cast<float>(count_of(shape)));
#pragma omp parallel for
  for (size_t i = 0; i < out.size(); ++i) {
    const uint32_t hash = static_cast<uint32_t>(i) * 2654435761u;
    out[i] = size * (static_cast<float>((hash ^ (hash >> 15)) & 0xffffu) / 32768.0f - 1.0f) +
             (shape.size() == 1 ? 1.0f : 0.0f);
  }
}

}  // namespace rankine
