// Which flags change a run's numbers, and where their values are stored in the saved file.
#include <doctest/doctest.h>

#include "cli/flags.h"
#include "cli/train_options.h"
#include "models/family.h"
#include "network/metadata.h"
#include "optim/optimizer.h"
#include "run/dataset_setup.h"
#include "run/run_identity.h"
#include "run/training_facts.h"
#include "support/small_run.h"

using namespace rankine;
using namespace rankine::test;

namespace {

/// Values for flags that take no value of the general form below.
const std::map<std::string, std::vector<std::string>> special_values = {
    {"base_weights_multiplier", {"0.5"}},
    {"caption_dropout_rate", {"0.5"}},
    {"face_crop_aug_range", {"2.0,4.0"}},
    {"lr_scheduler_args", {"step_rules=1:2,0.1"}},
    {"lr_scheduler_type", {"CosineAnnealingLR"}},
    {"max_bucket_reso", {"512"}},
    {"metadata_thumbnail", {"data:image/png;base64,"}},
    {"min_bucket_reso", {"64"}},
    {"network_args", {"conv_dim=4"}},
    {"optimizer_args", {"weight_decay=0.5"}},
    {"optimizer_type", {"Lion"}},
    {"resolution", {"128"}},
    {"skip_image_resolution", {"8,8"}},
    {"text_encoder_lr", {"0.5"}},
    {"validation_split", {"0.4"}},
};

/// A value that is not the default.
std::vector<std::string> other_value(const Flag& flag) {
  if (const auto special = special_values.find(flag.key()); special != special_values.end()) return special->second;
  for (const std::string& choice : flag.choices)
    if (choice != flag.default_text && choice != "75" && choice != "networks.lora") return {choice};
  switch (flag.kind) {
    case FlagKind::toggle:
      return {"true"};
    case FlagKind::integer:
      return {"3"};
    case FlagKind::number:
      return {"0.7"};
    default:
      return {"x"};
  }
}

/// The options of `rankine train` on a few pictures with one more flag.
struct Options {
  TrainOptions options;

  Options(const SmallRun& run, const Flag* flag, const std::vector<std::string>& more = {}) {
    std::vector<std::string> args = {"--pretrained_model_name_or_path=model.safetensors",
                                     "--train_data_dir=" + run.folder.path("pics"), "--output_dir=out",
                                     "--caption_extension=.txt", "--resolution=256"};
    if (flag) {
      args.push_back(flag->name);
      if (flag->kind != FlagKind::toggle)
        for (const std::string& text : other_value(*flag)) args.push_back(text);
    }
    args.insert(args.end(), more.begin(), more.end());
    Messages messages;
    options = read_train_options(args, messages);
  }
  const TrainConfig& config() const { return options.config; }
};

std::string optimizer_of(const TrainConfig& c) {
  return make_optimizer(c.optim.type(), c.optim.optimizer_args)->description();
}

RunSettings identity(const TrainConfig& c, const TrainingData& data) {
  return run_settings(c, data, run_length(c.run, data.batches_per_epoch()), StepSettings{}, "optimizer");
}

std::map<std::string, std::string> metadata(const TrainConfig& c) {
  const TrainingData data = load_training_data(c, default_family().latents);
  const RunLength length = run_length(c.run, data.batches_per_epoch());
  return adapter_metadata(training_facts(c, default_family(), data, length, c.run.seed.value_or(0), optimizer_of(c)),
                          {});
}

std::string value_of(const std::map<std::string, std::string>& values, const std::string& key) {
  const auto found = values.find(key);
  return found == values.end() ? "(no such key)" : found->second;
}

/// These say where the other flags stand, and have no value of their own.
bool is_of_config_file(const Flag& flag) { return flag.key() == "config_file" || flag.key() == "output_config"; }

}  // namespace

TEST_CASE("every flag says whether it changes a run's numbers, and one that does has a value to compare") {
  TrainOptions options;
  std::vector<std::string> notes;
  for (const FlagGroup& group : train_flags(options))
    for (const Flag& flag : group.flags) {
      CAPTURE(flag.name);
      REQUIRE(flag.effect.has_value());
      if (flag.status != FlagStatus::built) CHECK(flag.effect == Effect::none);
      if (flag.effect != Effect::numbers || flag.key() == "network_module") continue;  // the only kind there is
      assign(flag, other_value(flag), flag.name, notes);
      CHECK(!value_text(flag).empty());
    }
}

TEST_CASE("a run is another one when a flag that changes numbers is, and the same one when another flag is") {
  const SmallRun run;
  const TrainingData data = load_training_data(Options(run, nullptr).config(), default_family().latents);
  const RunSettings same = identity(Options(run, nullptr).config(), data);
  TrainOptions options;
  int changing = 0, others = 0;
  for (const FlagGroup& group : train_flags(options))
    for (const Flag& flag : group.flags) {
      if (flag.status != FlagStatus::built || is_of_config_file(flag) || flag.key() == "network_module") continue;
      CAPTURE(flag.name);
      // The second turns --cache_latents on, which counts.
      if (flag.effect == Effect::source || flag.key() == "cache_latents_to_disk") continue;
      const RunSettings here = identity(Options(run, &flag).config(), data);
      if (flag.effect == Effect::numbers) {
        CHECK(here != same);
        ++changing;
      } else {
        CHECK(here == same);
        ++others;
      }
    }
  CHECK(changing > 80);
  CHECK(others > 40);
}

TEST_CASE("a run is another one when the pictures, the base model, the seed or the state it starts from is") {
  const SmallRun run;
  const TrainConfig c = Options(run, nullptr).config();
  const RunSettings same = identity(c, load_training_data(c, default_family().latents));
  TrainConfig other = c;
  other.run.seed = 3;
  CHECK(identity(other, load_training_data(c, default_family().latents)) != same);
  other = c;
  other.model.pretrained_model_name_or_path = run.folder.path("pics/1_cat/0.png");
  CHECK(identity(other, load_training_data(c, default_family().latents)) != same);
  other = c;
  other.save.resume = "a.state";
  CHECK(identity(other, load_training_data(c, default_family().latents)) != same);
  other = c;
  other.data.defaults.dataset.resolution = Size{128, 128};
  CHECK(identity(other, load_training_data(other, default_family().latents)) != same);
  run.picture("pics/1_cat/9.png", pattern(64, 64, 9));
  CHECK(identity(c, load_training_data(c, default_family().latents)) != same);
}

TEST_CASE("the saved file stores each flag's value where the flag says") {
  const SmallRun run;
  const std::map<std::string, std::string> plain = metadata(Options(run, nullptr).config());
  TrainOptions options;
  int recorded = 0;
  for (const FlagGroup& group : train_flags(options))
    for (const Flag& flag : group.flags) {
      const bool is_folder =
          flag.key() == "train_data_dir" || flag.key() == "reg_data_dir" || flag.key() == "dataset_config";
      if (flag.metadata_key.empty() || is_folder || flag.key() == "network_module") continue;
      CAPTURE(flag.name);
      CAPTURE(flag.metadata_key);
      // Sizes of buckets are stored only where there are buckets.
      const bool is_of_buckets = flag.key().find("bucket_") != std::string::npos;
      const std::vector<std::string> more =
          is_of_buckets ? std::vector<std::string>{"--enable_bucket"} : std::vector<std::string>{};
      const std::string here = value_of(metadata(Options(run, &flag, more).config()), flag.metadata_key);
      CHECK(here != value_of(plain, flag.metadata_key));
      ++recorded;
    }
  CHECK(recorded > 70);
  for (const char* key : {"ss_dataset_dirs", "ss_reg_dataset_dirs", "ss_network_module"}) CHECK(plain.contains(key));
}
