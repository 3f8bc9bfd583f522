#pragma once
#include <vector>

#include "graph/op.h"

/// Every op: its OpDef and the functions that build it. Each op, or an op with its gradient, has one file in this
/// folder. Names are those of torch.nn.functional where it has one. Images are [N, H, W, C], sequences [N, L, D].
namespace rankine {

// Leaves and effects (leaf.cpp)
extern const OpDef input_op, constant_op, variable_op, assign_op;
bool is_leaf(const Node& node);

// Shape and type (reshape.cpp, cast.cpp, concat.cpp, slice.cpp, fill.cpp, expand.cpp)
extern const OpDef reshape_op, cast_op, concat_op, slice_op, fill_op, expand_op, sum_to_op;
/// The same elements with another shape; no copy.
Value reshape(Value x, Shape shape);
/// Converts every element to `dtype`, rounded to nearest even.
Value cast(Value x, DType dtype);
/// Joins along `axis` (negative: from the end). All other dimensions are equal.
Value concat(const std::vector<Value>& values, int axis);
/// The elements begin ... end - 1 along `axis`.
Value slice(Value x, int axis, int64_t begin, int64_t end);
/// A tensor that holds one number everywhere.
Value fill(Graph& graph, Type type, double value);
/// Repeats x to `shape` by broadcasting (dimensions aligned at the end, size 1 repeats).
Value expand(Value x, Shape shape);
/// The transpose of expand: sums over the dimensions that broadcasting `shape` to x's shape repeats.
Value sum_to(Value x, Shape shape);

// Elementwise (add.cpp, sub.cpp, mul.cpp, div.cpp, scale.cpp, abs.cpp, sqrt.cpp, pow.cpp, greater.cpp, where.cpp,
// silu.cpp, gelu.cpp, quick_gelu.cpp, geglu.cpp)
extern const OpDef add_op, sub_op, mul_op, div_op, scale_op, abs_op, abs_grad_op, sqrt_op, pow_op, greater_op, where_op;
extern const OpDef silu_op, silu_grad_op, gelu_op, gelu_grad_op, quick_gelu_op, quick_gelu_grad_op;
extern const OpDef geglu_op, geglu_grad_op;
/// a + b, a - b, a * b and a / b; b's shape broadcasts to a's.
Value add(Value a, Value b);
Value sub(Value a, Value b);
Value mul(Value a, Value b);
Value div(Value a, Value b);
inline Value operator+(Value a, Value b) { return add(a, b); }
inline Value operator-(Value a, Value b) { return sub(a, b); }
inline Value operator*(Value a, Value b) { return mul(a, b); }
inline Value operator/(Value a, Value b) { return div(a, b); }
Value scale(Value x, double factor);
/// |x|, f32.
Value abs(Value x);
/// The square root, f32.
Value sqrt(Value x);
/// base to the power of `exponent`, f32; the exponent's shape broadcasts to the base's. It has no gradient.
Value pow(Value base, Value exponent);
/// 1 where a > b, else 0, f32; b's shape broadcasts to a's.
Value greater(Value a, Value b);
/// a where the condition is not 0, else b, f32. The condition and b have a's shape or one element.
Value where(Value condition, Value a, Value b);
/// x * sigmoid(x) (Elfwing et al. 2017, arXiv:1702.03118).
Value silu(Value x);
/// x * Phi(x), exact, with erf (Hendrycks & Gimpel 2016, arXiv:1606.08415).
Value gelu(Value x);
/// x * sigmoid(1.702 x), CLIP's approximation of gelu.
Value quick_gelu(Value x);
/// [a, b] = halves of the last axis; a * gelu(b) (Shazeer 2020, arXiv:2002.05202). x: [..., 2d] -> [..., d].
Value geglu(Value x);

// Matrix products (linear.cpp, lora_linear.cpp)
extern const OpDef linear_op, linear_grad_x_op, linear_grad_w_op, lora_linear_op, lora_linear_grad_x_op;
/// x w^T + bias. x: [..., K], w: [N, K] with x's type, bias: f32 [N] or none -> [..., N].
Value linear(Value x, Value w, Value bias = {});
/// The inputs are [x, weight, bias, residual] for linear and conv2d, [dy, weight, residual] for their grad_x. The
/// residual has the result's type and is added to it. Only the fuse_residual pass sets one.
inline constexpr int linear_residual = 3, linear_grad_x_residual = 2;
/// The inputs of lora_linear are [x, weight, bias, residual, down, up]; lora_linear_grad_x has dy for x and no
/// bias.
inline constexpr int lora_linear_residual = 3, lora_linear_down = 4, lora_linear_up = 5;

// Convolutions (conv2d.cpp)
extern const OpDef conv2d_op, conv2d_grad_x_op, conv2d_grad_w_op;
struct Conv2dGeometry {
  int64_t stride = 1;
  int64_t top = 0, left = 0, bottom = 0, right = 0;  // zero padding, in pixels

  static Conv2dGeometry same(int64_t kernel, int64_t stride = 1) {
    const int64_t p = kernel / 2;
    return {stride, p, p, p, p};
  }
  static Conv2dGeometry of(const Attributes& attributes);
  Attributes attributes() const;
  int64_t output_height(int64_t height, int64_t kernel) const { return (height + top + bottom - kernel) / stride + 1; }
  int64_t output_width(int64_t width, int64_t kernel) const { return (width + left + right - kernel) / stride + 1; }
};
/// Cross-correlation. x: [N, H, W, C], w: [O, C, kh, kw], bias: f32 [O] or none -> [N, H', W', O].
Value conv2d(Value x, Value w, Value bias, const Conv2dGeometry& geometry);

// Dropout (dropout.cpp)
extern const OpDef dropout_op;
/// Settings of a dropout.
struct Dropout {
  double p = 0;         ///< chance of each mask element to be 0
  double factor = 1;    ///< value of the other mask elements: 1 / (1 - p) keeps the mean
  Shape mask = {};      ///< broadcasts to x: x's own shape, or 1 where elements share one mask value
  uint32_t stream = 0;  ///< of the random numbers; each dropout of a graph has its own
};
/// x * mask (Srivastava et al. 2014). Each `key` (i32 [4], the words of a RandomKey) draws another mask. The mask is
/// never stored: the backward pass and recomputation draw it again from the key.
Value dropout(Value x, Value key, const Dropout& settings);

// Normalisation (group_norm.cpp, layer_norm.cpp); statistics are f32 for every type of x
extern const OpDef group_norm_op, group_norm_grad_x_op, group_norm_grad_affine_op;
extern const OpDef layer_norm_op, layer_norm_grad_x_op, layer_norm_grad_affine_op;
/// Normalises over (pixels, C / groups), then applies gain and bias (Wu & He 2018, arXiv:1803.08494), and silu if
/// `activation` is "silu". x: [N, ..., C], gain, bias: f32 [C]. Outputs y, mean f32 [N, groups], rstd f32 [N, groups].
Value group_norm(Value x, Value gain, Value bias, int64_t groups, double eps, const char* activation = "");
/// Normalises over the last axis (Ba et al. 2016, arXiv:1607.06450). Outputs y, mean f32 [rows], rstd f32 [rows].
Value layer_norm(Value x, Value gain, Value bias, double eps);

// Attention (attention.cpp)
extern const OpDef scaled_dot_product_attention_op, scaled_dot_product_attention_grad_op;
/// softmax(q k^T / sqrt(head size)) v for each head. q: [N, Tq, heads * d], k, v: [N, Tk, heads * d]. Outputs the
/// result in q's shape, and lse f32 [N, heads, Tq], the natural logarithm of each row's sum of exponentials.
Value scaled_dot_product_attention(Value q, Value k, Value v, int64_t heads, bool causal = false);

// Resampling and lookup (upsample_nearest.cpp, embedding.cpp, timestep_embedding.cpp,
// first_match.cpp)
extern const OpDef upsample_nearest_op, upsample_nearest_grad_op, embedding_op, embedding_grad_op;
extern const OpDef timestep_embedding_op, first_match_op;
/// x: [N, H, W, C] -> [N, height, width, C]; source row = floor(row * H / height).
Value upsample_nearest(Value x, int64_t height, int64_t width);
/// The rows of `table` [V, D] that ids i32 [...] choose -> [..., D].
Value embedding(Value table, Value ids);
/// [cos(t f_k) | sin(t f_k)], f_k = 10000^(-k / half). t: f32 [N] -> f32 [N, dim] (Ho et al. 2020, arXiv:2006.11239).
Value timestep_embedding(Value t, int64_t dim);
/// ids: i32 [..., L] -> f32 of the same shape: in each row 1 at the first `id`, else 0.
Value first_match(Value ids, int64_t id);

// Loss and reductions (mse_loss.cpp, smooth_l1.cpp, mean.cpp)
extern const OpDef mse_loss_op, mse_loss_grad_op, smooth_l1_op, smooth_l1_grad_op, mean_op;
/// The mean of (pred - target)^2 over all axes but the first -> f32 [N].
Value mse_loss(Value pred, Value target);
/// 2 (sqrt(d^2 + c^2) - c) per element (Charbonnier et al. 1997): d^2 / c near 0, 2 |d| far away. d: f32 [N, ...], c:
/// f32 [N], one threshold per sample.
Value smooth_l1(Value d, Value c);
/// The mean of all elements -> f32 [].
Value mean(Value x);

// Gradients (accumulate.cpp, grad_norm.cpp)
extern const OpDef accumulate_op, grad_norm_op, clip_factor_op;
/// keep * sum + addend. keep (f32 []) is 0 or 1; with 0 even a NaN in `sum` has no effect.
Value accumulate(Value sum, Value addend, Value keep);
/// The L2 norm over all elements of all tensors -> f32 [].
Value grad_norm(const std::vector<Value>& gradients);
/// min(1, max_norm / (norm + 1e-6)), the factor of torch.nn.utils.clip_grad_norm_ -> f32 [].
Value clip_factor(Value norm, double max_norm);

// Updates: inputs and outputs stand in their files; src/optim builds them (adamw.cpp, lion.cpp, sgd.cpp, adafactor.cpp,
// first_value.cpp, adapted_rate.cpp, prodigy.cpp, dadapt.cpp, dadapt_lion.cpp, dadapt_adan.cpp, dadapt_sgd.cpp,
// dadapt_adagrad.cpp, schedule_free.cpp, quantized_update.cpp)
extern const OpDef adamw_op, lion_op, sgd_nesterov_op;
extern const OpDef adafactor_factored_op, adafactor_unfactored_op, adafactor_step_op;
extern const OpDef first_value_op, adapted_rate_op, prodigy_moments_op, prodigy_distance_op, prodigy_step_op;
extern const OpDef dadapt_distance_op, dadapt_adam_moments_op, dadapt_adam_step_op, dadapt_adan_difference_op;
extern const OpDef dadapt_lion_op, dadapt_sgd_rate_op, dadapt_sgd_op, dadapt_adagrad_op;
extern const OpDef schedule_free_weight_op, adamw_schedule_free_op, sgd_schedule_free_op;
extern const OpDef adamw_8bit_op, lion_8bit_op, sgd_nesterov_8bit_op;

// Limits on LoRA weights (limit_norm.cpp)
extern const OpDef limit_norm_op, norm_statistics_op;

}  // namespace rankine
