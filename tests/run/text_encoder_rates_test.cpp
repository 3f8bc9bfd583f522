#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "io/safetensors.h"
#include "support/training_run.h"

using namespace rankine;
using namespace rankine::test;

namespace {

/// lora_up starts at zero: true if the tensors of it whose names begin so have moved.
bool has_moved(const std::string& lora, const std::string& prefix) {
  bool moved = false;
  for (const auto& [name, values] : weights(lora))
    if (name.starts_with(prefix) && name.ends_with("lora_up.weight"))
      moved |= std::ranges::any_of(values, [](float x) { return x != 0; });
  return moved;
}

std::string text_of(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("SDXL's text encoders learn at rates of their own, which the files tell") {
  TrainingRun run;
  run.config.model.pretrained_model_name_or_path = tiny_checkpoint("tiny-sdxl");
  run.config.network.network_train_unet_only = false;
  run.config.optim.text_encoder_lr = {1e-3, 2e-3};
  std::ostringstream out;
  const std::string lora = run.train(out).file;
  CHECK(has_moved(lora, "lora_te1_"));
  CHECK(has_moved(lora, "lora_te2_"));
  CHECK(contains(out.str(), "text encoder lrs 0.001 and 0.002"));
  CHECK(SafetensorsFile::open(lora).metadata().at("ss_text_encoder_lr") == "[0.001, 0.002]");
  const std::string metrics = text_of(run.out("cat.metrics.jsonl"));
  CHECK(contains(metrics, "\"text_encoder1\":0.001,\"text_encoder2\":0.002,\"unet\""));
  const auto both = weights(lora);

  run.config.optim.text_encoder_lr = {0, 2e-3};
  const std::string second_alone = run.train();
  CHECK(!has_moved(second_alone, "lora_te1_"));
  CHECK(has_moved(second_alone, "lora_te2_"));

  run.config.optim.text_encoder_lr = {1e-3};
  const auto one_rate = weights(run.train());
  size_t differing = 0;
  for (const auto& [name, values] : one_rate) differing += values != both.at(name);
  CHECK(differing > 0);
}

TEST_CASE("a rate for a text encoder that the model lacks changes nothing, and a note says so") {
  TrainingRun run;
  run.config.network.network_train_unet_only = false;
  run.config.optim.text_encoder_lr = {1e-3};
  const auto one = weights(run.train());
  run.config.optim.text_encoder_lr = {1e-3, 2e-3};
  std::ostringstream out;
  CHECK(weights(run.train(out).file) == one);
  CHECK(contains(out.str(), "--text_encoder_lr: the model has one text encoder; only the first rate is used"));
}
