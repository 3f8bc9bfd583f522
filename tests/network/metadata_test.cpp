#include "network/metadata.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "models/sd2.h"

using namespace rankine;

TEST_CASE("options that are seldom given have their keys, and values that are not there are None or left out") {
  TrainingFacts f;
  f.model = sd2_family.base_model_names(true);
  f.v_parameterization = true;
  f.network_args = {{"conv_dim", "4"}, {"conv_alpha", "1"}};
  f.clip_skip = 2;
  f.max_timestep = 900;
  f.modelspec = {{"author", "someone"}, {"title", "A title"}};
  f.vae_name = "vae.safetensors";
  const auto m = adapter_metadata(f, {});
  CHECK(m.at("ss_base_model_version") == "sd_v2_v");
  CHECK(m.at("ss_v2") == "True");
  CHECK(m.at("ss_network_args") == R"({"conv_dim": "4", "conv_alpha": "1", "dropout": null})");
  CHECK(m.at("ss_unet_lr") == "None");
  CHECK(m.at("ss_vae_name") == "vae.safetensors");
  CHECK(!m.contains("ss_sd_model_hash"));
  CHECK(m.at("modelspec.architecture") == "stable-diffusion-v2-768-v/lora");
  CHECK(m.at("modelspec.prediction_type") == "v");
  CHECK(m.at("modelspec.resolution") == "768x768");
  CHECK(m.at("modelspec.encoder_layer") == "2");
  f.network_dropout = 0.1;
  CHECK(adapter_metadata(f, {}).at("ss_network_dropout") == "0.1");
  CHECK(adapter_metadata(f, {}).at("ss_network_args") == R"({"conv_dim": "4", "conv_alpha": "1", "dropout": 0.1})");
  f.dim_from_weights = true;
  CHECK(adapter_metadata(f, {}).at("ss_network_args") == R"({"conv_dim": "4", "conv_alpha": "1"})");
  CHECK(m.at("modelspec.timestep_range") == "0,900");
  CHECK(m.at("modelspec.author") == "someone");
  CHECK(m.at("modelspec.title") == "A title");
}

TEST_CASE("no_metadata keeps what programs need to tell LoRAs apart") {
  TrainingFacts f;
  f.network_dim = 8;
  f.no_metadata = true;
  std::set<std::string> training;
  for (const auto& [key, value] : adapter_metadata(f, {})) {
    if (key.starts_with("ss_")) training.insert(key);
  }
  CHECK(training == std::set<std::string>{"ss_v2", "ss_base_model_version", "ss_network_module", "ss_network_dim",
                                          "ss_network_alpha"});
}
