#include "run/former_settings.h"

#include <string_view>
#include <utility>

#include "network/adapter.h"

namespace rankine {
namespace {

/// The value that a former state holds for a flag that was not given.
constexpr std::pair<std::string_view, std::string_view> defaults[] = {
    {"adaptive_noise_scale", "None"},
    {"base_weights", "None"},
    {"cache_latents", "False"},
    {"caption_dropout_every_n_epochs", "0"},
    {"caption_dropout_rate", "0.0"},
    {"caption_tag_dropout_rate", "0.0"},
    {"clip_skip", "None"},
    {"fp8_base", "False"},
    {"fp8_base_unet", "False"},
    {"full_fp16", "False"},
    {"gradient_accumulation_steps", "1"},
    {"huber_c", "0.1"},
    {"huber_scale", "1.0"},
    {"huber_schedule", "snr"},
    {"initial_epoch", "None"},
    {"initial_step", "None"},
    {"ip_noise_gamma", "None"},
    {"ip_noise_gamma_random_strength", "False"},
    {"learning_rate", "2e-06"},
    {"loss_type", "l2"},
    {"lr_decay_steps", "0"},
    {"lr_scheduler", "constant"},
    {"lr_scheduler_args", "None"},
    {"lr_scheduler_min_lr_ratio", "None"},
    {"lr_scheduler_num_cycles", "1"},
    {"lr_scheduler_power", "1.0"},
    {"lr_scheduler_timescale", "None"},
    {"lr_warmup_steps", "0"},
    {"max_grad_norm", "1.0"},
    {"max_token_length", "None"},
    {"min_snr_gamma", "None"},
    {"mixed_precision", "no"},
    {"multires_noise_discount", "0.3"},
    {"multires_noise_iterations", "None"},
    {"network_alpha", "1.0"},
    {"network_dim", "None"},
    {"network_dropout", "None"},
    {"network_weights", "None"},
    {"no_half_vae", "False"},
    {"noise_offset", "None"},
    {"noise_offset_random_strength", "False"},
    {"prior_loss_weight", "1.0"},
    {"resize_interpolation", "None"},
    {"resume", "None"},
    {"scale_weight_norms", "None"},
    {"text_encoder_lr", "None"},
    {"unet_lr", "None"},
    {"validation_seed", "None"},
    {"validation_split", "0.0"},
    {"zero_terminal_snr", "False"},
};

/// Keys that repeat what others say: the flags, the base model, the data.
constexpr std::string_view repeated[] = {"base_model_version", "v2", "optimizer", "debiased_estimation",
                                         "face_crop_aug_range"};

/// {"conv_dim": "4", "dropout": null} as the flag was given: conv_dim=4. The dropout is --network_dropout.
std::string network_args(const std::string& metadata) {
  if (metadata.find('\\') != std::string::npos) return metadata;  // no argument that means anything has such characters
  std::string text;
  bool is_key = true;
  for (size_t begin = metadata.find('"'); begin != std::string::npos; is_key = !is_key) {
    const size_t end = metadata.find('"', begin + 1);
    if (end == std::string::npos) return metadata;
    const std::string part = metadata.substr(begin + 1, end - begin - 1);
    if (is_key && part == "dropout") break;  // it stands last
    text += (is_key ? (text.empty() ? "" : " ") : "=") + part;
    begin = metadata.find('"', end + 1);
  }
  return text;
}

}  // namespace

RunSettings todays_settings(RunSettings settings) {
  if (!settings.contains("base_model_version")) return settings;
  for (const std::string_view key : repeated) settings.erase(std::string(key));
  for (const auto& [key, value] : defaults)
    if (const auto found = settings.find(std::string(key)); found != settings.end() && found->second == value)
      settings.erase(found);
  if (const auto kind = settings.find("network_module");
      kind != settings.end() && kind->second == find_adapter("").network_module)
    settings.erase(kind);
  if (const auto args = settings.find("network_args"); args != settings.end())
    args->second = network_args(args->second);
  if (const auto args = settings.find("lr_scheduler_args");
      args != settings.end() && !settings.contains("lr_scheduler_type"))
    args->second = "step_rules=" + args->second;
  constexpr std::string_view of_all = " of all";
  if (const auto decay = settings.find("lr_decay_steps"); decay != settings.end() && decay->second.ends_with(of_all))
    decay->second.resize(decay->second.size() - of_all.size());
  return settings;
}

}  // namespace rankine
