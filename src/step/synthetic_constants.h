#pragma once
#include "backend/backend.h"

namespace rankine {

/// Weights of about the size that trained ones have, made quickly: speed does not depend on them.
class SyntheticConstants : public ConstantSource {
 public:
  void read(std::string_view name, const Shape& shape, std::span<float> out) override;
};

}  // namespace rankine
