#include "run/run_setup.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>
#include <thread>

#include "base/rng.h"
#include "io/python_text.h"
#include "network/adapter_file.h"
#include "network/network_args.h"
#include "run/adapter_saver.h"
#include "run/batch_source.h"
#include "sample/image_sampler.h"
#include "text/caption.h"
#include "text/caption_tokens.h"
#include "text/clip_tokenizer.h"

namespace rankine {
namespace {

std::string down_name(const AdaptedLayer& m) { return m.key + ".lora_down.weight"; }
std::string up_name(const AdaptedLayer& m) { return m.key + ".lora_up.weight"; }

std::string optimizer_text(const OptimConfig& c, const StepSettings& settings) {
  std::string text = c.type() + ", " + c.lr_schedule.kind();
  const bool one_rate = c.unet_rate() == c.text_encoder_rate();
  if (settings.train_unet) text += (one_rate ? ", lr " : ", U-Net lr ") + python_text(c.unet_rate());
  if (settings.train_text_encoder && !(one_rate && settings.train_unet))
    text += ", text encoder lr " + python_text(c.text_encoder_rate());
  return text;
}

/// "rank 4", "ranks 2 to 16".
std::string range_text(const char* what, const std::set<double>& values) {
  if (values.size() == 1) return concat_text(what, ' ', *values.begin());
  return concat_text(what, "s ", *values.begin(), " to ", *values.rbegin());
}

std::string network_text(const StepSettings& settings) {
  std::set<double> ranks, alphas;
  for (const AdaptedLayer& m : settings.layers) {
    ranks.insert(static_cast<double>(m.rank));
    alphas.insert(m.alpha);
  }
  std::string text = range_text("rank", ranks) + ", " + range_text("alpha", alphas);
  const AdapterDropout& d = settings.dropout;
  for (const auto& [what, chance] : {std::pair{"", d.network}, {"rank ", d.rank}, {"module ", d.module}})
    if (chance > 0) text += concat_text(", ", what, "dropout ", chance);
  return text;
}

std::string batch_size_text(const TrainingData& data) {
  std::set<int> sizes;
  for (const Dataset& dataset : data.datasets) sizes.insert(dataset.section.options.batch_size);
  std::string text;
  for (const int size : sizes) text += (text.empty() ? "" : " and ") + std::to_string(size);
  return text;
}

/// The modules that are trained: those of the ranks given, or of --network_weights with --dim_from_weights.
std::vector<AdaptedLayer> adapted_modules(const NetworkConfig& config, const Checkpoint& checkpoint) {
  const NetworkArgs args = parse_network_args(config.network_args);
  AdapterTargets targets{.unet = config.trains_unet(),
                         .text_encoder = config.trains_text_encoder(),
                         .network_dim = config.rank(),
                         .network_alpha = config.network_alpha,
                         .conv_dim = args.conv_dim,
                         .conv_alpha = args.conv_alpha,
                         .blocks = args.blocks};
  if (!config.dim_from_weights) {
    std::vector<AdaptedLayer> modules = adapted_layers(checkpoint.tensors(), targets);
    set_block_rates(modules, args.block_lr_weight);
    std::erase_if(modules, [](const AdaptedLayer& m) { return m.lr_weight == 0; });  // sd-scripts makes none
    check(!modules.empty(), "no module is left to train: every block's learning rate is 0");
    return modules;
  }
  std::vector<AdaptedLayer> modules;
  for (LoadedLora& lora : read_lora(config.network_weights.value_or(""), adaptable_layers(checkpoint.tensors())))
    if (lora.module.in_text_encoder() ? config.trains_text_encoder() : config.trains_unet())
      modules.push_back(std::move(lora.module));
  check(!modules.empty(), config.network_weights.value_or(""), ": it has nothing for the ",
        config.trains_unet() ? "U-Net" : "text encoder", ", which is to be trained alone");
  set_block_rates(modules, args.block_lr_weight);
  return modules;
}

}  // namespace

Checkpoint open_checkpoint(const ModelConfig& config) {
  Checkpoint checkpoint = Checkpoint::open(config.pretrained_model_name_or_path.value_or(""));
  if (const std::string vae = config.vae.value_or(""); !vae.empty()) checkpoint.replace_vae(vae);
  return checkpoint;
}

UpdateSettings update_settings(const TrainConfig& config) {
  const NetworkArgs args = parse_network_args(config.network.network_args);
  UpdateSettings settings{.max_grad_norm = config.optim.max_grad_norm};
  settings.unet_loraplus_ratio = args.unet_ratio();
  settings.text_encoder_loraplus_ratio = args.text_encoder_ratio();
  if (config.network.scale_weight_norms.value_or(0) > 0)
    settings.scale_weight_norms = config.network.scale_weight_norms;
  return settings;
}

DType compute_type(const std::string& mixed_precision) {
  if (mixed_precision == "no") return DType::f32;
  if (mixed_precision == "fp16") return DType::f16;
  check(mixed_precision == "bf16", "--mixed_precision must be no, fp16 or bf16, got \"", mixed_precision, "\"");
  return DType::bf16;
}

DType trained_type(const StepConfig& config) {
  if (config.full_fp16) return DType::f16;
  return config.full_bf16 ? DType::bf16 : DType::f32;
}

DType saved_type(const TrainConfig& config) {
  const std::string wanted = config.save.save_precision.value_or("");
  return wanted.empty() ? trained_type(config.step) : saved_dtype(wanted);
}

LoaderConfig loader_config(const TrainConfig& config, uint64_t seed) {
  LoaderConfig loader;
  loader.seed = seed;
  // More threads than cores would only take turns with the step's.
  const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  loader.threads = std::clamp(config.run.max_data_loader_n_workers, 1, cores);
  loader.prior_loss_weight = config.loss.prior_loss_weight;
  loader.gradient_accumulation_steps = config.run.gradient_accumulation_steps;
  return loader;
}

LrSchedule lr_schedule(const OptimConfig& config, const RunLength& length) {
  LrScheduleConfig schedule = config.lr_schedule;
  schedule.learning_rate = config.learning_rate;
  schedule.max_train_steps = length.steps;
  return LrSchedule(schedule);
}

StepSettings step_settings(const TrainConfig& config, const Checkpoint& checkpoint) {
  StepSettings settings;
  settings.model = stable_diffusion_config(checkpoint);
  settings.layers = adapted_modules(config.network, checkpoint);
  const NetworkArgs args = parse_network_args(config.network.network_args);
  settings.dropout = {config.network.network_dropout.value_or(0), args.rank_dropout, args.module_dropout};
  settings.compute = compute_type(config.step.mixed_precision);
  settings.trained = trained_type(config.step);
  settings.clip_skip = config.model.clip_skip.value_or(1);
  const int64_t layers = settings.model.text.layers;
  check(settings.clip_skip <= layers, "--clip_skip ", settings.clip_skip, ": this text encoder has ", layers,
        " layers");
  settings.train_unet = config.network.trains_unet() && config.optim.unet_rate() != 0;
  settings.train_text_encoder = config.network.trains_text_encoder() && config.optim.text_encoder_rate() != 0;
  check(settings.train_unet || settings.train_text_encoder,
        "nothing is trained: every learning rate is 0 (--learning_rate, --unet_lr, --text_encoder_lr)");
  settings.accumulate = config.run.gradient_accumulation_steps > 1;
  settings.gradient_checkpointing = config.step.gradient_checkpointing;
  settings.conv_algorithm = config.step.conv_algorithm;
  settings.loss_type = config.loss.loss_type;
  settings.masked_loss = uses_masks(config, dataset_config(config));
  settings.weighted_captions = config.model.weighted_captions;
  return settings;
}

std::vector<std::string> network_notes(const NetworkConfig& config) {
  std::vector<std::string> notes = parse_network_args(config.network_args).notes;
  for (size_t i = 0; i < config.base_weights.size(); ++i)
    notes.push_back(concat_text("merged into the base model: ", config.base_weights[i], " times ",
                                i < config.base_weights_multiplier.size() ? config.base_weights_multiplier[i] : 1.0));
  return notes;
}

std::vector<std::string> set_first_weights(TrainingStep& trainer, const NetworkConfig& config,
                                           const Checkpoint& checkpoint, uint64_t seed) {
  const std::vector<AdaptedLayer>& modules = trainer.settings().layers;
  for (size_t i = 0; i < modules.size(); ++i) {
    std::vector<float> down(static_cast<size_t>(count_of(modules[i].down_shape())));
    const float bound = 1 / std::sqrt(static_cast<float>(modules[i].fan_in()));
    Rng rng(seed, purpose::adapter_init, i);
    for (float& x : down) x = (2 * rng.uniform() - 1) * bound;
    trainer.set_weights(down_name(modules[i]), down);
    trainer.set_weights(up_name(modules[i]), std::vector<float>(static_cast<size_t>(count_of(modules[i].up_shape()))));
  }
  if (!config.network_weights) return {};
  NetworkWeights weights =
      read_network_weights(*config.network_weights, modules, adaptable_layers(checkpoint.tensors()));
  for (const LoadedLora& lora : weights.loaded) {
    trainer.set_weights(down_name(lora.module), lora.down);
    trainer.set_weights(up_name(lora.module), lora.up);
  }
  return std::move(weights.notes);
}

std::vector<std::vector<int32_t>> fixed_captions(const TrainConfig& config, const TrainingData& data) {
  const int max_token_length = config.model.max_token_length.value_or(75);
  const ClipTokenizer tokenizer(ClipTokenizerConfig::clip_l());
  std::set<std::vector<int32_t>> captions;
  const auto add = [&](const std::string& caption) {
    captions.insert(tokenize_caption(tokenizer, caption, max_token_length, config.model.weighted_captions).ids);
  };
  for (const Sample& sample : data.samples) {
    const CaptionSettings& c = data.subset_of(sample).options.caption;
    if (c.shuffle || c.tag_dropout_rate > 0 || c.token_warmup_step > 0 || c.enable_wildcard) return {};
    if (c.dropout_rate > 0 || c.dropout_every_n_epochs > 0) add("");
    CaptionSettings kept = c;
    kept.dropout_rate = 0;
    kept.dropout_every_n_epochs = 0;
    Rng unused(0, purpose::captions);
    add(process_caption(sample.caption, kept, {}, unused));
  }
  return {captions.begin(), captions.end()};
}

std::vector<StepShape> step_shapes(const TrainingData& data, int64_t chunks) {
  std::set<StepShape> shapes;
  for (const Dataset& dataset : data.datasets) {
    const int64_t batch = dataset.section.options.batch_size;
    for (const Bucket& bucket : dataset.buckets) {
      StepShape shape{.height = bucket.size.height / 8, .width = bucket.size.width / 8, .chunks = chunks};
      for (const int64_t samples : {std::min(batch, bucket.count), bucket.count % batch}) {
        shape.batch = samples;
        if (samples > 0) shapes.insert(shape);
      }
    }
  }
  return {shapes.begin(), shapes.end()};
}

StepShape largest_of(const std::vector<StepShape>& shapes) {
  return *std::max_element(shapes.begin(), shapes.end(), [](const StepShape& a, const StepShape& b) {
    return std::pair(a.latents(), a.chunks) < std::pair(b.latents(), b.chunks);
  });
}

RunSummary run_summary(const TrainConfig& config, const Checkpoint& checkpoint, const TrainingData& data,
                       const RunLength& length, const TrainingStep& trainer, const OtherMemory& other) {
  const StepSettings& settings = trainer.settings();
  RunSummary s;
  s.model = concat_text(std::filesystem::path(checkpoint.path()).filename().string(), " (",
                        name_of(checkpoint.family()), ")");
  s.precision = settings.compute == DType::bf16 ? "bf16" : settings.compute == DType::f16 ? "fp16" : "fp32";
  if (settings.trained != DType::f32) s.precision += ", trained weights too";
  if (config.step.fp8_base || config.step.fp8_base_unet)
    s.precision += config.step.fp8_base_unet ? ", fp8 U-Net" : ", fp8 base model";
  if (config.step.gradient_checkpointing) s.precision += ", gradient checkpointing";
  for (size_t d = 0; d < data.datasets.size(); ++d) {
    const Dataset& dataset = data.datasets[d];
    for (size_t i = 0; i < dataset.section.subsets.size(); ++i) {
      const SubsetSection& subset = dataset.section.subsets[i];
      FolderSummary folder{subset.name, dataset.image_counts[i], subset.options.num_repeats};
      for (const Sample& sample : data.samples)
        if (sample.dataset == static_cast<int>(d) && sample.subset == static_cast<int>(i))
          folder.drawn += sample.repeats;
      s.folders.push_back(folder);
    }
    for (const Bucket& b : dataset.buckets) s.buckets.push_back({b.size.width, b.size.height, b.count, b.batches});
  }
  s.batch_size = batch_size_text(data);
  s.gradient_accumulation_steps = length.accumulation;
  s.steps = length.steps;
  s.epochs = length.epochs;
  s.network = network_text(settings);
  int64_t unet = 0, text_encoder = 0;
  for (const AdaptedLayer& m : settings.layers) {
    if (!settings.trains(m)) continue;
    (m.in_text_encoder() ? text_encoder : unet) += 1;
    s.trained_parameters += count_of(m.down_shape()) + count_of(m.up_shape());
  }
  if (unet > 0) s.trained_modules.push_back({"U-Net", unet});
  if (text_encoder > 0) s.trained_modules.push_back({"text encoder", text_encoder});
  s.optimizer = optimizer_text(config.optim, settings);
  const MemoryUse memory = trainer.memory();
  const std::pair<const char*, int64_t> uses[] = {
      {"frozen weights", static_cast<int64_t>(memory.weights)},
      {"LoRA and optimizer", static_cast<int64_t>(memory.variables)},
      {"activations", static_cast<int64_t>(memory.arena)},
      {"kernels' scratch", static_cast<int64_t>(memory.scratch)},
      {"cached latents", other.cached_latents},
      {"VAE", other.vae},
      {"sample pictures", other.previews},
  };
  for (const auto& [use, bytes] : uses)
    if (bytes > 0) s.memory_bytes.push_back({use, bytes});
  s.output = OutputNames(config.save).last();
  return s;
}

}  // namespace rankine
