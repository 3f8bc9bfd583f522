#include "network/metadata.h"

#include <doctest/doctest.h>

#include <cstddef>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "io/file_hash.h"
#include "io/sha256.h"
#include "models/sd1.h"
#include "models/sd2.h"
#include "models/sdxl.h"
#include "support/accounting.h"
#include "support/reference.h"

using namespace rankine;
using Json = nlohmann::ordered_json;

namespace {

// Keys that the layer of the data makes and tests (tests/data/dataset_metadata_test.cpp).
const std::set<std::string> data_keys = {
    "ss_num_train_images",
    "ss_num_reg_images",
    "ss_num_batches_per_epoch",
    "ss_tag_frequency",
    "ss_dataset_dirs",
    "ss_datasets",
    "ss_batch_size_per_device",
    "ss_total_batch_size",
    "ss_resolution",
    "ss_color_aug",
    "ss_flip_aug",
    "ss_random_crop",
    "ss_shuffle_caption",
    "ss_enable_bucket",
    "ss_bucket_no_upscale",
    "ss_min_bucket_reso",
    "ss_max_bucket_reso",
    "ss_keep_tokens",
    "ss_reg_dataset_dirs",
    "ss_bucket_info",
};

// Those of the saving, and dates in local time.
const std::set<std::string> left_out = {"sshs_model_hash", "sshs_legacy_hash", "modelspec.date"};

std::map<std::string, std::string> options_of(const Json& argv) {
  std::map<std::string, std::string> options;
  for (size_t i = 0; i < argv.size(); ++i) {
    const auto name = argv[i].get<std::string>().substr(2);
    const bool has_value = i + 1 < argv.size() && !argv[i + 1].get<std::string>().starts_with("--");
    options[name] = has_value ? argv[++i].get<std::string>() : "true";
  }
  return options;
}

/// The facts of a recorded run: its command line, and what varies from run to run as recorded.
TrainingFacts facts_of(const Json& argv, const std::map<std::string, std::string>& recorded) {
  const auto o = options_of(argv);
  TrainingFacts f;
  f.session_id = static_cast<uint32_t>(std::stoul(recorded.at("ss_session_id")));
  f.training_started_at = std::stod(recorded.at("ss_training_started_at"));
  f.commit_hash = recorded.at("ss_sd_scripts_commit_hash");
  f.implementation_version = recorded.at("modelspec.implementation_version");
  f.output_name = o.at("output_name");
  f.training_comment = o.at("training_comment");
  const bool is_sdxl = recorded.at("ss_base_model_version").starts_with("sdxl");
  f.model = (is_sdxl ? sdxl_family : sd1_family).base_model_names(false);
  // The hashed checkpoint of these runs is a stand-in: the bytes 0 to 255, 8192 times.
  std::vector<std::byte> stand_in(256 * 8192);
  for (size_t i = 0; i < stand_in.size(); ++i) stand_in[i] = static_cast<std::byte>(i % 256);
  f.sd_model_name = o.at("pretrained_model_name_or_path");
  f.sd_model_hash = window_hash(stand_in);
  f.new_sd_model_hash = sha256_hex(stand_in);
  f.network_module = o.at("network_module");
  f.network_dim = std::stoi(o.at("network_dim"));
  f.network_alpha = std::stod(o.at("network_alpha"));
  f.learning_rate = std::stod(o.at("learning_rate"));
  f.text_encoder_lr = std::stod(o.at("text_encoder_lr"));
  f.unet_lr = std::stod(o.at("unet_lr"));
  f.lr_scheduler = o.at("lr_scheduler");
  f.lr_warmup_steps = o.at("lr_warmup_steps");
  f.num_epochs = std::stoi(o.at("max_train_epochs"));
  f.max_train_steps = std::stoi(recorded.at("ss_max_train_steps"));  // follows from the data and the epochs
  f.gradient_accumulation_steps = std::stoi(o.at("gradient_accumulation_steps"));
  f.mixed_precision = o.at("mixed_precision");
  f.cache_latents = o.contains("cache_latents");
  f.seed = std::stoul(o.at("seed"));
  f.min_snr_gamma = std::stod(o.at("min_snr_gamma"));
  if (o.contains("resolution")) {
    const std::string& text = o.at("resolution");
    f.resolution = {std::stoi(text), std::stoi(text.substr(text.find(',') + 1))};
  }
  for (const auto& [key, value] : recorded) {
    if (data_keys.contains(key)) f.data[key] = value;
  }
  return f;
}

}  // namespace

TEST_CASE("metadata are those of the recorded runs, key by key and value by value") {
  const auto runs = golden::read_reference_json("e2e_metadata.json");
  REQUIRE(!runs.empty());
  for (const auto& [name, run] : runs.items()) {
    golden::ran("e2e_metadata." + name);
    CAPTURE(name);
    const auto recorded = run.at("metadata").get<std::map<std::string, std::string>>();
    const SaveFacts save{.steps = std::stoi(recorded.at("ss_steps")),
                         .epoch = std::stoi(recorded.at("ss_epoch")),
                         .finished_at = std::stod(recorded.at("ss_training_finished_at"))};
    const auto metadata = adapter_metadata(facts_of(run.at("argv"), recorded), save);
    for (const auto& [key, value] : recorded) {
      if (left_out.contains(key)) continue;
      CAPTURE(key);
      REQUIRE(metadata.contains(key));
      CHECK(metadata.at(key) == value);
    }
    for (const auto& [key, value] : metadata) {
      CAPTURE(key);
      CHECK(recorded.contains(key));
    }
    CHECK(metadata.at("modelspec.date").size() == recorded.at("modelspec.date").size());
  }
}

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
