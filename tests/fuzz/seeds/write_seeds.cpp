// Small good files in binary formats, and the words that settings are made of: what the fuzzers start from.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>

#include "base/error.h"
#include "cli/arguments.h"
#include "cli/flags.h"
#include "data/dataset_keys.h"
#include "data/latent_file.h"
#include "io/image.h"
#include "io/npz.h"
#include "io/safetensors.h"
#include "io/torch_file.h"
#include "models/sd1.h"
#include "network/adapter_file.h"
#include "network/lora.h"
#include "run/state/state_file.h"

using namespace rankine;
namespace fs = std::filesystem;

namespace {

/// The seeds of one fuzzer lie in a folder of its name.
std::string seed(const fs::path& folder, const char* fuzzer, const char* name) {
  fs::create_directories(folder / fuzzer);
  return (folder / fuzzer / name).string();
}

void write_tensors(const fs::path& folder) {
  const std::vector<std::byte> zeros(64);
  std::vector<TensorToWrite> tensors;
  for (const DType dtype :
       {DType::f32, DType::bf16, DType::f16, DType::f64, DType::f8_e4m3, DType::f8_e5m2, DType::i64, DType::i32,
        DType::i16, DType::i8, DType::u64, DType::u32, DType::u16, DType::u8, DType::boolean})
    tensors.push_back({std::string(name_of(dtype)), dtype, {2}, std::span(zeros).first(2 * size_of(dtype))});
  write_safetensors(seed(folder, "safetensors", "types.safetensors"), tensors, {{"ss_network_dim", "4"}});
  const std::vector<TensorToWrite> shapes = {{"scalar", DType::f32, {}, std::span(zeros).first(4)},
                                             {"empty", DType::f32, {2, 0}, {}},
                                             {"four", DType::f16, {1, 2, 1, 3}, std::span(zeros).first(12)}};
  write_safetensors(seed(folder, "safetensors", "shapes.safetensors"), shapes, {});

  const std::string torch = serialize_torch(shapes);
  std::ofstream(seed(folder, "torch", "shapes.pt"), std::ios::binary) << torch;
  // The pickle alone: from behind its member's header to the next one.
  const size_t pickle = torch.find("\x80\x02");
  std::ofstream(seed(folder, "torch", "shapes.pkl"), std::ios::binary)
      << torch.substr(pickle, torch.find("PK\x03\x04", pickle) - pickle);

  std::vector<NpyToWrite> arrays;
  for (const DType dtype : {DType::f32, DType::f16, DType::f64, DType::i64, DType::u8})
    arrays.push_back({std::string(name_of(dtype)), dtype, {2}, std::span(zeros).first(2 * size_of(dtype))});
  std::ofstream(seed(folder, "npz", "types.npz"), std::ios::binary) << serialize_npz(arrays);
  const LatentRecipe recipe{.size = {16, 16}, .resized = {16, 16}, .bucket = {16, 16}};
  const std::vector<float> latents(16, 0.5f);
  write_latent_file(seed(folder, "npz", "latents.npz"), recipe, {.latents = latents, .flipped = latents});
}

void write_training_files(const fs::path& folder) {
  TrainingState state;
  state.position = {.step = 7, .updates = 6, .losses = {0.5f, 0.25f}};
  state.settings = {{"learning_rate", "0.001"}};
  state.variables = {{"lora_unet_a.lora_down.weight", {1, 2, 3}}};
  write_state(seed(folder, "state", "small.state"), state);

  const std::vector<NamedShape> weights = {{"text_encoder.text_model.encoder.layers.0.mlp.fc1.weight", {6, 5}},
                                           {"unet.mid_block.attentions.0.proj_in.weight", {4, 3, 1, 1}}};
  const std::vector<AdaptedLayer> modules = adapted_layers(weights, sd1_family.adaptable, {.network_dim = 2});
  AdapterWeights lora{.kind = &lora_adapter};
  for (const AdaptedLayer& layer : modules) {
    LayerWeights& weights = lora.layers.emplace_back(LayerWeights{.layer = layer});
    for (const AdapterTensor& tensor : lora_adapter.tensors(layer))
      weights.tensors.emplace_back(static_cast<size_t>(count_of(tensor.shape)), 0.5f);
  }
  save_adapter(seed(folder, "lora", "two.safetensors"), lora, DType::f16, {{"ss_network_dim", "2"}});
}

void write_pictures(const fs::path& folder) {
  const auto write = [&](const char* name, const cv::Mat& picture, const std::vector<int>& options = {}) {
    check(cv::imwrite(seed(folder, "image", name), picture, options), name, " cannot be written");
  };
  cv::Mat rgb(5, 7, CV_8UC3), rgba(5, 7, CV_8UC4), deep(5, 7, CV_16UC3), gray(5, 7, CV_8UC1);
  for (cv::Mat* picture : {&rgb, &rgba, &deep, &gray}) cv::randu(*picture, 0, 256);
  write("rgb.png", rgb);
  write("rgba.png", rgba);
  write("deep.png", deep);
  write("gray.png", gray);
  write("baseline.jpg", rgb);
  write("progressive.jpg", rgb, {cv::IMWRITE_JPEG_PROGRESSIVE, 1, cv::IMWRITE_JPEG_RST_INTERVAL, 1});
  write("gray.jpg", gray);
  write("lossy.webp", rgb, {cv::IMWRITE_WEBP_QUALITY, 50});
  write("lossless.webp", rgba, {cv::IMWRITE_WEBP_QUALITY, 101});
  write("plain.bmp", rgb);
  write("gray.bmp", gray);
  write("alpha.bmp", rgba);
  write_png(seed(folder, "image", "texts.png"), {.width = 1, .height = 1, .pixels = {1, 2, 3}},
            {{"prompt", "a cat"}, {"prompt", "caf\xc3\xa9"}});
}

/// Words for libFuzzer (https://llvm.org/docs/LibFuzzer.html#dictionaries).
void write_words(const fs::path& folder, const char* fuzzer, const std::vector<std::string>& words) {
  std::ofstream out(folder / (std::string(fuzzer) + ".dict"));
  for (const std::string& word : words) out << '"' << word << "\"\n";
}

}  // namespace

int main(int argc, char** argv) {
  try {
    check(argc == 2, "usage: fuzz_seeds FOLDER");
    const fs::path folder = argv[1];
    write_tensors(folder);
    write_training_files(folder);
    write_pictures(folder);
    TrainOptions options;
    const FlagTable table = train_flags(options);
    std::vector<std::string> flags, keys;
    for (const std::string_view name : option_names(table)) flags.emplace_back(name.substr(2));
    for (const DatasetKeyInfo& key : dataset_keys()) keys.push_back(key.name);
    for (const char* fuzzer : {"config_file", "gui_preset"}) write_words(folder, fuzzer, flags);
    for (const char* fuzzer : {"dataset_toml", "dataset_json"}) write_words(folder, fuzzer, keys);
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
