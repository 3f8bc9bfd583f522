#pragma once
#include "backend/cpu/kernels/tensor_ptr.h"

namespace rankine::cpu {

/// Copies `rows` rows of `row_bytes` bytes, each side with its own distance between rows: concatenation along the last
/// axis (once for each source) and slices of it.
void copy_rows(const void* x, int64_t x_stride_bytes, void* y, int64_t y_stride_bytes, int64_t row_bytes, int64_t rows);

/// y[i] = table[ids[i]]; rows of `row_bytes` bytes. Throws when an id is not in [0, table_rows).
void gather_rows(const void* table, int64_t table_rows, const int32_t* ids, void* y, int64_t row_bytes, int64_t count);
void gather_rows(const void* table, int64_t table_rows, const int64_t* ids, void* y, int64_t row_bytes, int64_t count);

/// dtable[ids[i]] += dy[i], in order of i. dtable: f32 [table_rows, channels] (the caller clears it first), dy: [count,
/// channels]. Throws when an id is not in [0, table_rows).
void scatter_add_rows(In dy, const int32_t* ids, float* dtable, int64_t table_rows, int64_t channels, int64_t count);
void scatter_add_rows(In dy, const int64_t* ids, float* dtable, int64_t table_rows, int64_t channels, int64_t count);

/// Sinusoids of the timestep (Vaswani et al. 2017, section 3.5, as diffusers computes them for Stable Diffusion):
/// y[n] = [cos(t f), sin(t f)], f_i = max_period^(-i / half). t: f32 [count], y: f32 [count, channels]; an odd last
/// channel is zero.
void timestep_embedding(const float* t, float* y, int64_t count, int64_t channels, double max_period = 10000.0);

}  // namespace rankine::cpu
