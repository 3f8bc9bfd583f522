#pragma once
#include "backend/backend.h"

namespace rankine {

/// A session on this machine's processor: oneDNN for convolutions and matrix products, our own vector kernels for the
/// rest, one OpenMP team for both.
std::unique_ptr<Session> open_cpu_session(ConstantSource& constants);

/// About how fast this processor is.
DeviceRates cpu_rates();
/// Whether the table of kernels has one for the op.
bool cpu_has_kernel(const OpDef& op);
/// What it reaches at best, measured in about a second (limits.cpp).
DeviceLimits cpu_limits(DType dtype);

}  // namespace rankine
