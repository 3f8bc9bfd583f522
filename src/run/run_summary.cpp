#include "run/run_summary.h"

#include <filesystem>
#include <set>

#include "io/python_text.h"
#include "run/output_names.h"

namespace rankine {
namespace {

std::string optimizer_text(const OptimConfig& c, const StepSettings& settings) {
  std::string text = c.type() + ", " + c.lr_schedule.kind();
  const size_t towers = text_encoder_count(settings.model->family().adaptable);
  bool alike = true;  // the text encoders' rates
  for (size_t i = 1; i < towers; ++i) alike &= c.text_encoder_rate(i) == c.text_encoder_rate(0);
  const bool one_rate = alike && c.unet_rate() == c.text_encoder_rate(0);
  if (settings.train_unet) text += (one_rate ? ", lr " : ", U-Net lr ") + python_text(c.unet_rate());
  if (!settings.train_text_encoder || (one_rate && settings.train_unet)) return text;
  text += (alike ? ", text encoder lr " : ", text encoder lrs ") + python_text(c.text_encoder_rate(0));
  for (size_t i = 1; i < towers && !alike; ++i) text += " and " + python_text(c.text_encoder_rate(i));
  return text;
}

/// "rank 4", "ranks 2 to 16".
std::string range_text(const char* what, const std::set<double>& values) {
  if (values.size() == 1) return concat_text(what, ' ', *values.begin());
  return concat_text(what, "s ", *values.begin(), " to ", *values.rbegin());
}

std::string network_text(const StepSettings& settings) {
  std::set<double> ranks, alphas;
  for (const AdaptedLayer& layer : settings.layers) {
    if (has_rank(*settings.adapter, layer)) ranks.insert(static_cast<double>(layer.rank));
    alphas.insert(layer.alpha);
  }
  std::string text = ranks.empty() ? std::string(settings.adapter->name) : range_text("rank", ranks);
  text += ", " + range_text("alpha", alphas);
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

}  // namespace

RunSummary run_summary(const RunPlan& plan, const MemoryUse& memory, const OtherMemory& other) {
  const StepSettings& settings = plan.step;
  RunSummary s;
  s.model = concat_text(std::filesystem::path(plan.checkpoint.path()).filename().string(), " (",
                        plan.checkpoint.family().name, ")");
  s.precision = settings.compute == DType::bf16 ? "bf16" : settings.compute == DType::f16 ? "fp16" : "fp32";
  if (settings.trained != DType::f32) s.precision += ", trained weights too";
  if (plan.config.step.fp8_base || plan.config.step.fp8_base_unet)
    s.precision += plan.config.step.fp8_base_unet ? ", fp8 U-Net" : ", fp8 base model";
  if (plan.config.step.gradient_checkpointing) s.precision += ", gradient checkpointing";
  for (size_t d = 0; d < plan.data.datasets.size(); ++d) {
    const Dataset& dataset = plan.data.datasets[d];
    for (size_t i = 0; i < dataset.section.subsets.size(); ++i) {
      const SubsetSection& subset = dataset.section.subsets[i];
      FolderSummary folder{subset.name, dataset.image_counts[i], subset.options.num_repeats};
      for (const Sample& sample : plan.data.samples)
        if (sample.dataset == static_cast<int>(d) && sample.subset == static_cast<int>(i))
          folder.drawn += sample.repeats;
      s.folders.push_back(folder);
    }
    for (const Bucket& b : dataset.buckets) s.buckets.push_back({b.size.width, b.size.height, b.count, b.batches});
  }
  s.batch_size = batch_size_text(plan.data);
  s.gradient_accumulation_steps = plan.length.accumulation;
  s.steps = plan.length.steps;
  s.epochs = plan.length.epochs;
  s.network = network_text(settings);
  int64_t unet = 0, text_encoder = 0;
  for (const AdaptedLayer& layer : settings.layers) {
    if (!settings.trains(layer)) continue;
    (layer.in_text_encoder() ? text_encoder : unet) += 1;
    s.trained_parameters += parameter_count(*settings.adapter, layer);
  }
  if (unet > 0) s.trained_modules.push_back({"U-Net", unet});
  if (text_encoder > 0) s.trained_modules.push_back({"text encoder", text_encoder});
  s.optimizer = optimizer_text(plan.config.optim, settings);
  const std::pair<std::string, int64_t> uses[] = {
      {"frozen weights", static_cast<int64_t>(memory.weights)},
      {concat_text(settings.adapter->name, " and optimizer"), static_cast<int64_t>(memory.variables)},
      {"activations", static_cast<int64_t>(memory.arena)},
      {"kernels' scratch", static_cast<int64_t>(memory.scratch)},
      {"cached latents", other.cached_latents},
      {"VAE", other.vae},
      {"sample pictures", other.previews},
  };
  for (const auto& [use, bytes] : uses)
    if (bytes > 0) s.memory_bytes.push_back({use, bytes});
  s.output = OutputNames(plan.config.save).last();
  return s;
}

}  // namespace rankine
