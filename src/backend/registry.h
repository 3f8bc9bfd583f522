#pragma once
#include <span>

#include "backend/backend.h"

namespace rankine {

std::span<const Backend> backends();
/// Throws Error naming the known ones.
const Backend& find_backend(std::string_view name);

}  // namespace rankine
