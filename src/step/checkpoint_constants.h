#pragma once
#include "backend/backend.h"
#include "models/checkpoint/checkpoint.h"

namespace rankine {

/// A checkpoint as the source of a session's frozen weights.
class CheckpointConstants : public ConstantSource {
 public:
  explicit CheckpointConstants(const Checkpoint& checkpoint) : checkpoint_(checkpoint) {}
  void read(std::string_view name, const Shape& shape, std::span<float> out) override {
    check(checkpoint_.shape(name) == shape, checkpoint_.path(), ": \"", name, "\" is ",
          as_text(checkpoint_.shape(name)), ", the model needs ", as_text(shape));
    checkpoint_.read_f32(name, out);
  }
  void release(std::string_view name) override { checkpoint_.release(name); }

 private:
  const Checkpoint& checkpoint_;
};

}  // namespace rankine
