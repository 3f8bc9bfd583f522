#pragma once
#include "backend/backend.h"

namespace rankine {

/// A session on this machine's processor: oneDNN for convolutions and matrix products, our own vector kernels for the
/// rest, one OpenMP team for both.
std::unique_ptr<Session> open_cpu_session(ConstantSource& constants);

/// Facts of this processor (device_model.cpp).
const DeviceModel& cpu_device();
/// The best rates of this processor, measured in about a second (limits.cpp).
DeviceLimits cpu_limits(DType dtype);

}  // namespace rankine
