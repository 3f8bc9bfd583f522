#include "run/former_settings.h"

#include <doctest/doctest.h>

using namespace rankine;

namespace {

/// The settings of a state that version 0.1 wrote for a run with hardly a flag.
const RunSettings former = {{"adaptive_noise_scale", "None"},
                            {"base model", "e3be1e7d of 42959590 bytes"},
                            {"base_model_version", "sd_v1"},
                            {"base_weights", "None"},
                            {"cache_latents", "False"},
                            {"caption_extension", ".txt"},
                            {"dataset", "8 pictures in 40 batches (ac94c55ebef0)"},
                            {"debiased_estimation", "False"},
                            {"face_crop_aug_range", "None"},
                            {"huber_c", "0.1"},
                            {"learning_rate", "0.001"},
                            {"lr_decay_steps", "0"},
                            {"lr_scheduler", "constant"},
                            {"lr_scheduler_args", "None"},
                            {"max_grad_norm", "1.0"},
                            {"max_train_steps", "4"},
                            {"network", "210 modules of 489472 weights (961561d125cd)"},
                            {"network_module", "networks.lora"},
                            {"optimizer", "torch.optim.adamw.AdamW"},
                            {"optimizer kind", "torch.optim.adamw.AdamW"},
                            {"seed", "42"},
                            {"v2", "False"}};

}  // namespace

TEST_CASE("a former state's settings become those flags that were given, and what the run's sources held") {
  CHECK(todays_settings(former) == RunSettings{{"base model", "e3be1e7d of 42959590 bytes"},
                                               {"caption_extension", ".txt"},
                                               {"dataset", "8 pictures in 40 batches (ac94c55ebef0)"},
                                               {"learning_rate", "0.001"},
                                               {"max_train_steps", "4"},
                                               {"network", "210 modules of 489472 weights (961561d125cd)"},
                                               {"optimizer kind", "torch.optim.adamw.AdamW"},
                                               {"seed", "42"}});
}

TEST_CASE("values that a former state wrote in another form are read as the flags were given") {
  RunSettings given = former;
  given["network_args"] = R"({"conv_dim": "4", "loraplus_lr_ratio": "4", "dropout": null})";
  given["lr_scheduler_args"] = "1:2,0.1";
  given["lr_decay_steps"] = "0.1 of all";
  const RunSettings now = todays_settings(given);
  CHECK(now.at("network_args") == "conv_dim=4 loraplus_lr_ratio=4");
  CHECK(now.at("lr_scheduler_args") == "step_rules=1:2,0.1");
  CHECK(now.at("lr_decay_steps") == "0.1");
  given["network_args"] = R"({"rank_dropout": "0.1", "dropout": 0.5})";
  given["lr_scheduler_args"] = "T_max=10";
  given["lr_scheduler_type"] = "CosineAnnealingLR";
  CHECK(todays_settings(given).at("network_args") == "rank_dropout=0.1");
  CHECK(todays_settings(given).at("lr_scheduler_args") == "T_max=10");
}

TEST_CASE("the settings of other states stay as they are") {
  const RunSettings now = {{"huber_c", "0.1"}, {"network_module", "networks.lora"}};
  CHECK(todays_settings(now) == now);
}
