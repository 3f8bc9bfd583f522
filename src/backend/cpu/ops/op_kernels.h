#pragma once
#include "backend/cpu/kernel_context.h"

/// One function for each kernel of the table in kernel_table.cpp; files are named after their subject.
namespace rankine::cpu {

// linear.cpp, conv2d.cpp
Launch prepare_linear(KernelContext&);
Launch prepare_linear_grad_x(KernelContext&);
Launch prepare_linear_grad_w(KernelContext&);
Launch prepare_lora_linear(KernelContext&);
Launch prepare_lora_linear_grad_x(KernelContext&);
Launch prepare_conv2d(KernelContext&);
Launch prepare_conv2d_grad_x(KernelContext&);
Launch prepare_conv2d_grad_w(KernelContext&);

// norm.cpp
Launch prepare_group_norm(KernelContext&);
Launch prepare_group_norm_grad_x(KernelContext&);
Launch prepare_group_norm_grad_affine(KernelContext&);
Launch prepare_layer_norm(KernelContext&);
Launch prepare_layer_norm_grad_x(KernelContext&);
Launch prepare_layer_norm_grad_affine(KernelContext&);

// attention.cpp
Launch prepare_attention(KernelContext&);
Launch prepare_attention_grad(KernelContext&);

// elementwise.cpp
Launch prepare_add(KernelContext&);
Launch prepare_sub(KernelContext&);
Launch prepare_mul(KernelContext&);
Launch prepare_div(KernelContext&);
Launch prepare_scale(KernelContext&);
Launch prepare_cast(KernelContext&);
Launch prepare_silu(KernelContext&);
Launch prepare_silu_grad(KernelContext&);
Launch prepare_gelu(KernelContext&);
Launch prepare_gelu_grad(KernelContext&);
Launch prepare_quick_gelu(KernelContext&);
Launch prepare_quick_gelu_grad(KernelContext&);
Launch prepare_geglu(KernelContext&);
Launch prepare_geglu_grad(KernelContext&);
Launch prepare_accumulate(KernelContext&);

// elementary.cpp
Launch prepare_sqrt(KernelContext&);
Launch prepare_pow(KernelContext&);
Launch prepare_greater(KernelContext&);
Launch prepare_where(KernelContext&);

// dropout.cpp
Launch prepare_dropout(KernelContext&);

// layout.cpp
Launch prepare_nothing(KernelContext&);
Launch prepare_assign(KernelContext&);
Launch prepare_concat(KernelContext&);
Launch prepare_slice(KernelContext&);
Launch prepare_fill(KernelContext&);
Launch prepare_expand(KernelContext&);
Launch prepare_upsample_nearest(KernelContext&);
Launch prepare_upsample_nearest_grad(KernelContext&);
Launch prepare_embedding(KernelContext&);
Launch prepare_embedding_grad(KernelContext&);
Launch prepare_timestep_embedding(KernelContext&);
Launch prepare_first_match(KernelContext&);

// reduce.cpp
Launch prepare_sum_to(KernelContext&);
Launch prepare_mean(KernelContext&);
Launch prepare_mse_loss(KernelContext&);
Launch prepare_mse_loss_grad(KernelContext&);

// loss.cpp
Launch prepare_abs(KernelContext&);
Launch prepare_abs_grad(KernelContext&);
Launch prepare_smooth_l1(KernelContext&);
Launch prepare_smooth_l1_grad(KernelContext&);

// optimizer.cpp
Launch prepare_grad_norm(KernelContext&);
Launch prepare_clip_factor(KernelContext&);
Launch prepare_adamw(KernelContext&);
Launch prepare_lion(KernelContext&);
Launch prepare_sgd_nesterov(KernelContext&);

// adafactor.cpp, adaptive_update.cpp, schedule_free.cpp, quantized_update.cpp, limit_norm.cpp
Launch prepare_adafactor_factored(KernelContext&);
Launch prepare_adafactor_unfactored(KernelContext&);
Launch prepare_adafactor_step(KernelContext&);
Launch prepare_first_value(KernelContext&);
Launch prepare_adapted_rate(KernelContext&);
Launch prepare_prodigy_moments(KernelContext&);
Launch prepare_prodigy_distance(KernelContext&);
Launch prepare_prodigy_step(KernelContext&);
Launch prepare_dadapt_distance(KernelContext&);
Launch prepare_dadapt_adam_moments(KernelContext&);
Launch prepare_dadapt_adam_step(KernelContext&);
Launch prepare_dadapt_lion(KernelContext&);
Launch prepare_dadapt_adan_difference(KernelContext&);
Launch prepare_dadapt_sgd_rate(KernelContext&);
Launch prepare_dadapt_sgd(KernelContext&);
Launch prepare_dadapt_adagrad(KernelContext&);
Launch prepare_schedule_free_weight(KernelContext&);
Launch prepare_adamw_schedule_free(KernelContext&);
Launch prepare_sgd_schedule_free(KernelContext&);
Launch prepare_adamw_8bit(KernelContext&);
Launch prepare_lion_8bit(KernelContext&);
Launch prepare_sgd_nesterov_8bit(KernelContext&);
Launch prepare_limit_norm(KernelContext&);
Launch prepare_norm_statistics(KernelContext&);

/// Kernel::forms of the linear ops and of the convolutions.
std::vector<WeightForm> linear_forms(const OperandTypes& types, const dnnl::engine& engine);
std::vector<WeightForm> conv2d_forms(const OperandTypes& types, const dnnl::engine& engine);

/// A product whose destination must hold the residual when it starts: copied there first, unless it is there already.
/// residual: the input's index, or -1.
Launch with_residual(KernelContext& p, int residual, Primitive product);

}  // namespace rankine::cpu
