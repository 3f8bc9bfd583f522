#include "step/parameter_groups.h"

#include <doctest/doctest.h>

#include "models/stable_diffusion.h"
#include "step/training_step.h"

using namespace rankine;

namespace {

AdaptedLayer module_of(const std::string& key, const std::string& path) {
  const Role role = path.starts_with("text_encoder.") ? Role::text_encoder : Role::denoiser;
  return {.key = key, .path = path, .role = role, .weight = {8, 8}, .rank = 2, .alpha = 1};
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

TEST_CASE("a group is one flat variable of those of its tensors that get a gradient, or each tensor stays by itself") {
  const std::vector<ParameterGroup> groups = parameter_groups(settings(), {});
  Graph graph;
  std::vector<Value> trained;
  for (const char* tensor :
       {"lora_unet_up.lora_up.weight", "lora_unet_down.lora_down.weight", "lora_te_a.lora_down.weight"})
    trained.push_back(graph.variable(tensor, {{2, 8}, DType::f32}));
  const std::vector<UpdatedVariable> flat = updated_variables(trained, groups, true);
  REQUIRE(flat.size() == 2);
  CHECK(flat[0].name == "text_encoder");
  CHECK(flat[0].shape == Shape{16});
  CHECK(flat[1].name == "unet");
  CHECK(flat[1].shape == Shape{32});
  CHECK(flat[1].members ==
        std::vector<FlatMember>{{"lora_unet_down.lora_down.weight", 16}, {"lora_unet_up.lora_up.weight", 16}});
  const std::vector<UpdatedVariable> single = updated_variables(trained, groups, false);
  REQUIRE(single.size() == 3);
  CHECK(single[0].name == "lora_unet_up.lora_up.weight");
  CHECK(single[0].shape == Shape{2, 8});
  CHECK(single[0].group == "unet");
  CHECK(single[0].members.empty());
  // The group's order, not that of the graph, says which tensor leads it.
  CHECK(!single[0].leads);
  CHECK(single[1].leads);
  CHECK(single[2].leads);
  CHECK(flat[0].leads);
  trained.push_back(graph.variable("lora_unet_other.lora_up.weight", {{2, 8}, DType::f32}));
  CHECK_THROWS_WITH_AS(updated_variables(trained, groups, true),
                       "lora_unet_other.lora_up.weight is in no group of parameters", Error);
}
