#pragma once
#include "backend/backend.h"

namespace rankine {

/// A session on the processor of this machine. oneDNN computes convolutions and most matrix products, our own kernels
/// the rest; both use the same OpenMP team.
std::unique_ptr<Session> open_cpu_session(ConstantSource& constants);

/// Facts of this processor (device_model.cpp).
const DeviceModel& cpu_device();
/// The best rates of this processor, measured in about a second (limits.cpp).
DeviceLimits cpu_limits(DType dtype);

}  // namespace rankine
