#pragma once
#include "backend/backend.h"

namespace rankine {

/// A session that plans memory as this device would and computes nothing. It reads no frozen weights and
/// holds only the variables that are written; `memory` tells what the device would hold, working memory of kernels as
/// far as it can be known without them. Outputs are zeros, variables keep what was written. `profile` gives the seconds
/// that the device is expected to take.
std::unique_ptr<Session> open_null_session(const DeviceModel& device);

}  // namespace rankine
