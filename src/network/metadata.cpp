#include "network/metadata.h"

#include <cmath>
#include <ctime>
#include <string_view>

#include "base/error.h"
#include "io/python_text.h"

namespace rankine {
namespace {

using Metadata = std::map<std::string, std::string>;

// What --no_metadata leaves.
constexpr std::string_view minimum_keys[] = {"ss_v2",          "ss_base_model_version", "ss_network_module",
                                             "ss_network_dim", "ss_network_alpha",      "ss_network_args"};

std::string local_date(double unix_time) {
  const auto seconds = static_cast<std::time_t>(std::floor(unix_time));
  std::tm parts{};
  localtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  return text;
}

namespace {

/// As Python writes None, a number or a list of them.
std::string rates_text(const std::vector<double>& rates) {
  if (rates.empty()) return "None";
  if (rates.size() == 1) return python_text(rates[0]);
  std::vector<std::string> texts;
  for (const double rate : rates) texts.push_back(python_text(rate));
  return json_array(texts);
}

}  // namespace

Metadata training_metadata(const TrainingFacts& f) {
  Metadata m = f.data;
  const auto put = [&](const char* key, const auto& value) { m[key] = python_text(value); };
  const auto put_if_known = [&](const char* key, const std::optional<std::string>& value) {
    if (value) m[key] = *value;
  };
  put("ss_session_id", f.session_id);
  put("ss_training_started_at", f.training_started_at);
  put("ss_output_name", f.output_name);
  put("ss_training_comment", f.training_comment);
  put("ss_sd_scripts_commit_hash", f.commit_hash);

  put("ss_v2", f.model.v2);
  put("ss_base_model_version", std::string(f.model.base_model_version));
  put_if_known("ss_sd_model_name", f.sd_model_name);
  put_if_known("ss_sd_model_hash", f.sd_model_hash);
  put_if_known("ss_new_sd_model_hash", f.new_sd_model_hash);
  put_if_known("ss_vae_name", f.vae_name);
  put_if_known("ss_vae_hash", f.vae_hash);
  put_if_known("ss_new_vae_hash", f.new_vae_hash);
  put("ss_clip_skip", f.clip_skip);
  put("ss_max_token_length", f.max_token_length);

  put("ss_network_module", f.network_module);
  put("ss_network_dim", f.network_dim);
  put("ss_network_alpha", f.network_alpha);
  put("ss_network_dropout", f.network_dropout);
  put("ss_scale_weight_norms", f.scale_weight_norms);
  if (!f.network_args.empty()) {
    std::vector<std::pair<std::string, std::string>> args;
    for (const auto& [key, value] : f.network_args) args.emplace_back(key, json_text(value));
    // sd-scripts hands network_dropout on under this name, and the metadata keep what it hands on.
    if (!f.dim_from_weights) args.emplace_back("dropout", f.network_dropout ? python_text(*f.network_dropout) : "null");
    m["ss_network_args"] = json_object(args);
  }

  put("ss_learning_rate", f.learning_rate);
  put("ss_text_encoder_lr", rates_text(f.text_encoder_lr));
  put("ss_unet_lr", f.unet_lr);
  put("ss_optimizer", f.optimizer);
  put("ss_max_grad_norm", f.max_grad_norm);
  put("ss_lr_scheduler", f.lr_scheduler);
  put("ss_lr_warmup_steps", f.lr_warmup_steps);
  put("ss_num_epochs", f.num_epochs);
  put("ss_max_train_steps", f.max_train_steps);
  put("ss_gradient_accumulation_steps", f.gradient_accumulation_steps);

  put("ss_mixed_precision", f.mixed_precision);
  put("ss_gradient_checkpointing", f.gradient_checkpointing);
  put("ss_full_fp16", f.full_fp16);
  put("ss_fp8_base", f.fp8_base);
  put("ss_fp8_base_unet", f.fp8_base_unet);
  put("ss_lowram", f.lowram);
  put("ss_cache_latents", f.cache_latents);
  put("ss_seed", f.seed);

  put("ss_noise_offset", f.noise_offset);
  put("ss_noise_offset_random_strength", f.noise_offset_random_strength);
  put("ss_adaptive_noise_scale", f.adaptive_noise_scale);
  put("ss_ip_noise_gamma", f.ip_noise_gamma);
  put("ss_ip_noise_gamma_random_strength", f.ip_noise_gamma_random_strength);
  put("ss_multires_noise_iterations", f.multires_noise_iterations);
  put("ss_multires_noise_discount", f.multires_noise_discount);
  put("ss_zero_terminal_snr", f.zero_terminal_snr);
  put("ss_min_snr_gamma", f.min_snr_gamma);
  put("ss_debiased_estimation", f.debiased_estimation_loss);
  put("ss_prior_loss_weight", f.prior_loss_weight);
  put("ss_loss_type", f.loss_type);
  put("ss_huber_schedule", f.huber_schedule);
  put("ss_huber_scale", f.huber_scale);
  put("ss_huber_c", f.huber_c);

  put("ss_caption_dropout_rate", f.caption_dropout_rate);
  put("ss_caption_dropout_every_n_epochs", f.caption_dropout_every_n_epochs);
  put("ss_caption_tag_dropout_rate", f.caption_tag_dropout_rate);
  put("ss_face_crop_aug_range", f.face_crop_aug_range);
  put("ss_resize_interpolation", f.resize_interpolation);
  put("ss_num_validation_images", f.num_validation_images);
  put("ss_validation_split", f.validation_split);
  put("ss_validation_seed", f.validation_seed);
  put("ss_max_validation_steps", f.max_validation_steps);
  put("ss_validate_every_n_epochs", f.validate_every_n_epochs);
  put("ss_validate_every_n_steps", f.validate_every_n_steps);
  return m;
}

Metadata model_spec(const TrainingFacts& f, double finished_at) {
  Metadata m;
  for (const auto& [key, value] : f.modelspec) m["modelspec." + key] = value;
  const auto [width, height] = f.resolution.value_or(std::pair(f.model.resolution.width, f.model.resolution.height));
  m["modelspec.sai_model_spec"] = "1.0.1";
  m["modelspec.architecture"] = concat_text(f.model.architecture, '/', f.adapter_name);
  // Where the code of the family comes from: the two values that loaders know.
  m["modelspec.implementation"] = f.model.implementation;
  m["modelspec.implementation_version"] = f.implementation_version;
  m["modelspec.date"] = local_date(finished_at);
  m["modelspec.resolution"] = concat_text(width, "x", height);
  m["modelspec.prediction_type"] = f.v_parameterization ? "v" : "epsilon";
  if (!m.contains("modelspec.title")) m["modelspec.title"] = python_text(f.output_name);
  if (f.min_timestep || f.max_timestep) {
    m["modelspec.timestep_range"] = concat_text(f.min_timestep.value_or(0), ",", f.max_timestep.value_or(1000));
  }
  if (f.clip_skip) m["modelspec.encoder_layer"] = python_text(*f.clip_skip);
  return m;
}

}  // namespace

std::map<std::string, std::string> adapter_metadata(const TrainingFacts& facts, const SaveFacts& save) {
  Metadata all = training_metadata(facts);
  all["ss_training_finished_at"] = python_text(save.finished_at);
  all["ss_steps"] = python_text(save.steps);
  all["ss_epoch"] = python_text(save.epoch);
  Metadata kept;
  if (facts.no_metadata) {
    for (const std::string_view key : minimum_keys) {
      if (const auto found = all.find(std::string(key)); found != all.end()) kept.insert(*found);
    }
  } else {
    kept = std::move(all);
  }
  kept.merge(model_spec(facts, save.finished_at));
  return kept;
}

}  // namespace rankine
