#include "step/parameter_groups.h"
#include "models/stable_diffusion.h"

#include <doctest/doctest.h>

#include "step/training_step.h"

using namespace rankine;

namespace {

AdaptedLayer module_of(const std::string& key, const std::string& path) {
  return {.key = key, .path = path, .weight = {8, 8}, .rank = 2, .alpha = 1};
}

StepSettings settings() {
  StepSettings s;
  s.layers = {module_of("lora_te_a", "text_encoder.a"),
              module_of("lora_unet_down", "unet.down_blocks.0.attentions.0.proj_in"),
              module_of("lora_unet_up", "unet.up_blocks.1.attentions.0.proj_in"),
              module_of("lora_unet_mid", "unet.mid_block.attentions.0.proj_in")};
  return s;
}

std::vector<std::string> names(const std::vector<ParameterGroup>& groups) {
  std::vector<std::string> all;
  for (const ParameterGroup& group : groups) all.push_back(group.name);
  return all;
}

}  // namespace

TEST_CASE("a plain LoRA has a group for each model that trains") {
  StepSettings s = settings();
  const std::vector<ParameterGroup> groups = parameter_groups(s, {});
  CHECK(names(groups) == std::vector<std::string>{"text_encoder", "unet"});
  CHECK(groups[0].text_encoder);
  CHECK(groups[0].tensors == std::vector<std::string>{"lora_te_a.lora_down.weight", "lora_te_a.lora_up.weight"});
  CHECK(groups[1].tensors.size() == 6);
  s.train_text_encoder = false;
  CHECK(names(parameter_groups(s, {})) == std::vector<std::string>{"unet"});
}

TEST_CASE("blocks with rates of their own are groups, LoRA+ splits each, and a rate of 0 makes none") {
  StepSettings s = settings();
  std::vector<double> weights(kUNetBlocks.count(), 1.0);
  weights[1] = 0.5;
  weights[16] = 0;
  set_block_rates(s.layers, kUNetBlocks, weights);
  UpdateSettings update;
  update.unet_plus_ratio = 4;
  const std::vector<ParameterGroup> groups = parameter_groups(s, update);
  CHECK(names(groups) == std::vector<std::string>{"text_encoder", "unet_block1", "unet_block1_plus", "unet_block12",
                                                  "unet_block12_plus"});
  const LearningRates rates{1e-3, 1e-5};
  CHECK(rates.of(groups[0]) == 1e-5);
  CHECK(rates.of(groups[1]) == 0.5e-3);
  CHECK(rates.of(groups[2]) == 2e-3);
  CHECK(rates.of(groups[4]) == 4e-3);
  CHECK(groups[2].tensors == std::vector<std::string>{"lora_unet_down.lora_up.weight"});
}
