#include "step/fp8_constants.h"

#include <cmath>

#include "io/convert.h"

namespace rankine {

void Fp8Constants::read(std::string_view name, const Shape& shape, std::span<float> out) {
  base_.read(name, shape, out);
  if (!is_rounded(name)) return;
  bool fits = true;
  const auto count = static_cast<int64_t>(out.size());
#pragma omp parallel for reduction(&& : fits)
  for (int64_t i = 0; i < count; ++i) {
    float& value = out[static_cast<size_t>(i)];
    const bool was_nan = std::isnan(value);
    value = f32_from_f8_e4m3(f8_e4m3_from_f32(value));
    fits = fits && (was_nan || !std::isnan(value));
  }
  check(fits, "--fp8_base: \"", name, "\" has a value that is larger than float8_e4m3fn's 448; train without it");
}

}  // namespace rankine
