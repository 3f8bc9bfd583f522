#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "models/family.h"

namespace rankine {

/// Facts written to the file's ss_* metadata, the dataset excluded. Each field is the option of sd-scripts with the
/// same name, and has its default; an empty optional is None. `ss_` keys without a field here follow from others.
struct TrainingFacts {
  // The run.
  uint32_t session_id = 0;
  double training_started_at = 0;  ///< Unix time in seconds
  std::optional<std::string> output_name = {};
  std::optional<std::string> training_comment = {};
  std::string implementation_version = "rankine";  ///< the program and its version
  std::string commit_hash = "(unknown)";           ///< of sd-scripts, which this program is not

  // The base model. Hashes: window_hash_of_file, sha256_of_file; they are left out where the model is no file here.
  BaseModelNames model{};  ///< of the family
  bool v_parameterization = false;
  std::optional<std::string> sd_model_name = {};  ///< the file's name without its folder
  std::optional<std::string> sd_model_hash = {}, new_sd_model_hash = {};
  std::optional<std::string> vae_name = {}, vae_hash = {}, new_vae_hash = {};  ///< only with --vae
  std::optional<int> clip_skip = {}, max_token_length = {};

  // The network.
  std::string network_module = "networks.lora", adapter_name = "lora";  ///< AdapterKind's network_module, metadata_name
  std::optional<int64_t> network_dim = {};
  double network_alpha = 1;
  std::optional<double> network_dropout = {}, scale_weight_norms = {};
  std::vector<std::pair<std::string, std::string>> network_args = {};
  bool dim_from_weights = false;

  // Optimiser and schedule.
  double learning_rate = 2e-6;
  std::vector<double> text_encoder_lr = {};  ///< one, or one for each text encoder
  std::optional<double> unet_lr = {};
  std::string optimizer = "torch.optim.adamw.AdamW";  ///< class path, and "(key=value,...)" with optimizer_args
  double max_grad_norm = 1;
  std::string lr_scheduler = "constant";
  std::string lr_warmup_steps = "0";  ///< as python_text prints the number: "5", "0.1"
  int64_t num_epochs = 1, max_train_steps = 1600;
  int gradient_accumulation_steps = 1;

  // How it is computed.
  std::string mixed_precision = "no";
  bool gradient_checkpointing = false, full_fp16 = false, fp8_base = false, fp8_base_unet = false, lowram = false;
  bool cache_latents = false;
  std::optional<uint64_t> seed = {};

  // Noise and loss.
  std::optional<double> noise_offset = {}, adaptive_noise_scale = {}, ip_noise_gamma = {}, min_snr_gamma = {};
  bool noise_offset_random_strength = false, ip_noise_gamma_random_strength = false;
  std::optional<int> multires_noise_iterations = {};
  double multires_noise_discount = 0.3;
  std::optional<int> min_timestep = {}, max_timestep = {};
  bool zero_terminal_snr = false, debiased_estimation_loss = false;
  double prior_loss_weight = 1;
  std::string loss_type = "l2", huber_schedule = "snr";
  double huber_scale = 1, huber_c = 0.1;

  // Data options that stand at the top level; everything else of the data comes from `data`.
  double caption_dropout_rate = 0, caption_tag_dropout_rate = 0;
  int caption_dropout_every_n_epochs = 0;
  std::optional<std::string> face_crop_aug_range = {}, resize_interpolation = {};
  /// --resolution as width, height; empty with a dataset file and no such option. Only for modelspec.resolution.
  std::optional<std::pair<int, int>> resolution = {};
  int64_t num_validation_images = 0;
  double validation_split = 0;
  std::optional<int64_t> validation_seed = {}, max_validation_steps = {}, validate_every_n_epochs = {},
                         validate_every_n_steps = {};
  std::map<std::string, std::string> data = {};  ///< the `ss_*` keys of the data, finished

  bool no_metadata = false;  ///< keep only the keys by which programs tell LoRAs apart
  /// `modelspec.KEY` from --metadata_KEY: title (else the output name), author, description, license, tags ...
  std::map<std::string, std::string> modelspec = {};
};

/// Facts that change from one save to the next.
struct SaveFacts {
  int64_t steps = 0;       ///< optimizer steps done
  int64_t epoch = 0;       ///< epochs done; a save within epoch n carries n - 1
  double finished_at = 0;  ///< Unix time in seconds
};

/// The complete `ss_*` and `modelspec.*` metadata of an adapter's file (ModelSpec 1.0.1), all values as Python prints
/// them. The two `sshs_*` hashes are added by save_adapter. Dates are in local time.
std::map<std::string, std::string> adapter_metadata(const TrainingFacts& facts, const SaveFacts& save);

}  // namespace rankine
