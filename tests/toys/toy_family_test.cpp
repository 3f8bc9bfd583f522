// A second family through the whole program: it needs one file and one line in the table of families.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

#include <nlohmann/json.hpp>
#include <set>

#include "backend/registry.h"
#include "io/safetensors.h"
#include "models/checkpoint/checkpoint.h"
#include "sample/image_sampler.h"
#include "support/small_run.h"
#include "toys/toy_family.h"

using namespace rankine;
using namespace rankine::test;

namespace {

struct ToyFamilyRun : SmallRun {
  ToyFamilyRun() {
    write_toy_checkpoint(folder.path("toy.safetensors"));
    config.model.pretrained_model_name_or_path = folder.path("toy.safetensors");
    config.network.network_train_unet_only = false;
    config.optim.learning_rate = 0.05;
  }
  std::vector<double> losses() const {
    std::vector<double> all;
    std::istringstream metrics(bytes_of(folder.path("out/metrics.jsonl")));
    for (std::string line; std::getline(metrics, line);) all.push_back(nlohmann::json::parse(line).at("loss"));
    return all;
  }
};

double mean(const std::vector<double>& values, size_t begin, size_t end) {
  double sum = 0;
  for (size_t i = begin; i < end; ++i) sum += values[i];
  return sum / static_cast<double>(end - begin);
}

}  // namespace

TEST_CASE("a second family is recognised and trains all its parts, and the file has its own names") {
  ToyFamilyRun run;
  CHECK(&Checkpoint::open(run.folder.path("toy.safetensors")).family() == &toy_family);
  run.config.run.max_train_steps = 60;
  const TrainOutcome outcome = run.train();
  const std::vector<double> losses = run.losses();
  REQUIRE(losses.size() == 60);
  CHECK(mean(losses, 50, 60) < 0.8 * mean(losses, 0, 10));

  const SafetensorsFile file = SafetensorsFile::open(outcome.file);
  std::set<std::string> names;
  for (const TensorInfo& tensor : file.tensors()) names.insert(tensor.name);
  std::set<std::string> expected;
  for (const std::string key : {"toy_reader_proj", "toy_poet_proj", "toy_painter_out"})
    for (const char* suffix : {".alpha", ".lora_down.weight", ".lora_up.weight"}) expected.insert(key + suffix);
  CHECK(names == expected);
  CHECK(file.metadata().at("ss_base_model_version") == "toy_v1");
  CHECK(file.metadata().at("modelspec.architecture") == "toy-v1/lora");
  for (const auto& [name, values] : weights(outcome.file))
    if (name.ends_with("lora_up.weight"))
      CHECK_MESSAGE(std::ranges::any_of(values, [](float x) { return x != 0; }), name);
}

TEST_CASE("with frozen text encoders a second family trains its denoiser from the kept conditions") {
  ToyFamilyRun run;
  run.config.network.network_train_unet_only = true;
  run.config.run.max_train_steps = 3;
  for (const auto& [name, values] : weights(run.train().file)) CHECK(name.starts_with("toy_painter_out"));
}

TEST_CASE("a second family's latents are kept under its own file names") {
  ToyFamilyRun run;
  run.config.data.cache_latents_to_disk = true;
  run.config.run.max_train_steps = 1;
  run.train();
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(run.folder.path("pics")))
    files += entry.path().string().ends_with("_0064x0064_toy.npz");
  CHECK(files == 5);
}

TEST_CASE("pictures are sampled from a second family, in its own sizes") {
  ToyFamilyRun run;
  const Checkpoint checkpoint = Checkpoint::open(run.folder.path("toy.safetensors"));
  ImageSampler sampler(find_backend("cpu"), checkpoint, {}, {});
  const ImageRequest request = {.prompt = "a cat",
                                .negative_prompt = "",
                                .sampler = "euler",
                                .steps = 2,
                                .scale = 3,
                                .seed = 3,
                                .width = 60,
                                .height = 36};
  const std::vector<float> latents = sampler.latents(request);
  CHECK(latents.size() == 15 * 9 * 3);
  const Image picture = sampler.picture(latents, request.width, request.height);
  CHECK(picture.width == 60);
  CHECK(picture.height == 36);
}
