#pragma once
#include <span>

#include "backend/backend.h"

namespace rankine {

std::span<const Backend> backends();
/// Counts what the processor would hold and take, and computes nothing. It is no device that a user can ask for.
const Backend& null_backend();
/// The device of that name; "auto" is the first of the list. Throws Error naming the known ones.
const Backend& find_backend(std::string_view name);

}  // namespace rankine
