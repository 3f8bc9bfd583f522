// Every rule of settings that exclude or silence each other, by a line that breaks it and a line that does not.
#include "run/setting_rules.h"

#include <doctest/doctest.h>

#include <set>

#include "base/error.h"
#include "cli/train_options.h"

using namespace rankine;

namespace {

using Words = std::vector<std::string>;
using enum SettingRule::Kind;

struct Case {
  SettingRule::Kind kind;
  const char* message;  ///< the beginning of the rule's
  Words breaks, keeps;
};

const std::vector<Case> cases = {
    {error,
     "--network_train_unet_only and",
     {"--network_train_unet_only", "--network_train_text_encoder_only"},
     {"--network_train_unet_only"}},
    {error,
     "--dim_from_weights needs",
     {"--dim_from_weights"},
     {"--dim_from_weights", "--network_weights=a.safetensors"}},
    {warning,
     "--network_dim and --network_alpha are not",
     {"--dim_from_weights", "--network_weights=a", "--network_dim=4"},
     {"--dim_from_weights", "--network_weights=a"}},
    {warning,
     "--text_encoder_lr is not used",
     {"--network_train_unet_only", "--text_encoder_lr=1e-5"},
     {"--network_train_unet_only", "--unet_lr=1e-5"}},
    {warning,
     "--unet_lr is not used",
     {"--network_train_text_encoder_only", "--unet_lr=1e-5"},
     {"--network_train_text_encoder_only", "--text_encoder_lr=1e-5"}},
    {warning,
     "--network_args: settings of the U-Net",
     {"--network_train_text_encoder_only", "--network_args", "conv_dim=4"},
     {"--network_train_text_encoder_only", "--network_args", "loraplus_lr_ratio=4"}},
    {warning,
     "--network_args: conv_dim, block_dims",
     {"--dim_from_weights", "--network_weights=a", "--network_args", "conv_dim=4"},
     {"--dim_from_weights", "--network_weights=a", "--network_args", "loraplus_lr_ratio=4"}},
    {warning,
     "--network_args conv_alpha",
     {"--network_args", "conv_alpha=1"},
     {"--network_args", "conv_dim=4", "conv_alpha=1"}},
    {warning,
     "--max_train_steps is not used",
     {"--max_train_epochs=1", "--max_train_steps=1600"},
     {"--max_train_epochs=1"}},
    {error,
     "--lr_scheduler adafactor is",
     {"--lr_scheduler=adafactor"},
     {"--lr_scheduler=adafactor", "--optimizer_type=Adafactor"}},
    {error,
     "--lr_warmup_steps: Adafactor",
     {"--optimizer_type=Adafactor", "--lr_scheduler=cosine", "--lr_warmup_steps=10"},
     {"--optimizer_type=Adafactor", "--optimizer_args", "relative_step=False", "--lr_scheduler=cosine",
      "--lr_warmup_steps=10"}},
    {error,
     "--lr_warmup_steps: the schedule constant",
     {"--lr_warmup_steps=10%"},
     {"--lr_warmup_steps=10%", "--lr_scheduler=constant_with_warmup"}},
    {error,
     "--lr_warmup_steps: a --lr_scheduler_type",
     {"--lr_scheduler_type=CosineAnnealingLR", "--lr_scheduler_args", "T_max=3", "--lr_warmup_steps=1"},
     {"--lr_scheduler_type=CosineAnnealingLR", "--lr_scheduler_args", "T_max=3"}},
    {warning,
     "--lr_scheduler is not used: Adafactor",
     {"--optimizer_type=Adafactor", "--lr_scheduler=cosine"},
     {"--optimizer_type=Adafactor"}},
    {warning,
     "--lr_scheduler and --lr_warmup_steps are",
     {"--optimizer_type=AdamWScheduleFree", "--lr_scheduler=cosine"},
     {"--optimizer_type=AdamWScheduleFree"}},
    {warning,
     "--learning_rate is a factor",
     {"--optimizer_type=Prodigy", "--learning_rate=1e-4"},
     {"--optimizer_type=Prodigy", "--learning_rate=1"}},
    {warning,
     "--unet_lr and --text_encoder_lr differ",
     {"--optimizer_type=DAdaptAdam", "--unet_lr=1", "--text_encoder_lr=0.5"},
     {"--optimizer_type=DAdaptAdam", "--unet_lr=1", "--text_encoder_lr=1"}},
    {warning,
     "--lr_scheduler is not used: --lr_scheduler_type",
     {"--lr_scheduler=cosine", "--lr_scheduler_type=ConstantLR"},
     {"--lr_scheduler_type=ConstantLR"}},
    {warning,
     "--lr_scheduler_num_cycles is",
     {"--lr_scheduler=cosine", "--lr_scheduler_num_cycles=3"},
     {"--lr_scheduler=cosine_with_restarts", "--lr_scheduler_num_cycles=3"}},
    {warning,
     "--lr_scheduler_power is",
     {"--lr_scheduler=cosine", "--lr_scheduler_power=2"},
     {"--lr_scheduler=polynomial", "--lr_scheduler_power=2"}},
    {warning,
     "--lr_scheduler_timescale is",
     {"--lr_scheduler=cosine", "--lr_scheduler_timescale=2"},
     {"--lr_scheduler=inverse_sqrt", "--lr_scheduler_timescale=2"}},
    {warning,
     "--lr_scheduler_min_lr_ratio is",
     {"--lr_scheduler=cosine", "--lr_scheduler_min_lr_ratio=0.1"},
     {"--lr_scheduler=cosine_with_min_lr", "--lr_scheduler_min_lr_ratio=0.1"}},
    {warning,
     "--lr_decay_steps is",
     {"--lr_scheduler=cosine", "--lr_decay_steps=10"},
     {"--lr_scheduler=warmup_stable_decay", "--lr_decay_steps=10"}},
    {warning, "--zero_terminal_snr without", {"--zero_terminal_snr"}, {"--zero_terminal_snr", "--v_parameterization"}},
    {warning, "--huber_schedule, --huber_c", {"--huber_c=0.2"}, {"--huber_c=0.2", "--loss_type=huber"}},
    {warning,
     "--noise_offset_random_strength is",
     {"--noise_offset_random_strength"},
     {"--noise_offset_random_strength", "--noise_offset=0.1"}},
    {warning,
     "--ip_noise_gamma_random_strength is",
     {"--ip_noise_gamma_random_strength"},
     {"--ip_noise_gamma_random_strength", "--ip_noise_gamma=0.1"}},
    {warning,
     "--multires_noise_discount is",
     {"--multires_noise_discount=0.8"},
     {"--multires_noise_discount=0.8", "--multires_noise_iterations=6"}},
    {warning, "--prior_loss_weight is", {"--prior_loss_weight=0.5"}, {"--prior_loss_weight=0.5", "--reg_data_dir=reg"}},
    {warning,
     "--train_data_dir, --reg_data_dir",
     {"--dataset_config=d.toml", "--train_data_dir=pics"},
     {"--train_data_dir=pics"}},
    {warning, "--reg_data_dir is not used", {"--in_json=a.json", "--reg_data_dir=reg"}, {"--reg_data_dir=reg"}},
    {warning,
     "--min_bucket_reso and --max_bucket_reso make",
     {"--enable_bucket", "--bucket_no_upscale", "--min_bucket_reso=256"},
     {"--enable_bucket", "--min_bucket_reso=256"}},
    {warning,
     "--min_bucket_reso, --max_bucket_reso, --bucket_reso_steps",
     {"--bucket_reso_steps=8"},
     {"--bucket_reso_steps=8", "--enable_bucket"}},
    {warning,
     "--face_crop_aug_range is",
     {"--face_crop_aug_range=2.0,4.0", "--enable_bucket"},
     {"--face_crop_aug_range=2.0,4.0"}},
    {warning, "--keep_tokens changes nothing", {"--keep_tokens=1"}, {"--keep_tokens=1", "--shuffle_caption"}},
    {warning, "--token_warmup_min is", {"--token_warmup_min=3"}, {"--token_warmup_min=3", "--token_warmup_step=0.5"}},
    {warning,
     "--keep_tokens_separator stays",
     {"--keep_tokens_separator=|||"},
     {"--keep_tokens_separator=|||", "--shuffle_caption"}},
    {warning, "--dataset_repeats is", {"--dataset_repeats=3"}, {"--dataset_repeats=3", "--in_json=a.json"}},
    {warning,
     "--caption_extension is not used: the captions",
     {"--in_json=a.json", "--caption_extension=.txt"},
     {"--caption_extension=.txt"}},
    {warning,
     "--caption_extension is not used: the old",
     {"--caption_extension=.txt", "--caption_extention=.cap"},
     {"--caption_extention=.cap"}},
    {warning, "--skip_cache_check is", {"--skip_cache_check"}, {"--skip_cache_check", "--cache_latents_to_disk"}},
    {error, "--full_fp16: ", {"--full_fp16"}, {"--full_fp16", "--mixed_precision=fp16"}},
    {error, "--full_bf16: ", {"--full_bf16"}, {"--full_bf16", "--mixed_precision=bf16"}},
    {error, "--fp8_base requires", {"--fp8_base_unet"}, {"--fp8_base_unet", "--mixed_precision=bf16"}},
    {error,
     "--on_nonfinite rollback lowers",
     {"--on_nonfinite=rollback", "--optimizer_type=Adafactor"},
     {"--on_nonfinite=rollback"}},
    {warning,
     "--save_every_n_epochs is not used",
     {"--save_n_epoch_ratio=2", "--save_every_n_epochs=1"},
     {"--save_every_n_epochs=1"}},
    {warning,
     "--save_last_n_epochs removes nothing",
     {"--save_last_n_epochs=1"},
     {"--save_last_n_epochs=1", "--save_every_n_epochs=1"}},
    {warning,
     "--save_last_n_steps removes nothing",
     {"--save_last_n_steps=1"},
     {"--save_last_n_steps=1", "--save_every_n_steps=1"}},
    {warning,
     "--save_last_n_epochs_state and",
     {"--save_every_n_epochs=1", "--save_last_n_epochs_state=1"},
     {"--save_every_n_epochs=1", "--save_last_n_epochs_state=1", "--save_state"}},
    {warning, "--initial_epoch is", {"--initial_step=3", "--initial_epoch=2"}, {"--initial_epoch=2"}},
    {warning,
     "--sample_every_n_steps is not used",
     {"--sample_every_n_steps=1", "--sample_every_n_epochs=1"},
     {"--sample_every_n_steps=1"}},
    {warning,
     "--validation_seed, ",
     {"--validate_every_n_steps=5"},
     {"--validate_every_n_steps=5", "--validation_split=0.1"}},
    {warning, "--log_prefix, ", {"--log_prefix=a"}, {"--log_prefix=a", "--logging_dir=logs"}},
    {warning,
     "--sample_prompts makes no pictures",
     {"--sample_prompts=p.txt"},
     {"--sample_prompts=p.txt", "--sample_at_first"}},
    {warning,
     "--training_comment and --metadata_...",
     {"--save_model_as=ckpt", "--metadata_title=a"},
     {"--save_model_as=ckpt"}},
    {warning, "--training_comment is not stored", {"--no_metadata", "--training_comment=a"}, {"--training_comment=a"}},
};

TrainConfig read(const Words& args) {
  Messages messages;
  return read_train_options(args, messages).config;
}

const SettingRule* rule_of(const char* message) {
  const SettingRule* found = nullptr;
  for (const SettingRule& rule : setting_rules())
    if (rule.message.starts_with(message)) {
      CHECK(!found);
      found = &rule;
    }
  return found;
}

}  // namespace

TEST_CASE("each rule of settings is broken by a line of its own and kept by another, and there is no other rule") {
  std::set<const SettingRule*> seen;
  for (const Case& one : cases) {
    CAPTURE(one.message);
    const SettingRule* rule = rule_of(one.message);
    REQUIRE(rule);
    CHECK(seen.insert(rule).second);
    CHECK(rule->kind == one.kind);
    CHECK(rule->broken(read(one.breaks)));
    CHECK(!rule->broken(read(one.keeps)));
    CHECK(!rule->broken(read({})));
  }
  CHECK(seen.size() == setting_rules().size());
  CHECK(seen.size() >= 56);
}

TEST_CASE("an error of the rules stops the run, a warning is one line") {
  const TrainConfig stops = read({"--full_fp16"});
  CHECK_THROWS_WITH_AS(check_setting_rules(stops), doctest::Contains("--full_fp16: "), Error);
  const TrainConfig goes_on = read({"--max_train_epochs=1", "--max_train_steps=5", "--keep_tokens=1"});
  CHECK_NOTHROW(check_setting_rules(goes_on));
  CHECK(setting_warnings(goes_on).size() == 2);
  CHECK(setting_warnings(read({})).empty());
}
