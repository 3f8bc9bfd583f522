#include "run/training_facts.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <random>

#include "base/error.h"
#include "base/timer.h"
#include "data/dataset_metadata.h"
#include "io/python_text.h"
#include "network/network_args.h"
#include "watch/report/samples.h"

namespace rankine {
namespace {

/// A picture's file as an address that holds it; small, as every reader of the file's header reads it too.
std::string picture_address(const std::string& picture) {
  constexpr int longest = 512;
  return picture.starts_with("data:") ? picture : thumbnail_url(picture, longest);
}

std::map<std::string, std::string> modelspec(const MetadataConfig& c) {
  const std::pair<const char*, const std::optional<std::string>&> fields[] = {
      {"title", c.metadata_title},
      {"author", c.metadata_author},
      {"description", c.metadata_description},
      {"license", c.metadata_license},
      {"tags", c.metadata_tags},
      {"usage_hint", c.metadata_usage_hint},
      {"merged_from", c.metadata_merged_from},
      {"trigger_phrase", c.metadata_trigger_phrase},
      {"preprocessor", c.metadata_preprocessor},
      {"is_negative_embedding", c.metadata_is_negative_embedding},
  };
  std::map<std::string, std::string> spec;
  for (const auto& [key, value] : fields)
    if (value) spec[key] = *value;
  if (c.metadata_thumbnail) spec["thumbnail"] = picture_address(*c.metadata_thumbnail);
  return spec;
}

/// The file's own name, also of a folder that is written with a slash at its end.
std::string name_of_path(const std::string& path) {
  const std::filesystem::path p(path);
  return p.has_filename() ? p.filename().string() : p.parent_path().filename().string();
}

}  // namespace

TrainingFacts training_facts(const TrainConfig& c, const Family& family, const TrainingData& data,
                             const RunLength& length, uint64_t seed, const std::string& optimizer) {
  TrainingFacts f;
  f.session_id = std::random_device()();
  f.training_started_at = unix_time();
  f.output_name = c.save.output_name;
  f.training_comment = c.metadata.training_comment;

  f.model = family.base_model_names(c.model.v_parameterization);
  f.v_parameterization = c.model.v_parameterization;
  f.sd_model_name = name_of_path(c.model.pretrained_model_name_or_path.value_or(""));
  if (const std::string vae = c.model.vae.value_or(""); !vae.empty())
    f.vae_name = std::filesystem::exists(vae) ? name_of_path(vae) : vae;
  f.clip_skip = c.model.clip_skip;
  f.max_token_length = c.model.max_token_length;

  if (c.network.network_dim) f.network_dim = *c.network.network_dim;
  f.network_alpha = c.network.network_alpha;
  const AdapterKind& adapter = find_adapter(c.network.network_module.value_or(""));
  f.network_module = adapter.network_module;
  f.adapter_name = adapter.metadata_name;
  f.network_args = parse_network_args(c.network.network_args, nullptr, adapter).given;
  f.scale_weight_norms = c.network.scale_weight_norms;
  f.network_dropout = c.network.network_dropout;
  f.dim_from_weights = c.network.dim_from_weights;

  f.learning_rate = c.optim.learning_rate;
  f.text_encoder_lr = c.optim.text_encoder_lr;
  if (std::ranges::all_of(f.text_encoder_lr, [&](double rate) { return rate == f.text_encoder_lr[0]; }))
    f.text_encoder_lr.resize(std::min<size_t>(f.text_encoder_lr.size(), 1));  // as sd-scripts writes it
  f.unet_lr = c.optim.unet_lr;
  f.optimizer = optimizer;
  f.max_grad_norm = c.optim.max_grad_norm;
  f.lr_scheduler = c.optim.lr_schedule.name;
  f.lr_warmup_steps = step_count_text(c.optim.lr_schedule.lr_warmup_steps);
  f.num_epochs = length.epochs;
  f.max_train_steps = length.steps;
  f.gradient_accumulation_steps = c.run.gradient_accumulation_steps;

  f.mixed_precision = c.step.mixed_precision;
  f.full_fp16 = c.step.full_fp16;
  f.fp8_base = c.step.fp8_base;
  f.fp8_base_unet = c.step.fp8_base_unet;
  f.gradient_checkpointing = c.step.gradient_checkpointing;
  f.cache_latents = c.data.cache_latents;
  f.seed = seed;

  f.noise_offset = c.loss.noise.noise_offset;
  f.noise_offset_random_strength = c.loss.noise.noise_offset_random_strength;
  f.adaptive_noise_scale = c.loss.noise.adaptive_noise_scale;
  f.ip_noise_gamma = c.loss.noise.ip_noise_gamma;
  f.ip_noise_gamma_random_strength = c.loss.noise.ip_noise_gamma_random_strength;
  f.multires_noise_iterations = c.loss.noise.multires_noise_iterations;
  f.multires_noise_discount = c.loss.noise.multires_noise_discount;
  f.zero_terminal_snr = c.loss.noise.zero_terminal_snr;
  f.min_timestep = c.loss.noise.min_timestep;
  f.max_timestep = c.loss.noise.max_timestep;
  f.min_snr_gamma = c.loss.weighting.min_snr_gamma;
  f.debiased_estimation_loss = c.loss.weighting.debiased_estimation_loss;
  f.prior_loss_weight = c.loss.prior_loss_weight;
  f.loss_type = c.loss.loss_type;
  f.huber_schedule = c.loss.huber_schedule;
  f.huber_c = c.loss.huber_c;
  f.huber_scale = c.loss.huber_scale;

  const SubsetOptions& subset = c.data.defaults.subset;
  f.caption_dropout_rate = subset.caption.dropout_rate;
  f.caption_tag_dropout_rate = subset.caption.tag_dropout_rate;
  f.caption_dropout_every_n_epochs = subset.caption.dropout_every_n_epochs;
  if (const auto& zoom = subset.face_crop_aug_range)
    f.face_crop_aug_range = concat_text("(", python_text((*zoom)[0]), ", ", python_text((*zoom)[1]), ")");
  f.resize_interpolation = subset.resize_interpolation;
  if (const std::optional<Size> size = c.data.defaults.dataset.resolution) f.resolution = {size->width, size->height};
  f.num_validation_images = data.validation ? data.validation->train_images() : 0;
  f.validation_split = c.data.defaults.dataset.validation_split;
  f.validation_seed = c.data.defaults.dataset.validation_seed;
  f.max_validation_steps = c.validation.max_validation_steps;
  f.validate_every_n_epochs = c.validation.validate_every_n_epochs;
  f.validate_every_n_steps = c.validation.validate_every_n_steps;
  f.data = dataset_metadata(facts_of(data), c.run.gradient_accumulation_steps);

  f.no_metadata = c.metadata.no_metadata;
  f.modelspec = modelspec(c.metadata);
  return f;
}

}  // namespace rankine
