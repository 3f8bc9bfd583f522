#pragma once
#include "backend/backend.h"
#include "base/error.h"

namespace rankine::test {

/// For graphs without frozen weights.
class NoConstants : public ConstantSource {
 public:
  void read(std::string_view name, const Shape&, std::span<float>) override { fail("no constant ", name); }
};

}  // namespace rankine::test
