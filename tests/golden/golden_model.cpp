#include "golden/golden_model.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>

#include "diffusion/loss.h"
#include "diffusion/noise_schedule.h"
#include "models/checkpoint/layout.h"
#include "models/checkpoint/synthetic.h"
#include "step/step_inputs.h"
#include "support/lora.h"

namespace rankine::golden {
namespace {

std::filesystem::path write_checkpoint(const ModelLayout& layout) {
  static std::atomic<int> count = 0;
  const auto path = std::filesystem::temp_directory_path() /
                    concat_text("rankine-golden-", getpid(), "-", count++, "-", layout.name, ".safetensors");
  write_synthetic_checkpoint(read_layout(layout.path.string()), layout.seed, path.string());
  return path;
}

}  // namespace

GoldenModel::GoldenModel(const ModelLayout& layout)
    : path_(write_checkpoint(layout)),
      checkpoint_(Checkpoint::open(path_.string())),
      model_(open_model(checkpoint_)),
      constants_(checkpoint_) {}

GoldenModel::~GoldenModel() {
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

bool family_is_built(const ModelLayout& layout) {
  return layout.kind == "sd1" || layout.kind == "sd2" || layout.kind == "sdxl";
}

std::vector<int32_t> read_ids(const SafetensorsFile& file, const std::string& prefix) {
  const std::vector<int32_t> first = file.read_i32(prefix + "ids1");
  if (!file.find(prefix + "ids2")) return first;
  const std::vector<int32_t> second = file.read_i32(prefix + "ids2");
  const auto size = std::ssize(first) / file.at(prefix + "ids1").shape[0];
  std::vector<int32_t> ids;
  for (std::ptrdiff_t at = 0; at < std::ssize(first); at += size)
    for (const std::vector<int32_t>* tower : {&first, &second})
      ids.insert(ids.end(), tower->begin() + at, tower->begin() + at + size);
  return ids;
}

std::string reason_to_skip(const std::string& model) {
  const std::optional<ModelLayout> layout = find_model_layout(model);
  if (!layout) return "no layout";
  return family_is_built(*layout) ? "" : layout->kind;
}

std::vector<float> nhwc_from_nchw(const std::vector<float>& values, const Shape& nchw) {
  const int64_t channels = nchw[1], pixels = nchw[2] * nchw[3];
  std::vector<float> out(values.size());
  for (int64_t n = 0; n < nchw[0]; ++n)
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t p = 0; p < pixels; ++p)
        out[static_cast<size_t>((n * pixels + p) * channels + c)] =
            values[static_cast<size_t>((n * channels + c) * pixels + p)];
  return out;
}

std::vector<float> nchw_from_nhwc(const std::vector<float>& values, const Shape& nchw) {
  const int64_t channels = nchw[1], pixels = nchw[2] * nchw[3];
  std::vector<float> out(values.size());
  for (int64_t n = 0; n < nchw[0]; ++n)
    for (int64_t p = 0; p < pixels; ++p)
      for (int64_t c = 0; c < channels; ++c)
        out[static_cast<size_t>((n * channels + c) * pixels + p)] =
            values[static_cast<size_t>((n * pixels + p) * channels + c)];
  return out;
}

double max_error(const std::vector<float>& a, const std::vector<float>& b) {
  double error = 0, largest = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    const double d = std::abs(static_cast<double>(a[i]) - b[i]);
    error = std::isfinite(d) ? std::max(error, d) : INFINITY;
    largest = std::max(largest, std::abs(static_cast<double>(b[i])));
  }
  return error / largest;
}

void L2Error::add(const std::vector<float>& a, const std::vector<float>& b) {
  for (size_t i = 0; i < b.size(); ++i) {
    difference += std::pow(static_cast<double>(a[i]) - b[i], 2);
    size += std::pow(static_cast<double>(b[i]), 2);
  }
}

double L2Error::relative() const { return size > 0 ? std::sqrt(difference / size) : std::sqrt(difference); }

std::vector<KnownOption> built_step_options() {
  return {
      {"learning_rate"},
      {"unet_lr"},
      {"text_encoder_lr"},
      {"max_grad_norm"},
      {"scale_weight_norms"},
      {"gradient_accumulation_steps"},
      {"lr_scheduler"},
      {"lr_warmup_steps"},
      {"lr_scheduler_num_cycles"},
      {"lr_scheduler_power"},
      {"optimizer_type", {"AdamW", "Lion", "SGDNesterov", "Adafactor", "Prodigy", "DAdaptAdam", "AdamWScheduleFree"}},
      {"optimizer_args",
       {"betas", "eps", "weight_decay", "momentum", "relative_step", "scale_parameter", "warmup_init", "decouple",
        "use_bias_correction", "safeguard_warmup", "d_coef", "warmup_steps"}},
      {"loss_type", {"l2", "l1", "huber", "smooth_l1"}},
      {"huber_schedule"},
      {"huber_c"},
      {"huber_scale"},
      {"masked_loss"},
      {"debiased_estimation_loss"},
      {"scale_v_pred_loss_like_noise_pred"},
      {"v_pred_like_loss"},
      {"ip_noise_gamma"},
      {"adaptive_noise_scale"},
      {"zero_terminal_snr"},
      {"min_snr_gamma"},
      {"noise_offset"},
      {"v_parameterization"},
      {"clip_skip"}};
}

std::vector<AdaptedLayer> modules_of(const GoldenModel& model, int rank, double alpha, bool text_encoder,
                                     const std::optional<std::pair<int, double>>& conv) {
  const std::vector<NamedShape> weights = model.checkpoint().tensors();
  AdapterTargets targets;
  targets.text_encoder = text_encoder;
  targets.network_dim = rank;
  targets.network_alpha = alpha;
  if (conv) {
    targets.conv_dim = conv->first;
    targets.conv_alpha = conv->second;
  }
  return adapted_layers(weights, model.model()->family().adaptable, targets);
}

StepInputs step_inputs(const GoldenModel& model, const SafetensorsFile& file, const std::string& prefix,
                       const Options& options) {
  const Shape nchw = file.at(prefix + "latents").shape;
  LossConfig loss;
  loss.weighting.prediction = options.flag("v_parameterization") ? Prediction::v : Prediction::epsilon;
  if (options.has("min_snr_gamma")) loss.weighting.min_snr_gamma = options.number("min_snr_gamma", 0);
  const auto number = [&](const char* name, std::optional<double>& field) {
    if (options.has(name)) field = options.number(name, 0);
  };
  number("noise_offset", loss.noise.noise_offset);
  number("adaptive_noise_scale", loss.noise.adaptive_noise_scale);
  number("ip_noise_gamma", loss.noise.ip_noise_gamma);
  number("v_pred_like_loss", loss.weighting.v_pred_like_loss);
  loss.noise.zero_terminal_snr = options.flag("zero_terminal_snr");
  loss.weighting.debiased_estimation_loss = options.flag("debiased_estimation_loss");
  loss.weighting.scale_v_pred_loss_like_noise_pred = options.flag("scale_v_pred_loss_like_noise_pred");
  loss.huber_schedule = options.text("huber_schedule", loss.huber_schedule);
  loss.huber_c = options.number("huber_c", loss.huber_c);
  loss.huber_scale = options.number("huber_scale", loss.huber_scale);

  StepData data;
  data.shape = {nchw[0], nchw[2], nchw[3], file.at(prefix + "ids1").shape[1]};
  data.latents = nhwc_from_nchw(file.read_f32(prefix + "latents"), nchw);
  data.noise = nhwc_from_nchw(file.read_f32(prefix + "noise"), nchw);
  if (loss.noise.has_offset()) data.offset_noise = file.read_f32(prefix + "offset_noise");  // [N, 4, 1, 1]
  if (loss.noise.has_input_perturbation()) data.ip_noise = nhwc_from_nchw(file.read_f32(prefix + "ip_noise"), nchw);
  if (options.flag("masked_loss")) {
    const TensorInfo& mask = file.at(prefix + "alpha_mask");  // [N, H, W]
    const std::vector<float> values = file.read_f32(mask.name);
    const size_t size = values.size() / static_cast<size_t>(nchw[0]);
    for (size_t n = 0; n < static_cast<size_t>(nchw[0]); ++n) {
      const std::vector<float> small =
          resize_mask_area(std::span(values).subspan(n * size, size), mask.shape[1], mask.shape[2], nchw[2], nchw[3]);
      data.loss_mask.insert(data.loss_mask.end(), small.begin(), small.end());
    }
  }
  for (const int32_t t : file.read_i32(prefix + "timesteps")) data.timesteps.push_back(t);
  data.loss_weights = file.read_f32(prefix + "loss_weights");
  data.ids = read_ids(file, prefix);
  if (file.find(prefix + "sizes"))
    for (const int32_t size : file.read_i32(prefix + "sizes")) data.sizes.push_back(static_cast<float>(size));
  return make_step_inputs(data, model.model()->latents(), loss,
                          make_noise_schedule({.zero_terminal_snr = loss.noise.zero_terminal_snr}));
}

std::vector<LoraTensor> lora_tensors(std::span<const AdaptedLayer> modules) {
  std::vector<LoraTensor> tensors;
  for (const AdaptedLayer& module : modules) {
    tensors.push_back({module.key + ".lora_down.weight", test::down_shape(module)});
    tensors.push_back({module.key + ".lora_up.weight", test::up_shape(module)});
  }
  return tensors;
}

}  // namespace rankine::golden
