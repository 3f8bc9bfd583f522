#include "run/step_plan.h"

#include <algorithm>
#include <set>

#include "network/adapter_file.h"
#include "network/network_args.h"
#include "step/fit_memory.h"

namespace rankine {
namespace {

const AdapterKind& adapter_of(const NetworkConfig& config) { return find_adapter(config.network_module.value_or("")); }

NetworkArgs network_args(const NetworkConfig& config, const DenoiserBlocks* blocks = nullptr) {
  return parse_network_args(config.network_args, blocks, adapter_of(config));
}

/// The layers that are trained: those of the ranks given, or of --network_weights with --dim_from_weights.
std::vector<AdaptedLayer> trained_layers(const NetworkConfig& config, const AdaptableModules& modules,
                                         std::span<const NamedShape> tensors) {
  const NetworkArgs args = network_args(config, &modules.blocks);
  AdapterTargets targets{.unet = config.trains_unet(),
                         .text_encoder = config.trains_text_encoder(),
                         .network_dim = config.rank(),
                         .network_alpha = config.network_alpha,
                         .conv_dim = args.conv_dim,
                         .conv_alpha = args.conv_alpha,
                         .blocks = args.blocks};
  if (!config.dim_from_weights) {
    std::vector<AdaptedLayer> layers = adapted_layers(tensors, modules, targets);
    set_block_rates(layers, modules.blocks, args.block_lr_weight);
    std::erase_if(layers, [](const AdaptedLayer& layer) { return layer.lr_weight == 0; });  // sd-scripts makes none
    check(!layers.empty(), "no module is left to train: every block's learning rate is 0");
    return layers;
  }
  std::vector<AdaptedLayer> layers;
  const std::vector<AdaptedLayer> adaptable = adaptable_layers(tensors, modules);
  for (LayerWeights& weights : read_adapter(config.network_weights.value_or(""), adapter_of(config), adaptable).layers)
    if (weights.layer.in_text_encoder() ? config.trains_text_encoder() : config.trains_unet())
      layers.push_back(std::move(weights.layer));
  check(!layers.empty(), config.network_weights.value_or(""), ": it has nothing for the ",
        config.trains_unet() ? "U-Net" : "text encoder", ", which is to be trained alone");
  set_block_rates(layers, modules.blocks, args.block_lr_weight);
  return layers;
}

/// The rate of each text encoder as a multiple of OptimConfig::text_encoder_rate.
std::vector<double> text_encoder_factors(const OptimConfig& c, const AdaptableModules& modules) {
  std::vector<double> factors(text_encoder_count(modules), 1.0);
  if (const double common = c.text_encoder_rate(); common != 0)
    for (size_t i = 0; i < factors.size(); ++i) factors[i] = c.text_encoder_rate(i) / common;
  return factors;
}

}  // namespace

UpdateSettings update_settings(const TrainConfig& config) {
  const NetworkArgs args = network_args(config.network);
  UpdateSettings settings{.max_grad_norm = config.optim.max_grad_norm};
  settings.unet_plus_ratio = args.unet_ratio();
  settings.text_encoder_plus_ratio = args.text_encoder_ratio();
  if (config.network.scale_weight_norms.value_or(0) > 0)
    settings.scale_weight_norms = config.network.scale_weight_norms;
  return settings;
}

DType saved_type(const TrainConfig& config) {
  const std::string wanted = config.save.save_precision.value_or("");
  return wanted.empty() ? trained_type(config.step) : saved_dtype(wanted);
}

StepSettings step_settings(const TrainConfig& config, std::shared_ptr<const Model> model,
                           std::span<const NamedShape> tensors) {
  StepSettings settings;
  settings.model = std::move(model);
  settings.adapter = &adapter_of(config.network);
  settings.layers = trained_layers(config.network, settings.model->family().adaptable, tensors);
  const NetworkArgs args = network_args(config.network);
  settings.dropout = {config.network.network_dropout.value_or(0), args.rank_dropout, args.module_dropout};
  settings.compute = compute_type(config.step.mixed_precision);
  settings.trained = trained_type(config.step);
  settings.clip_skip = config.model.clip_skip.value_or(1);
  const int64_t layers = settings.model->most_clip_skip();
  check(settings.clip_skip <= layers || !settings.model->reads_clip_skip(), "--clip_skip ", settings.clip_skip,
        ": this text encoder has ", layers, " layers");
  settings.train_unet = config.network.trains_unet() && config.optim.unet_rate() != 0;
  const std::vector<double> factors = text_encoder_factors(config.optim, settings.model->family().adaptable);
  set_text_encoder_rates(settings.layers, settings.model->family().adaptable, factors);
  settings.train_text_encoder = config.network.trains_text_encoder() && config.optim.text_encoder_rate() != 0 &&
                                std::ranges::any_of(factors, [](double factor) { return factor != 0; });
  check(settings.train_unet || settings.train_text_encoder,
        "nothing is trained: every learning rate is 0 (--learning_rate, --unet_lr, --text_encoder_lr)");
  settings.accumulate = config.run.gradient_accumulation_steps > 1;
  settings.gradient_checkpointing = config.step.gradient_checkpointing;
  settings.conv_algorithm = config.step.conv_algorithm;
  settings.loss_type = config.loss.loss_type;
  settings.weighted_captions = config.model.weighted_captions;
  return settings;
}

AutoencoderSettings autoencoder_settings(const StepConfig& config, std::shared_ptr<const Model> model, DType compute) {
  return {std::move(model), autoencoder_type(compute), config.conv_algorithm};
}

MemoryChoice choose_memory(StepSettings& step, const StepConfig& config, const DeviceModel& device,
                           const StepShape& largest, size_t planned) {
  const size_t budget = memory_budget(config.memory_budget, device);
  const size_t fixed = fixed_bytes(step, device) + planned;
  return choose_step_memory(step, largest, device, budget > fixed ? budget - fixed : 0);
}

std::vector<std::string> model_notes(const TrainConfig& run, const Model& model) {
  const NetworkConfig& config = run.network;
  const AdaptableModules& modules = model.family().adaptable;
  std::vector<std::string> notes = network_args(config, &modules.blocks).notes;
  if (run.model.clip_skip && !model.reads_clip_skip())
    notes.push_back(concat_text("--clip_skip is not used: the text encoders of ", model.family().name,
                                " are read at fixed layers, as in sd-scripts"));
  if ((run.data.cache_text_encoder_outputs || run.data.cache_text_encoder_outputs_to_disk) &&
      !model.text_output_widths())
    notes.push_back(concat_text("--cache_text_encoder_outputs: ", model.family().name,
                                " has no files of encoded captions; they are kept in memory, where the text encoder is "
                                "not trained"));
  const std::vector<double>& rates = run.optim.text_encoder_lr;
  const size_t towers = text_encoder_count(modules);
  // kohya_ss writes one rate for each text encoder of SDXL, whatever the model; those that are equal need no word.
  if (rates.size() > towers && std::ranges::any_of(rates, [&](double rate) { return rate != rates[0]; }))
    notes.push_back(concat_text("--text_encoder_lr: the model has ",
                                towers == 1 ? "one text encoder" : "two text encoders", "; only the first ",
                                towers == 1 ? "rate is" : "two rates are", " used"));
  for (size_t i = 0; i < config.base_weights.size(); ++i)
    notes.push_back(concat_text("merged into the base model: ", config.base_weights[i], " times ",
                                i < config.base_weights_multiplier.size() ? config.base_weights_multiplier[i] : 1.0));
  return notes;
}

std::map<StepShape, int64_t> batches_by_shape(const TrainingData& data, int64_t chunks) {
  std::map<StepShape, int64_t> batches;
  for (const Dataset& dataset : data.datasets) {
    const int64_t batch = dataset.section.options.batch_size;
    for (const Bucket& bucket : dataset.buckets) {
      const Size size = data.latents.of(bucket.size);
      StepShape shape{.height = size.height, .width = size.width, .chunks = chunks};
      const auto add = [&](int64_t samples, int64_t count) {
        shape.batch = samples;
        if (samples > 0 && count > 0) batches[shape] += count;
      };
      add(batch, bucket.count / batch);
      add(bucket.count % batch, 1);
    }
  }
  return batches;
}

std::vector<StepShape> step_shapes(const TrainingData& data, int64_t chunks) {
  std::vector<StepShape> shapes;
  for (const auto& [shape, count] : batches_by_shape(data, chunks)) shapes.push_back(shape);
  return shapes;
}

StepShape largest_of(const std::vector<StepShape>& shapes) {
  return *std::ranges::max_element(shapes, [](const StepShape& a, const StepShape& b) {
    return std::pair(a.latents(), a.chunks) < std::pair(b.latents(), b.chunks);
  });
}

}  // namespace rankine
