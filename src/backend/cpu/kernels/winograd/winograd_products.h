#pragma once
#include "backend/cpu/dnnl_compat.h"
#include "backend/cpu/kernels/winograd/winograd.h"

namespace rankine::cpu {

/// The product of one transformed point: f32 [rows, channels_out] = tiles [rows, channels_in] x weights. Weights in the
/// layout `weights`. Throws Error when oneDNN has only its reference loops for it.
dnnl::matmul::primitive_desc winograd_product(const dnnl::engine& engine, int64_t rows, DType dtype,
                                              const Desc& weights);
/// The layout of the weights of one transformed point, for any number of rows.
Desc winograd_packing(const dnnl::engine& engine, int64_t channels_in, int64_t channels_out, DType dtype);

}  // namespace rankine::cpu
