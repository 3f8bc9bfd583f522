#pragma once
#include "backend/backend.h"

namespace rankine {

/// A session that interprets graphs in double precision. Variables and constants are kept in double.
std::unique_ptr<Session> open_reference_session(ConstantSource& constants);

/// Facts for the interpreter: weights as they are stored, and no passes.
const DeviceModel& reference_device();

}  // namespace rankine
