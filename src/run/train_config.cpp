#include "run/train_config.h"

#include "base/error.h"
#include "base/shortened.h"
#include "network/network_args.h"
#include "optim/optimizer.h"
#include "run/setting_rules.h"
#include "text/clip_tokenizer.h"

namespace rankine {
namespace {

template <class T>
void check_at_least(const char* flag, const T& value, T least) {
  check(value >= least, flag, " must be at least ", least, ", got ", value);
}

template <class T>
void check_at_least(const char* flag, const std::optional<T>& value, T least) {
  if (value) check_at_least(flag, *value, least);
}

constexpr auto no_data =
    "there is nothing to train on: give --train_data_dir (a folder with subfolders such as 10_cat), "
    "--dataset_config or --in_json";

bool has_data(const DataConfig& c) { return c.train_data_dir || c.dataset_config || c.in_json; }

/// Names all at once that no run can do without.
void check_nothing_missing(const TrainConfig& c) {
  std::string missing;
  const auto need = [&](bool given, std::string_view message) {
    if (!given) missing.append(missing.empty() ? "" : "\n").append(message);
  };
  need(!c.model.pretrained_model_name_or_path.value_or("").empty(),
       "--pretrained_model_name_or_path is missing: name a .safetensors checkpoint or a Diffusers folder");
  need(has_data(c.data), no_data);
  need(!c.save.output_dir.value_or("").empty(), "--output_dir is missing: name a folder for the results");
  check(missing.empty(), missing);
}

void check_model(const ModelConfig& c) {
  check_at_least("--clip_skip", c.clip_skip, 1);
  token_chunks(c.max_token_length);  // throws for a length that is not built
}

void check_network(const NetworkConfig& c) {
  check_at_least("--network_dim", c.network_dim, 1);
  check(c.network_alpha >= 0, "--network_alpha must be at least 0, got ", c.network_alpha);
  check(c.network_dropout.value_or(0) >= 0 && c.network_dropout.value_or(0) < 1,
        "--network_dropout is a chance: at least 0 and below 1, got ", c.network_dropout.value_or(0));
  check_at_least("--scale_weight_norms", c.scale_weight_norms, 0.0);
  check(c.base_weights_multiplier.size() <= c.base_weights.size(), "--base_weights_multiplier has ",
        c.base_weights_multiplier.size(), " numbers for ", c.base_weights.size(), " files of --base_weights");
  const AdapterKind& kind = find_adapter(c.network_module.value_or(""));
  parse_network_args(c.network_args, nullptr, kind);  // reports errors in them early
  check(c.scale_weight_norms.value_or(0) == 0 || kind.limit_norm, "--scale_weight_norms: ", kind.network_module, " (",
        kind.name, ") has no rule for the norm of its update; leave the option out");
}

void check_optim(const OptimConfig& c) {
  check_at_least("--learning_rate", c.learning_rate, 0.0);
  check_at_least("--unet_lr", c.unet_lr, 0.0);
  for (const double rate : c.text_encoder_lr) check_at_least("--text_encoder_lr", rate, 0.0);
  check_at_least("--max_grad_norm", c.max_grad_norm, 0.0);
  make_optimizer(c.type(), c.optimizer_args);  // says now what is wrong with its arguments
  if (!c.lr_schedule.lr_scheduler_type.empty())
    make_torch_schedule(c.lr_schedule.lr_scheduler_type, c.lr_schedule.lr_scheduler_args, 1);
}

void check_run(const RunConfig& c) {
  check_at_least("--seed", c.seed, int64_t{0});
  check_at_least("--max_train_steps", c.max_train_steps, int64_t{1});
  check_at_least("--max_train_epochs", c.max_train_epochs, int64_t{1});
  check_at_least("--gradient_accumulation_steps", c.gradient_accumulation_steps, 1);
  check_at_least("--max_data_loader_n_workers", c.max_data_loader_n_workers, 0);
}

/// Files and folders get suffixes such as "-step00000001-state", and a name of at most 255 bytes.
void check_name(const char* flag, const std::string& name) {
  constexpr size_t longest = 200;
  check(name.size() <= longest, flag, " has ", name.size(), " bytes, and at most ", longest,
        " fit a file's name with its suffixes: \"", shortened(name, 40), "\"");
}

void check_save(const SaveConfig& c) {
  check(c.name().find('/') == std::string::npos && !c.name().empty(),
        "--output_name must be a file's name without folders, got \"", c.name(), "\"");
  check_name("--output_name", c.name());
  check_at_least("--save_every_n_epochs", c.save_every_n_epochs, int64_t{1});
  check_at_least("--save_every_n_steps", c.save_every_n_steps, int64_t{1});
  check_at_least("--save_last_n_epochs", c.save_last_n_epochs, int64_t{1});
  check_at_least("--save_last_n_steps", c.save_last_n_steps, int64_t{0});
  check_at_least("--save_last_n_epochs_state", c.save_last_n_epochs_state, int64_t{1});
  check_at_least("--save_last_n_steps_state", c.save_last_n_steps_state, int64_t{0});
  check_at_least("--initial_epoch", c.initial_epoch, int64_t{1});
  check_at_least("--initial_step", c.initial_step, int64_t{0});
}

void check_preview(const PreviewConfig& c) {
  check_at_least("--sample_every_n_steps", c.sample_every_n_steps, int64_t{0});
  check_at_least("--sample_every_n_epochs", c.sample_every_n_epochs, int64_t{0});
}

void check_tracker(const TrackerConfig& c) {
  const std::string with = c.log_with.value_or("wandb");
  check(with == "wandb" || c.writes_events(), "--log_with ", with,
        " needs --logging_dir: the folder for TensorBoard's files");
  check(c.log_tracker_name.value_or("x").find('/') == std::string::npos,
        "--log_tracker_name must be a folder's name without others, got \"", c.log_tracker_name.value_or(""), "\"");
  check_name("--log_tracker_name", c.log_tracker_name.value_or(""));
  check_name("--log_prefix", c.log_prefix.value_or(""));
}

void check_validation(const ValidationConfig& c) {
  check_at_least("--validate_every_n_steps", c.validate_every_n_steps, int64_t{1});
  check_at_least("--validate_every_n_epochs", c.validate_every_n_epochs, int64_t{1});
  check_at_least("--max_validation_steps", c.max_validation_steps, int64_t{1});
}

}  // namespace

void check_data_config(const DataConfig& c) {
  check(has_data(c), no_data);
  const double dropout = c.defaults.subset.caption.dropout_rate,
               tag_dropout = c.defaults.subset.caption.tag_dropout_rate;
  check(dropout >= 0 && dropout <= 1, "--caption_dropout_rate must be 0 to 1, got ", dropout);
  check(tag_dropout >= 0 && tag_dropout <= 1, "--caption_tag_dropout_rate must be 0 to 1, got ", tag_dropout);
  check_at_least("--keep_tokens", c.defaults.subset.caption.keep_tokens, 0);
  check_at_least("--train_batch_size", c.defaults.dataset.batch_size, 1);
  check_at_least("--vae_batch_size", c.vae_batch_size, 1);
  check(c.cache_latents || !c.cache_latents_to_disk, "--cache_latents_to_disk needs --cache_latents");
  check_at_least("--dataset_repeats", c.defaults.subset.num_repeats, 1);
  const double split = c.defaults.dataset.validation_split;
  check(split >= 0 && split < 1, "--validation_split must be at least 0 and below 1, got ", split);
}

void check_train_config(const TrainConfig& c) {
  check_nothing_missing(c);
  check_model(c.model);
  check_network(c.network);
  check_data_config(c.data);
  check_optim(c.optim);
  check_run(c.run);
  check_save(c.save);
  check_preview(c.preview);
  check_tracker(c.tracker);
  check_validation(c.validation);
  check_setting_rules(c);
}

std::string OptimConfig::type() const {
  const int given = !optimizer_type.empty() + use_8bit_adam + use_lion_optimizer;
  check(given <= 1, "give one of --optimizer_type, --use_8bit_adam and --use_lion_optimizer");
  return use_8bit_adam ? "AdamW8bit" : use_lion_optimizer ? "Lion" : optimizer_type.empty() ? "AdamW" : optimizer_type;
}

}  // namespace rankine
