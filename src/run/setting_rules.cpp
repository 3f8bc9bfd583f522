#include "run/setting_rules.h"

#include <algorithm>

#include "base/error.h"
#include "optim/optimizer.h"

namespace rankine {
namespace {

using C = const TrainConfig&;
using enum SettingRule::Kind;

/// True if the flag was given, in a file or on the command line.
bool given(C c, std::string_view key) {
  return std::ranges::any_of(c.settings, [&](const auto& one) { return one.first == key; });
}
/// The same for a value that is not the default; only for flags that change numbers.
bool changed(C c, std::string_view key) { return c.given_flags.contains(std::string(key)); }
template <class... Keys>
bool any_given(C c, Keys... keys) {
  return (given(c, keys) || ...);
}
template <class... Keys>
bool any_changed(C c, Keys... keys) {
  return (changed(c, keys) || ...);
}

bool starts(const std::string& text, std::string_view start) { return text.starts_with(start); }
bool schedule_is(C c, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, c.optim.lr_schedule.kind()) != names.end();
}
bool warms_up(C c) { return c.optim.lr_schedule.lr_warmup_steps.value != 0; }
bool finds_own_rate(C c) { return make_optimizer(c.optim.type(), c.optim.optimizer_args)->finds_own_rate(); }
bool is_schedule_free(C c) { return !make_optimizer(c.optim.type(), c.optim.optimizer_args)->takes_lr_schedule(); }
bool finds_step_size(C c) { return starts(c.optim.type(), "DAdapt") || c.optim.type() == "Prodigy"; }
double first_rate(C c) { return c.network.trains_text_encoder() ? c.optim.text_encoder_rate() : c.optim.unet_rate(); }
bool moves_tags(C c) {
  const CaptionSettings& caption = c.data.defaults.subset.caption;
  return caption.shuffle || caption.tag_dropout_rate > 0 || caption.token_warmup_step > 0;
}
/// A dataset file may set these for some of its pictures.
bool by_flags(C c) { return !c.data.dataset_config; }
bool is_on(const std::optional<double>& value) { return value.value_or(0) != 0; }
/// True if --network_args has a setting that begins so.
bool has_network_arg(C c, std::initializer_list<std::string_view> starts_with) {
  return std::ranges::any_of(c.network.network_args, [&](const std::string& item) {
    return std::ranges::any_of(starts_with, [&](std::string_view start) { return item.starts_with(start); });
  });
}
bool describes_file(C c) {
  return std::ranges::any_of(c.settings, [](const auto& one) {
    return one.first.starts_with("metadata_") || one.first == "training_comment";
  });
}

constexpr SettingRule rules[] = {
    // The network
    {error, [](C c) { return c.network.network_train_unet_only && c.network.network_train_text_encoder_only; },
     "--network_train_unet_only and --network_train_text_encoder_only together leave nothing to train"},
    {error, [](C c) { return c.network.dim_from_weights && !c.network.network_weights; },
     "--dim_from_weights needs --network_weights to take the ranks from"},
    {warning, [](C c) { return c.network.dim_from_weights && any_given(c, "network_dim", "network_alpha"); },
     "--network_dim and --network_alpha are not used: with --dim_from_weights the file says the ranks and alphas"},
    {warning, [](C c) { return c.network.network_train_unet_only && !c.optim.text_encoder_lr.empty(); },
     "--text_encoder_lr is not used: --network_train_unet_only leaves the text encoder as it is"},
    {warning, [](C c) { return c.network.network_train_text_encoder_only && c.optim.unet_lr; },
     "--unet_lr is not used: --network_train_text_encoder_only leaves the U-Net as it is"},
    {warning,
     [](C c) {
       return c.network.network_train_text_encoder_only &&
              has_network_arg(c, {"conv_dim=", "conv_alpha=", "conv_block_", "block_",
                                  "down_lr_weight=", "mid_lr_weight=", "up_lr_weight="});
     },
     "--network_args: settings of the U-Net (conv_dim, block_dims, down_lr_weight and the like) are not "
     "used: --network_train_text_encoder_only leaves it as it is"},
    {warning,
     [](C c) {
       return c.network.dim_from_weights &&
              has_network_arg(c, {"conv_dim=", "conv_alpha=", "block_dims=", "block_alphas=", "conv_block_"});
     },
     "--network_args: conv_dim, block_dims and other ranks and alphas are not used: with --dim_from_weights the file "
     "says them"},
    {warning,
     [](C c) {
       return has_network_arg(c, {"conv_alpha="}) && !has_network_arg(c, {"conv_dim=", "conv_block_dims="});
     },
     "--network_args conv_alpha is not used: without conv_dim no 3x3 convolution is adapted"},

    // Length
    {warning, [](C c) { return c.run.max_train_epochs && given(c, "max_train_steps"); },
     "--max_train_steps is not used: --max_train_epochs overrides it"},

    // Optimizer and learning rate
    {error, [](C c) { return c.optim.lr_schedule.kind() == "adafactor" && !finds_own_rate(c); },
     "--lr_scheduler adafactor is the rate that Adafactor finds by itself: it needs --optimizer_type Adafactor without "
     "relative_step=False"},
    {error, [](C c) { return warms_up(c) && finds_own_rate(c); },
     "--lr_warmup_steps: Adafactor finds its own rate and takes no warm-up; leave it out, or give --optimizer_args "
     "relative_step=False and --lr_scheduler constant_with_warmup"},
    {error, [](C c) { return warms_up(c) && !is_schedule_free(c) && schedule_is(c, {"constant"}); },
     "--lr_warmup_steps: the schedule constant has no warm-up; choose --lr_scheduler constant_with_warmup, or leave "
     "--lr_warmup_steps out"},
    {error, [](C c) { return warms_up(c) && !is_schedule_free(c) && !c.optim.lr_schedule.lr_scheduler_type.empty(); },
     "--lr_warmup_steps: a --lr_scheduler_type has no warm-up of its own; leave --lr_warmup_steps out"},
    {warning,
     [](C c) {
       return finds_own_rate(c) && !schedule_is(c, {"adafactor", "constant"});
     },
     "--lr_scheduler is not used: Adafactor finds its own rate; --optimizer_args relative_step=False leaves it to the "
     "schedule"},
    {warning, [](C c) { return is_schedule_free(c) && (!schedule_is(c, {"constant"}) || warms_up(c)); },
     "--lr_scheduler and --lr_warmup_steps are not used: a schedule-free optimizer has none; a warm-up is "
     "--optimizer_args warmup_steps=N"},
    {warning, [](C c) { return finds_step_size(c) && first_rate(c) <= 0.1; },
     "--learning_rate is a factor of the rate that D-Adaptation and Prodigy find: 1.0 is usual, and this one is too "
     "low"},
    {warning,
     [](C c) {
       return finds_step_size(c) && c.network.trains_unet() && c.network.trains_text_encoder() &&
              c.optim.unet_rate() != c.optim.text_encoder_rate();
     },
     "--unet_lr and --text_encoder_lr differ: D-Adaptation and Prodigy find one rate for both, from the first of them"},
    {warning, [](C c) { return !c.optim.lr_schedule.lr_scheduler_type.empty() && changed(c, "lr_scheduler"); },
     "--lr_scheduler is not used: --lr_scheduler_type overrides it"},
    {warning,
     [](C c) {
       return changed(c, "lr_scheduler_num_cycles") &&
              !schedule_is(c, {"cosine_with_restarts", "cosine_with_min_lr", "warmup_stable_decay"});
     },
     "--lr_scheduler_num_cycles is not used: only cosine_with_restarts, cosine_with_min_lr and warmup_stable_decay "
     "have "
     "cycles"},
    {warning, [](C c) { return changed(c, "lr_scheduler_power") && !schedule_is(c, {"polynomial"}); },
     "--lr_scheduler_power is not used: only polynomial has a power"},
    {warning, [](C c) { return changed(c, "lr_scheduler_timescale") && !schedule_is(c, {"inverse_sqrt"}); },
     "--lr_scheduler_timescale is not used: only inverse_sqrt has a time constant"},
    {warning,
     [](C c) {
       return changed(c, "lr_scheduler_min_lr_ratio") && !schedule_is(c, {"cosine_with_min_lr", "warmup_stable_decay"});
     },
     "--lr_scheduler_min_lr_ratio is not used: only cosine_with_min_lr and warmup_stable_decay have a least rate"},
    {warning, [](C c) { return changed(c, "lr_decay_steps") && !schedule_is(c, {"warmup_stable_decay"}); },
     "--lr_decay_steps is not used: only warmup_stable_decay has a decay"},

    // Loss and noise
    {warning, [](C c) { return c.loss.noise.zero_terminal_snr && !c.model.v_parameterization; },
     "--zero_terminal_snr without --v_parameterization: the last timestep is pure noise, and a model that predicts "
     "noise "
     "learns nothing from it"},
    {warning,
     [](C c) {
       return any_changed(c, "huber_schedule", "huber_c", "huber_scale") && c.loss.loss_type != "huber" &&
              c.loss.loss_type != "smooth_l1";
     },
     "--huber_schedule, --huber_c and --huber_scale are not used: they are for --loss_type huber and smooth_l1"},
    {warning, [](C c) { return c.loss.noise.noise_offset_random_strength && !is_on(c.loss.noise.noise_offset); },
     "--noise_offset_random_strength is not used: there is no --noise_offset"},
    {warning, [](C c) { return c.loss.noise.ip_noise_gamma_random_strength && !is_on(c.loss.noise.ip_noise_gamma); },
     "--ip_noise_gamma_random_strength is not used: there is no --ip_noise_gamma"},
    {warning,
     [](C c) {
       return changed(c, "multires_noise_discount") && c.loss.noise.multires_noise_iterations.value_or(0) == 0;
     },
     "--multires_noise_discount is not used: there are no --multires_noise_iterations"},
    {warning, [](C c) { return changed(c, "prior_loss_weight") && by_flags(c) && !c.data.reg_data_dir; },
     "--prior_loss_weight is not used: there are no regularisation pictures (--reg_data_dir)"},

    // Data
    {warning, [](C c) { return c.data.dataset_config && any_given(c, "train_data_dir", "reg_data_dir", "in_json"); },
     "--train_data_dir, --reg_data_dir and --in_json are not used: --dataset_config names the data"},
    {warning, [](C c) { return c.data.in_json && c.data.reg_data_dir && by_flags(c); },
     "--reg_data_dir is not used: --in_json has no regularisation pictures"},
    {warning,
     [](C c) {
       return by_flags(c) && c.data.defaults.dataset.enable_bucket && c.data.defaults.dataset.bucket_no_upscale &&
              any_given(c, "min_bucket_reso", "max_bucket_reso");
     },
     "--min_bucket_reso and --max_bucket_reso make no bucket: with --bucket_no_upscale each picture's size makes its "
     "own"},
    {warning,
     [](C c) {
       return by_flags(c) && !c.data.defaults.dataset.enable_bucket &&
              any_changed(c, "min_bucket_reso", "max_bucket_reso", "bucket_reso_steps", "bucket_no_upscale");
     },
     "--min_bucket_reso, --max_bucket_reso, --bucket_reso_steps and --bucket_no_upscale are not used: there is no "
     "--enable_bucket"},
    {warning,
     [](C c) {
       return by_flags(c) && c.data.defaults.dataset.enable_bucket && c.data.defaults.subset.face_crop_aug_range;
     },
     "--face_crop_aug_range is not used: pictures in buckets (--enable_bucket) are not cropped around faces"},
    {warning, [](C c) { return by_flags(c) && c.data.defaults.subset.caption.keep_tokens > 0 && !moves_tags(c); },
     "--keep_tokens changes nothing: no --shuffle_caption, --caption_tag_dropout_rate or --token_warmup_step moves "
     "tags"},
    {warning,
     [](C c) {
       return by_flags(c) && changed(c, "token_warmup_min") && c.data.defaults.subset.caption.token_warmup_step == 0;
     },
     "--token_warmup_min is not used: there is no --token_warmup_step"},
    {warning,
     [](C c) { return by_flags(c) && !c.data.defaults.subset.caption.keep_tokens_separator.empty() && !moves_tags(c); },
     "--keep_tokens_separator stays in the captions as text: no --shuffle_caption, --caption_tag_dropout_rate or "
     "--token_warmup_step moves tags"},
    {warning, [](C c) { return changed(c, "dataset_repeats") && by_flags(c) && !c.data.in_json; },
     "--dataset_repeats is not used: the folders' names in --train_data_dir say the repeats (10_name)"},
    {warning,
     [](C c) { return by_flags(c) && c.data.in_json && any_given(c, "caption_extension", "caption_extention"); },
     "--caption_extension is not used: the captions are those of --in_json"},
    {warning, [](C c) { return any_given(c, "caption_extension") && any_given(c, "caption_extention"); },
     "--caption_extension is not used: the old spelling --caption_extention overrides it"},
    {warning,
     [](C c) {
       return c.data.skip_cache_check && !c.data.cache_latents_to_disk && !c.data.cache_text_encoder_outputs_to_disk;
     },
     "--skip_cache_check is not used: no cache files are read without --cache_latents_to_disk or "
     "--cache_text_encoder_outputs_to_disk"},

    // Precision
    {error, [](C c) { return c.step.full_fp16 && c.step.mixed_precision != "fp16"; },
     "--full_fp16: full_fp16 requires mixed_precision='fp16'; add --mixed_precision fp16"},
    {error, [](C c) { return c.step.full_bf16 && c.step.mixed_precision != "bf16"; },
     "--full_bf16: full_bf16 requires mixed_precision='bf16'; add --mixed_precision bf16"},
    {error, [](C c) { return (c.step.fp8_base || c.step.fp8_base_unet) && c.step.mixed_precision == "no"; },
     "--fp8_base requires mixed precision='fp16' or 'bf16'; add --mixed_precision bf16"},

    // Saving and watching
    {error, [](C c) { return c.save.on_nonfinite == "rollback" && finds_own_rate(c); },
     "--on_nonfinite rollback lowers the learning rate, but Adafactor finds its own: give --optimizer_args "
     "relative_step=False, or --on_nonfinite stop"},
    {warning, [](C c) { return c.save.save_n_epoch_ratio.value_or(0) > 0 && c.save.save_every_n_epochs; },
     "--save_every_n_epochs is not used: --save_n_epoch_ratio overrides it"},
    {warning,
     [](C c) {
       return (c.save.save_last_n_epochs || c.save.save_last_n_epochs_state) && !c.save.save_every_n_epochs &&
              !c.save.save_n_epoch_ratio;
     },
     "--save_last_n_epochs removes nothing: without --save_every_n_epochs no epoch is saved"},
    {warning,
     [](C c) {
       return (c.save.save_last_n_steps.value_or(0) > 0 || c.save.save_last_n_steps_state.value_or(0) > 0) &&
              !c.save.save_every_n_steps;
     },
     "--save_last_n_steps removes nothing: without --save_every_n_steps no step is saved"},
    {warning,
     [](C c) {
       return (c.save.save_last_n_epochs_state || c.save.save_last_n_steps_state.value_or(0) > 0) && !c.save.save_state;
     },
     "--save_last_n_epochs_state and --save_last_n_steps_state remove nothing: there is no --save_state"},
    {warning, [](C c) { return c.save.initial_step && c.save.initial_epoch; },
     "--initial_epoch is not used: --initial_step overrides it"},
    {warning,
     [](C c) {
       return c.preview.sample_every_n_epochs.value_or(0) > 0 && c.preview.sample_every_n_steps.value_or(0) > 0;
     },
     "--sample_every_n_steps is not used: --sample_every_n_epochs overrides it"},
    {warning,
     [](C c) {
       return by_flags(c) && c.data.defaults.dataset.validation_split == 0 &&
              any_given(c, "validation_seed", "validate_every_n_steps", "validate_every_n_epochs",
                        "max_validation_steps");
     },
     "--validation_seed, --validate_every_n_... and --max_validation_steps are not used: there is no "
     "--validation_split"},
    {warning,
     [](C c) { return !c.tracker.writes_events() && any_given(c, "log_prefix", "log_tracker_name", "log_config"); },
     "--log_prefix, --log_tracker_name and --log_config are not used: there is no --logging_dir"},
    {warning, [](C c) { return c.preview.sample_prompts && !c.preview.sample_prompts->empty() && !c.preview.wanted(); },
     "--sample_prompts makes no pictures: there is no --sample_every_n_steps, --sample_every_n_epochs or "
     "--sample_at_first"},
    {warning, [](C c) { return c.save.save_model_as != "safetensors" && describes_file(c); },
     "--training_comment and --metadata_... are not stored: files of --save_model_as ckpt and pt hold no metadata; "
     "safetensors does"},
    {warning, [](C c) { return c.metadata.no_metadata && c.metadata.training_comment; },
     "--training_comment is not stored: --no_metadata leaves it out"},
};

}  // namespace

std::span<const SettingRule> setting_rules() { return rules; }

void check_setting_rules(const TrainConfig& config) {
  for (const SettingRule& rule : rules) check(rule.kind != error || !rule.broken(config), rule.message);
}

std::vector<std::string> setting_warnings(const TrainConfig& config) {
  std::vector<std::string> messages;
  for (const SettingRule& rule : rules)
    if (rule.kind == warning && rule.broken(config)) messages.emplace_back(rule.message);
  return messages;
}

}  // namespace rankine
