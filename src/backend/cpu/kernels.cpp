#include "backend/cpu/ops.h"
#include "graph/ops/ops.h"

namespace rankine::cpu {

std::span<const Kernel> kernels() {
  static constexpr Kernel all[] = {
      {&input_op, prepare_nothing},
      {&constant_op, prepare_nothing},
      {&variable_op, prepare_nothing},
      {&reshape_op, prepare_nothing},
      {&assign_op, prepare_assign},
      {&linear_op, prepare_linear},
      {&linear_grad_x_op, prepare_linear_grad_x},
      {&linear_grad_w_op, prepare_linear_grad_w},
      {&conv2d_op, prepare_conv2d},
      {&conv2d_grad_x_op, prepare_conv2d_grad_x},
      {&conv2d_grad_w_op, prepare_conv2d_grad_w},
      {&group_norm_op, prepare_group_norm},
      {&group_norm_grad_x_op, prepare_group_norm_grad_x},
      {&group_norm_grad_affine_op, prepare_group_norm_grad_affine},
      {&layer_norm_op, prepare_layer_norm},
      {&layer_norm_grad_x_op, prepare_layer_norm_grad_x},
      {&layer_norm_grad_affine_op, prepare_layer_norm_grad_affine},
      {&scaled_dot_product_attention_op, prepare_attention},
      {&scaled_dot_product_attention_grad_op, prepare_attention_grad},
      {&add_op, prepare_add},
      {&mul_op, prepare_mul},
      {&scale_op, prepare_scale},
      {&cast_op, prepare_cast},
      {&silu_op, prepare_silu},
      {&silu_grad_op, prepare_silu_grad},
      {&gelu_op, prepare_gelu},
      {&gelu_grad_op, prepare_gelu_grad},
      {&quick_gelu_op, prepare_quick_gelu},
      {&quick_gelu_grad_op, prepare_quick_gelu_grad},
      {&geglu_op, prepare_geglu},
      {&geglu_grad_op, prepare_geglu_grad},
      {&concat_op, prepare_concat},
      {&slice_op, prepare_slice},
      {&fill_op, prepare_fill},
      {&expand_op, prepare_expand},
      {&sum_to_op, prepare_sum_to},
      {&mean_op, prepare_mean},
      {&upsample_nearest_op, prepare_upsample_nearest},
      {&upsample_nearest_grad_op, prepare_upsample_nearest_grad},
      {&embedding_op, prepare_embedding},
      {&embedding_grad_op, prepare_embedding_grad},
      {&timestep_embedding_op, prepare_timestep_embedding},
      {&mse_loss_op, prepare_mse_loss},
      {&mse_loss_grad_op, prepare_mse_loss_grad},
      {&accumulate_op, prepare_accumulate},
      {&grad_norm_op, prepare_grad_norm},
      {&clip_factor_op, prepare_clip_factor},
      {&adamw_op, prepare_adamw},
  };
  return all;
}

}  // namespace rankine::cpu
