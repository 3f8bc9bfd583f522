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
  std::optional<StoredTensor> stored(std::string_view name) override {
    const StoredTensor tensor{checkpoint_.bytes(name).data(), checkpoint_.dtype(name)};
    const bool readable = tensor.dtype == DType::f32 || tensor.dtype == DType::f16 || tensor.dtype == DType::bf16;
    const bool aligned = readable && reinterpret_cast<uintptr_t>(tensor.data) % size_of(tensor.dtype) == 0;
    return aligned ? std::optional(tensor) : std::nullopt;
  }
  void release(std::string_view name) override { checkpoint_.release(name); }

 private:
  const Checkpoint& checkpoint_;
};

}  // namespace rankine
