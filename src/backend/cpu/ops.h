#pragma once
#include "backend/cpu/kernel.h"

/// One function for each kernel of the table in kernels.cpp; files are named after their subject.
namespace rankine::cpu {

// linear.cpp, conv2d.cpp
Launch prepare_linear(Prepare&);
Launch prepare_linear_grad_x(Prepare&);
Launch prepare_linear_grad_w(Prepare&);
Launch prepare_lora_linear(Prepare&);
Launch prepare_lora_linear_grad_x(Prepare&);
Launch prepare_conv2d(Prepare&);
Launch prepare_conv2d_grad_x(Prepare&);
Launch prepare_conv2d_grad_w(Prepare&);

// norm.cpp
Launch prepare_group_norm(Prepare&);
Launch prepare_group_norm_grad_x(Prepare&);
Launch prepare_group_norm_grad_affine(Prepare&);
Launch prepare_layer_norm(Prepare&);
Launch prepare_layer_norm_grad_x(Prepare&);
Launch prepare_layer_norm_grad_affine(Prepare&);

// attention.cpp
Launch prepare_attention(Prepare&);
Launch prepare_attention_grad(Prepare&);

// elementwise.cpp
Launch prepare_add(Prepare&);
Launch prepare_mul(Prepare&);
Launch prepare_scale(Prepare&);
Launch prepare_cast(Prepare&);
Launch prepare_silu(Prepare&);
Launch prepare_silu_grad(Prepare&);
Launch prepare_gelu(Prepare&);
Launch prepare_gelu_grad(Prepare&);
Launch prepare_quick_gelu(Prepare&);
Launch prepare_quick_gelu_grad(Prepare&);
Launch prepare_geglu(Prepare&);
Launch prepare_geglu_grad(Prepare&);
Launch prepare_accumulate(Prepare&);

// dropout.cpp
Launch prepare_dropout(Prepare&);

// layout.cpp
Launch prepare_nothing(Prepare&);
Launch prepare_assign(Prepare&);
Launch prepare_concat(Prepare&);
Launch prepare_slice(Prepare&);
Launch prepare_fill(Prepare&);
Launch prepare_expand(Prepare&);
Launch prepare_upsample_nearest(Prepare&);
Launch prepare_upsample_nearest_grad(Prepare&);
Launch prepare_embedding(Prepare&);
Launch prepare_embedding_grad(Prepare&);
Launch prepare_timestep_embedding(Prepare&);

// reduce.cpp
Launch prepare_sum_to(Prepare&);
Launch prepare_mean(Prepare&);
Launch prepare_mse_loss(Prepare&);
Launch prepare_mse_loss_grad(Prepare&);

// loss.cpp
Launch prepare_abs(Prepare&);
Launch prepare_abs_grad(Prepare&);
Launch prepare_smooth_l1(Prepare&);
Launch prepare_smooth_l1_grad(Prepare&);

// optimizer.cpp
Launch prepare_grad_norm(Prepare&);
Launch prepare_clip_factor(Prepare&);
Launch prepare_adamw(Prepare&);
Launch prepare_lion(Prepare&);
Launch prepare_sgd_nesterov(Prepare&);

// adafactor.cpp, adaptive_update.cpp, schedule_free.cpp, quantized_update.cpp, limit_norm.cpp
Launch prepare_adafactor_factored(Prepare&);
Launch prepare_adafactor_unfactored(Prepare&);
Launch prepare_adafactor_step(Prepare&);
Launch prepare_first_value(Prepare&);
Launch prepare_adapted_rate(Prepare&);
Launch prepare_prodigy_moments(Prepare&);
Launch prepare_prodigy_distance(Prepare&);
Launch prepare_prodigy_step(Prepare&);
Launch prepare_dadapt_distance(Prepare&);
Launch prepare_dadapt_adam_moments(Prepare&);
Launch prepare_dadapt_adam_step(Prepare&);
Launch prepare_dadapt_lion(Prepare&);
Launch prepare_dadapt_adan_difference(Prepare&);
Launch prepare_dadapt_sgd_rate(Prepare&);
Launch prepare_dadapt_sgd(Prepare&);
Launch prepare_dadapt_adagrad(Prepare&);
Launch prepare_schedule_free_weight(Prepare&);
Launch prepare_adamw_schedule_free(Prepare&);
Launch prepare_sgd_schedule_free(Prepare&);
Launch prepare_adamw_8bit(Prepare&);
Launch prepare_lion_8bit(Prepare&);
Launch prepare_sgd_nesterov_8bit(Prepare&);
Launch prepare_limit_norm(Prepare&);
Launch prepare_norm_statistics(Prepare&);

/// Whether convolutions left open ("auto") become Winograd's on this processor (conv2d.cpp).
bool winograd_is_default();

/// A product whose destination must hold the residual when it starts: copied there first, unless it is there already.
/// residual: the input's index, or -1.
Launch with_residual(Prepare& p, int residual, Primitive product);

}  // namespace rankine::cpu
