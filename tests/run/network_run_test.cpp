// Whole runs with what --network_args and their kin can ask for.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "io/safetensors.h"
#include "support/training_run.h"

using namespace rankine;
using namespace rankine::test;

TEST_CASE("rates by block scale the updates of their blocks' modules and of no others") {
  TrainingRun run;
  run.config.optim.optimizer_type = "SGDNesterov";  // the update is proportional to the rate
  run.config.optim.optimizer_args = {"momentum=0.9", "weight_decay=0"};
  run.config.optim.max_grad_norm = 0;  // clipping looks at all gradients
  run.config.run.max_train_steps = 1;
  run.config.optim.lr_schedule.name = "constant_with_warmup";
  run.config.optim.lr_schedule.lr_warmup_steps = {.value = 2};  // the first step has a rate of 0
  run.config.save.output_name = "start";
  run.config.network.network_weights = run.train();
  run.config.optim.lr_schedule = {};
  run.config.save.output_name = "plain";
  const auto plain = weights(run.train());
  run.config.network.network_args = {"down_lr_weight=2,2,0,2,0.5,2,2,2,2,2,2,2", "mid_lr_weight=4"};
  run.config.save.output_name = "blocks";
  std::ostringstream out;
  const auto scaled = weights(run.train(out).file);
  CHECK(contains(out.str(), "lora_unet_down_blocks_0_attentions_1_"));  // which the first weights have for nothing
  int left_out = 0, moved = 0;
  for (const auto& [name, values] : plain) {
    if (!name.ends_with("lora_up.weight")) continue;  // it starts at 0: what it is, is the update
    CAPTURE(name);
    const bool down = name.starts_with("lora_unet_down_blocks_");
    const float factor = name.starts_with("lora_unet_mid_block")                     ? 4
                         : name.starts_with("lora_unet_down_blocks_0_attentions_1_") ? 0     // block 2
                         : name.starts_with("lora_unet_down_blocks_1_attentions_0_") ? 0.5f  // block 4
                         : down                                                      ? 2
                                                                                     : 1;
    if (factor == 0) {
      CHECK(!scaled.contains(name));
      ++left_out;
      continue;
    }
    const std::vector<float>& got = scaled.at(name);
    float most = 0, off = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      most = std::max(most, std::fabs(factor * values[i]));
      off = std::max(off, std::fabs(got[i] - factor * values[i]));
    }
    moved += most > 0;  // not queries and keys where one pixel is left
    CHECK(off <= 1e-5f * most);
  }
  CHECK(left_out > 0);
  CHECK(moved > 100);
  std::string metrics = bytes_of(run.out("metrics.jsonl"));
  metrics.erase(0, metrics.rfind("{\"step\""));
  CHECK(contains(metrics, "\"unet_block4\":5e-04"));
  CHECK(contains(metrics, "\"unet_block12\":0.004"));
  CHECK(!contains(metrics, "\"unet_block2\""));
}

TEST_CASE("Adafactor with relative steps logs the rate of each group's first tensor in sd-scripts' order of modules") {
  TrainingRun run;
  run.config.network.network_train_unet_only = false;
  run.config.optim.optimizer_type = "Adafactor";
  run.config.save.save_every_n_steps = 1;
  run.config.save.save_precision = "float";
  run.train();
  const std::string metrics = bytes_of(run.out("cat.metrics.jsonl"));
  const auto line = nlohmann::json::parse(
      metrics.substr(metrics.find("{\"step\":2,"), metrics.find("{\"step\":3,") - metrics.find("{\"step\":2,")));
  const auto after_first = weights(run.out("cat-step00000001.safetensors"));
  // transformers' attention has k_proj first; Adafactor's rate is min(0.01, 1 / sqrt(step)) * max(0.001, rms).
  for (const auto& [group, first] :
       {std::pair("text_encoder", "lora_te_text_model_encoder_layers_0_self_attn_k_proj.lora_down.weight"),
        std::pair("unet", "lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight")}) {
    CAPTURE(group);
    const std::vector<float>& values = after_first.at(first);
    double squares = 0;
    for (const float x : values) squares += static_cast<double>(x) * x;
    const double rms = std::sqrt(squares / static_cast<double>(values.size()));
    CHECK(line.at("lr").at(group).get<double>() == doctest::Approx(0.01 * std::max(1e-3, rms)).epsilon(1e-5));
  }
}

TEST_CASE("dropout changes the training, is told in the file, and is off again in the saved LoRA") {
  TrainingRun run;
  const auto plain = weights(run.train());
  run.config.network.network_dropout = 0.2;
  run.config.network.network_args = {"rank_dropout=0.2", "module_dropout=0.1"};
  run.config.save.output_name = "dropped";
  std::ostringstream out;
  const std::string file = run.train(out).file;
  CHECK(contains(out.str(), "rank 2, alpha 1, dropout 0.2, rank dropout 0.2, module dropout 0.1"));
  CHECK(weights(file) != plain);
  const auto metadata = SafetensorsFile::open(file).metadata();
  CHECK(metadata.at("ss_network_dropout") == "0.2");
  CHECK(metadata.at("ss_network_args") == R"({"rank_dropout": "0.2", "module_dropout": "0.1", "dropout": 0.2})");
}

TEST_CASE("a LoRA merged into the base model weighs as much as one that is trained on") {
  TrainingRun run;
  run.config.optim.learning_rate = 1e-2;
  const std::string style = run.train();
  run.config.run.max_train_steps = 1;
  const auto first_loss = [&](const std::string& name) {
    run.config.save.output_name = name;
    std::ostringstream out;
    const double loss = run.train(out).loss;
    CHECK(contains(out.str(), "merged into the base model") == !run.config.network.base_weights.empty());
    return loss;
  };
  const double base = first_loss("base");
  run.config.network.network_weights = style;
  const double attached = first_loss("attached");
  run.config.network.network_weights.reset();
  run.config.network.base_weights = {style};
  const double merged = first_loss("merged");
  CHECK(std::abs(attached - base) > 1e-3 * base);
  CHECK(merged == doctest::Approx(attached).epsilon(1e-5));
  run.config.network.base_weights = {style, style};
  run.config.network.base_weights_multiplier = {1.5, -1.5};
  CHECK(first_loss("both") == doctest::Approx(base).epsilon(1e-5));
}
