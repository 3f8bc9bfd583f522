#pragma once
#include <compare>
#include <functional>
#include <span>
#include <vector>

#include "graph/graph.h"
#include "models/stable_diffusion.h"
#include "network/lora.h"
#include "optim/optimizer.h"

namespace rankine {

/// What a training step is compiled for: one program for each (bucket, batch size).
struct StepShape {
  int64_t batch = 1;
  int64_t height = 64, width = 64;  ///< of the latents: an eighth of the picture's
  int64_t chunks = 1;               ///< of 77 tokens: 1, 2 or 3 for 75, 150 or 225 tokens
  bool whole_chunks = false;        ///< all 77 states of each are the context: prompts of pictures, not captions

  int64_t latents() const { return batch * height * width * 4; }
  int64_t context_tokens() const { return chunks == 1 || whole_chunks ? 77 * chunks : 75 * chunks + 2; }
  auto operator<=>(const StepShape&) const = default;
};

/// How the step is built, the same for all shapes.
struct StepSettings {
  StableDiffusionConfig model;
  std::vector<LoraModule> modules;  ///< adapted; those with a learning rate of 0 do not train
  LoraDropout dropout;              ///< in training steps alone
  DType compute = DType::f32;       ///< of frozen weights and activations
  DType trained = DType::f32;       ///< what LoRA weights and their gradients are rounded to; in memory they are f32
  int64_t clip_skip = 1;
  bool train_unet = true, train_text_encoder = true;
  bool accumulate = false;              ///< gradients add up over several steps
  bool gradient_checkpointing = false;  ///< every block is recomputed, whatever else is chosen
  /// What is given up for memory: see graph/memory_budget.h.
  std::function<bool(std::string_view value)> recomputed = [](std::string_view) { return false; };
  std::function<bool(std::string_view constant)> kept_plain = [](std::string_view) { return false; };
  std::function<bool(std::string_view constant)> kept_direct = [](std::string_view) { return false; };
  std::string conv_algorithm = "direct";  ///< "auto", "direct" or "winograd"
  std::string loss_type = "l2";
  bool weighted_captions = false;  ///< the text's states are multiplied by StepInputs::token_weights
  bool masked_loss = false;        ///< errors are weighed by StepInputs::loss_mask

  bool trains(const LoraModule& module) const {
    return module.lr_weight != 0 && (module.in_text_encoder() ? train_text_encoder : train_unet);
  }
};

/// Forward, loss and backward. Gradients are left in variables "grad.NAME" of the trained tensors.
/// Inputs: "noisy_latents", "target" f32 [N, h, w, 4], "timesteps" f32 [N], "loss_weights" f32 [N], "loss_scale" f32
/// [], those of sample_losses, "keep" f32 [] when accumulating; "ids" i32 [N, chunks, 77] when the text encoder is
/// trained, else "context" f32 [N, tokens, width]; "token_weights" f32 [N, tokens, 1] with weighted_captions,
/// "dropout_key" i32 [4] with dropout. Outputs: "loss" f32 [], "sample_losses" f32 [N]. Gives the variables that get a
/// gradient.
std::vector<Value> build_step_graph(Graph& graph, const StepSettings& settings, const StepShape& shape);

/// Forward and loss alone, with the weights in the forms of build_step_graph. Inputs and outputs are those of it, but
/// for "loss_scale" and "keep".
void build_validation_graph(Graph& graph, const StepSettings& settings, const StepShape& shape);

/// The frozen text encoder alone: input "ids" i32 [N, chunks, 77] -> output "context" f32 [N, tokens, width].
void build_text_graph(Graph& graph, const StepSettings& settings, int64_t batch, int64_t chunks);

/// The U-Net with its LoRA: inputs "latents" f32 [N, h, w, 4], "timesteps" f32 [N], "context" f32 [N, tokens, width]
/// -> output "prediction" f32 [N, h, w, 4].
void build_unet_graph(Graph& graph, const StepSettings& settings, const StepShape& shape);

/// What an update does beside the optimiser.
struct UpdateSettings {
  UpdateSettings(double max_grad_norm_in = 1.0) : max_grad_norm(max_grad_norm_in) {}
  double max_grad_norm;  ///< limit of the gradients' global norm; 0: no limit
  /// LoRA+ (Hayou et al. 2024, arXiv:2402.12354): lora_up learns at this multiple of the rate, as a group of its own.
  std::optional<double> unet_loraplus_ratio = {}, text_encoder_loraplus_ratio = {};
  /// After each update every module's scale * ||up down|| is brought down to this.
  std::optional<double> scale_weight_norms = {};
};

struct ParameterGroup;

/// The norm of all gradients that steps left -> output "grad_norm" f32 []. It is not finite when one of them is not:
/// known before an update has touched anything. `trained` comes from build_step_graph (any graph's).
void build_grad_norm_graph(Graph& graph, std::span<const Value> trained);

/// Clipping and the optimiser over these gradients. Inputs, f32 [] each: "step", "unscale", a factor on the gradients,
/// "grad_norm" with that factor (where they are clipped), and "lr.GROUP" for each group that has a trained tensor.
/// Outputs: "lr.GROUP" f32 [] of each group, and what the optimiser has to tell.
void build_update_graph(Graph& graph, std::span<const Value> trained, std::span<const ParameterGroup> groups,
                        const Optimizer& optimizer, double max_grad_norm);

/// Rounds the trained weights to StepSettings::trained.
void build_rounding_graph(Graph& graph, const StepSettings& settings);

/// Limits the norm of each trained module (scale_weight_norms). Outputs f32 []: "max_norm/keys_scaled",
/// "max_norm/average_key_norm", "max_norm/max_key_norm", as sd-scripts logs them.
void build_norm_limit_graph(Graph& graph, const StepSettings& settings, double limit);

}  // namespace rankine
