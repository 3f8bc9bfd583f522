// A training step small enough for tests: made-up weights of any name, a narrow model, one shape.
#pragma once
#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>

#include "base/half.h"
#include "base/rng.h"
#include "graph/op.h"
#include "models/sd1.h"
#include "step/training_step.h"

namespace rankine::test {

/// Weights of the size that trained ones have, drawn by name.
class RandomConstants : public ConstantSource {
 public:
  void read(std::string_view name, const Shape& shape, std::span<float> out) override {
    Rng rng(std::hash<std::string_view>{}(name), 0);
    const bool matrix = shape.size() >= 2;
    const float size =
        matrix ? std::sqrt(3.0f * static_cast<float>(shape[0]) / static_cast<float>(count_of(shape))) : 0.1f;
    const float centre = !matrix && name.ends_with("weight") ? 1.0f : 0.0f;
    for (float& x : out) x = centre + size * (2 * rng.uniform() - 1);
  }
};

/// The same weights as a file of f16 holds them.
class FileConstants : public RandomConstants {
 public:
  explicit FileConstants(const Model& model) {
    for (const NamedShape& tensor : model.tensors()) {
      std::vector<float> values(static_cast<size_t>(count_of(tensor.shape)));
      RandomConstants::read(tensor.name, tensor.shape, values);
      std::ranges::transform(values, std::back_inserter(file_[tensor.name]), f16_from_f32);
    }
  }
  void read(std::string_view name, const Shape&, std::span<float> out) override {
    std::ranges::transform(file_.find(name)->second, out.begin(), f32_from_f16);
  }
  std::optional<StoredTensor> stored(std::string_view name) override {
    const auto found = file_.find(name);
    if (found == file_.end()) return {};
    return StoredTensor{reinterpret_cast<const std::byte*>(found->second.data()), DType::f16};
  }

 private:
  std::map<std::string, std::vector<uint16_t>, std::less<>> file_;
};

/// Two pictures of 64 x 96.
inline constexpr StepShape kShape{.batch = 2, .height = 8, .width = 12, .chunks = 1};

/// U-Net LoRA of a model with SD 1.x's structure, a fifth as wide.
inline StepSettings small_settings() {
  ModelWidths widths;
  widths.unet = {64, 64, 96, 96};
  widths.text_width = 64;
  widths.text_layers = 2;
  StepSettings settings;
  settings.model = sd1_model(config_of(widths));
  AdapterTargets targets;
  targets.text_encoder = settings.train_text_encoder = false;
  settings.layers = adapted_layers(settings.model->tensors(), sd1_family.adaptable, targets);
  return settings;
}

}  // namespace rankine::test
