// unet_output CHECKPOINT LORA OUT.safetensors: what the U-Net gives with a LoRA, for scripts/check_in_diffusers.py.
//
// Made-up latents, timesteps and text states go in, two at a time and of two sizes; `sample`, `timesteps`, `context`
// and `output` of each case come out, pictures as [N, C, H, W] in float32; for SDXL `pooled` and `sizes`, too. With `-`
// for the LoRA the checkpoint is alone.
#include <exception>
#include <iostream>
#include <list>

#include "backend/registry.h"
#include "base/rng.h"
#include "io/safetensors.h"
#include "network/adapter_file.h"
#include "sample/image_sampler.h"

using namespace rankine;

namespace {

std::vector<float> random_numbers(size_t count, uint32_t stream) {
  std::vector<float> numbers(count);
  Rng(1, purpose::sample, 0, stream).fill_normal(numbers);
  return numbers;
}

/// [N, pixels, C] -> [N, C, pixels]
std::vector<float> channels_first(const std::vector<float>& values, int64_t batch, int64_t pixels, int64_t channels) {
  std::vector<float> out;
  for (int64_t n = 0; n < batch; ++n)
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t p = 0; p < pixels; ++p) out.push_back(values[static_cast<size_t>((n * pixels + p) * channels + c)]);
  return out;
}

/// Tensors with the numbers they are made of.
class Outputs {
 public:
  void add(const std::string& name, Shape shape, std::vector<float> values) {
    const std::vector<float>& kept = values_.emplace_back(std::move(values));
    tensors_.push_back({name, DType::f32, std::move(shape), std::as_bytes(std::span(kept))});
  }
  void write(const std::string& path) const { write_safetensors(path, tensors_, {}); }

 private:
  std::list<std::vector<float>> values_;
  std::vector<TensorToWrite> tensors_;
};

void run_case(Session& session, const StepSettings& settings, const StepShape& shape, const std::string& name,
              Outputs& outputs) {
  const std::vector<float> latents = random_numbers(static_cast<size_t>(settings.latent_numbers(shape)), 1);
  const int64_t channels = settings.model->latents().channels;
  const Shape picture = {shape.batch, channels, shape.height, shape.width};
  std::vector<float> timesteps, prediction(latents.size());
  for (int64_t n = 0; n < shape.batch; ++n) timesteps.push_back(static_cast<float>(37 + 800 * n / shape.batch));
  Graph graph;
  build_denoiser_graph(graph, settings, shape);
  const std::unique_ptr<Executable> unet = session.compile(graph);
  unet->set_input("latents", latents);
  unet->set_input("timesteps", timesteps);
  uint32_t stream = 2;
  for (const ConditionSpec& spec : settings.model->condition(shape.text())) {
    Shape states = spec.shape;
    states.insert(states.begin(), shape.batch);
    const std::vector<float> numbers = random_numbers(static_cast<size_t>(count_of(states)), stream++);
    unet->set_input(spec.name, numbers);
    outputs.add(concat_text(name, '.', spec.name), states, numbers);
  }
  if (settings.model->reads_sizes()) {
    std::vector<float> sizes;
    for (int64_t n = 0; n < shape.batch; ++n)
      for (const float number : {640.0f, 512.0f, 8.0f * static_cast<float>(n), 24.0f, 128.0f, 96.0f})
        sizes.push_back(number);
    unet->set_input(kSizes, sizes);
    outputs.add(name + ".sizes", {shape.batch, kSizeNumbers}, sizes);
  }
  unet->run();
  unet->get_output("prediction", prediction);

  const int64_t pixels = shape.height * shape.width;
  outputs.add(name + ".sample", picture, channels_first(latents, shape.batch, pixels, channels));
  outputs.add(name + ".timesteps", {shape.batch}, timesteps);
  outputs.add(name + ".output", picture, channels_first(prediction, shape.batch, pixels, channels));
}

void write_outputs(const std::string& checkpoint_path, const std::string& lora_path, const std::string& out) {
  const Checkpoint checkpoint = Checkpoint::open(checkpoint_path);
  CheckpointConstants constants(checkpoint);
  StepSettings settings;
  settings.model = open_model(checkpoint);
  const std::unique_ptr<Session> session = find_backend("cpu").open(constants);
  AdapterWeights lora;
  if (lora_path != "-")
    lora = read_adapter(lora_path, adaptable_layers(checkpoint.tensors(), checkpoint.family().adaptable));
  for (const LayerWeights& weights : lora.layers) {
    settings.layers.push_back(weights.layer);
    const std::vector<AdapterTensor> tensors = lora.kind->tensors(weights.layer);
    for (size_t i = 0; i < tensors.size(); ++i)
      session->write_variable(tensor_name(weights.layer, tensors[i]), weights.tensors[i]);
  }
  Outputs outputs;
  run_case(*session, settings, {.batch = 2, .height = 16, .width = 16, .chunks = 1}, "square", outputs);
  run_case(*session, settings, {.batch = 1, .height = 24, .width = 8, .chunks = 2}, "tall", outputs);
  outputs.write(out);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    check(argc == 4, "usage: unet_output CHECKPOINT LORA|- OUT.safetensors");
    write_outputs(argv[1], argv[2], argv[3]);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
}
