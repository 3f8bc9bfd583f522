// training_curve CHECKPOINT LORA INPUTS.safetensors OUT.json: the losses of a training run under several roundings, for
// scripts/check_bf16_curve.py.
//
// Training starts from LORA. INPUTS holds for each of S steps "noisy_latents" and "target" [S, N, C, H, W], "timesteps"
// [S, N] and "context" [S, N, 77, width], all float32, and in its metadata the "learning_rate" of AdamW. OUT gets a
// list of S losses for each curve.
#include <exception>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "backend/registry.h"
#include "io/safetensors.h"
#include "network/adapter_file.h"
#include "optim/adamw.h"
#include "sample/image_sampler.h"
#include "step/parameter_groups.h"
#include "step/update_graph.h"

using namespace rankine;

namespace {

struct Curve {
  const char* name;
  DType compute;
  const char* conv_algorithm;
};
constexpr Curve kCurves[] = {{"fp32", DType::f32, "direct"},
                             {"fp32, Winograd", DType::f32, "winograd"},
                             {"bf16", DType::bf16, "direct"},
                             {"bf16, Winograd", DType::bf16, "winograd"}};

/// The part of a tensor [S, ...] that is one step's.
std::span<const float> of_step(const std::vector<float>& values, size_t step, size_t steps) {
  const size_t size = values.size() / steps;
  return std::span(values).subspan(step * size, size);
}

/// [N, C, pixels] -> [N, pixels, C]
std::vector<float> channels_last(std::span<const float> values, const Shape& s) {
  const int64_t channels = s[2], pixels = s[3] * s[4];
  std::vector<float> out;
  for (int64_t n = 0; n < s[1]; ++n)
    for (int64_t p = 0; p < pixels; ++p)
      for (int64_t c = 0; c < channels; ++c)
        out.push_back(values[static_cast<size_t>((n * channels + c) * pixels + p)]);
  return out;
}

class Run {
 public:
  Run(const Checkpoint& checkpoint, const std::string& lora_path, const SafetensorsFile& inputs, const Curve& curve)
      : constants_(checkpoint),
        session_(find_backend("cpu").open(constants_)),
        shape_(inputs.at("noisy_latents").shape) {
    check(shape_.size() == 5, inputs.path(), ": noisy_latents must be [steps, N, C, H, W]");
    StepSettings settings;
    settings.model = open_model(checkpoint);
    settings.train_text_encoder = false;
    settings.compute = curve.compute;
    settings.conv_algorithm = curve.conv_algorithm;
    settings.device = &find_backend("cpu").device();
    const AdapterWeights lora =
        read_adapter(lora_path, adaptable_layers(checkpoint.tensors(), checkpoint.family().adaptable));
    for (const LayerWeights& weights : lora.layers) {
      settings.layers.push_back(weights.layer);
      const std::vector<AdapterTensor> tensors = lora.kind->tensors(weights.layer);
      for (size_t i = 0; i < tensors.size(); ++i)
        session_->write_variable(tensor_name(weights.layer, tensors[i]), weights.tensors[i]);
    }
    const StepShape shape{.batch = shape_[1], .height = shape_[3], .width = shape_[4], .chunks = 1};
    const std::vector<Value> trained = build_step_graph(step_graph_, settings, shape);
    step_ = session_->compile(step_graph_);
    const std::vector<UpdatedVariable> updated =
        updated_variables(trained, parameter_groups(settings, {}), /*flat=*/false);
    build_grad_norm_graph(norm_graph_, updated);
    grad_norm_ = session_->compile(norm_graph_);
    build_update_graph(update_graph_, updated, *make_optimizer("AdamW", {}), 1.0);
    update_ = session_->compile(update_graph_);
  }

  std::vector<float> losses(const SafetensorsFile& inputs) {
    const auto steps = static_cast<size_t>(shape_[0]);
    const float one = 1, rate = std::stof(inputs.metadata().at("learning_rate"));
    const std::vector<float> noisy = inputs.read_f32("noisy_latents"), target = inputs.read_f32("target"),
                             timesteps = inputs.read_f32("timesteps"), context = inputs.read_f32("context"),
                             weights(static_cast<size_t>(shape_[1]), 1.0f);
    std::vector<float> all;
    for (size_t s = 0; s < steps; ++s) {
      step_->set_input("noisy_latents", channels_last(of_step(noisy, s, steps), shape_));
      step_->set_input("target", channels_last(of_step(target, s, steps), shape_));
      step_->set_input("timesteps", of_step(timesteps, s, steps));
      step_->set_input("context", of_step(context, s, steps));
      step_->set_input("loss_weights", weights);
      step_->set_input("loss_scale", std::span(&one, 1));
      step_->run();
      step_->get_output("loss", std::span(&all.emplace_back(), 1));
      grad_norm_->run();
      float norm = 0;
      grad_norm_->get_output("grad_norm", std::span(&norm, 1));
      const auto number = static_cast<float>(s + 1);
      update_->set_input("unscale", std::span(&one, 1));
      update_->set_input("grad_norm", std::span(&norm, 1));
      update_->set_input("step", std::span(&number, 1));
      update_->set_input("lr.unet", std::span(&rate, 1));
      update_->run();
    }
    return all;
  }

 private:
  CheckpointConstants constants_;
  std::unique_ptr<Session> session_;
  Shape shape_;
  Graph step_graph_, norm_graph_, update_graph_;
  std::unique_ptr<Executable> step_, grad_norm_, update_;
};

}  // namespace

int main(int argc, char** argv) {
  try {
    check(argc == 5, "usage: training_curve CHECKPOINT LORA INPUTS.safetensors OUT.json");
    const Checkpoint checkpoint = Checkpoint::open(argv[1]);
    const SafetensorsFile inputs = SafetensorsFile::open(argv[3]);
    nlohmann::json losses;
    for (const Curve& curve : kCurves) losses[curve.name] = Run(checkpoint, argv[2], inputs, curve).losses(inputs);
    std::ofstream out(argv[4]);
    out << losses.dump(1) << '\n';
    check(out.good(), argv[4], ": could not be written");
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
}
