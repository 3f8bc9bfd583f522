#include "network/metadata.h"

#include <doctest/doctest.h>

#include <cstddef>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "cli/train_options.h"
#include "golden/recorded_run.h"
#include "io/file_hash.h"
#include "io/sha256.h"
#include "optim/optimizer.h"
#include "run/training_facts.h"
#include "support/accounting.h"
#include "support/reference.h"

using namespace rankine;
using Json = nlohmann::ordered_json;

namespace {

// Keys of the data, which their own layer makes and tests (tests/data/dataset_metadata_test.cpp).
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

const Family& family_of(const std::string& version, bool v_parameterization) {
  for (const Family* family : families())
    if (family->base_model_names(v_parameterization).base_model_version == version) return *family;
  fail("no family writes ss_base_model_version ", version);
}

/// The facts of a recorded run as its command line gives them; those of the data, and those that vary from run to run,
/// are as recorded.
TrainingFacts facts_of(const Json& run, const std::map<std::string, std::string>& recorded) {
  Messages messages;
  const TrainConfig config = read_train_options(run.at("argv").get<std::vector<std::string>>(), messages).config;
  TrainingData data{.from_file = true};
  data.datasets.emplace_back();
  RunLength length = run_length(config.run, std::stoll(recorded.at("ss_num_batches_per_epoch")));
  TrainingFacts f =
      training_facts(config, family_of(recorded.at("ss_base_model_version"), config.model.v_parameterization), data,
                     length, std::stoull(recorded.at("ss_seed")),
                     make_optimizer(config.optim.type(), config.optim.optimizer_args)->description());
  f.session_id = static_cast<uint32_t>(std::stoul(recorded.at("ss_session_id")));
  f.training_started_at = std::stod(recorded.at("ss_training_started_at"));
  f.commit_hash = recorded.at("ss_sd_scripts_commit_hash");
  f.implementation_version = recorded.at("modelspec.implementation_version");
  // The hashed checkpoint of these runs is a stand-in: the bytes 0 to 255, 8192 times.
  std::vector<std::byte> stand_in(256 * 8192);
  for (size_t i = 0; i < stand_in.size(); ++i) stand_in[i] = static_cast<std::byte>(i % 256);
  f.sd_model_hash = window_hash(stand_in);
  f.new_sd_model_hash = sha256_hex(stand_in);
  f.data.clear();
  for (const auto& [key, value] : recorded)
    if (data_keys.contains(key)) f.data[key] = value;
  return f;
}

}  // namespace

TEST_CASE("metadata are those of the recorded runs, key by key and value by value") {
  const Json runs = golden::read_reference_json("e2e_metadata.json");
  for (const auto& [name, run] : runs.items()) {
    CAPTURE(name);
    if (const std::string reason = golden::reason_to_skip_command(run); !reason.empty()) {
      golden::skipped("e2e_metadata." + name, reason);
      continue;
    }
    golden::ran("e2e_metadata." + name);
    const auto recorded = run.at("metadata").get<std::map<std::string, std::string>>();
    const SaveFacts save{.steps = std::stoi(recorded.at("ss_steps")),
                         .epoch = std::stoi(recorded.at("ss_epoch")),
                         .finished_at = std::stod(recorded.at("ss_training_finished_at"))};
    const auto metadata = adapter_metadata(facts_of(run, recorded), save);
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
