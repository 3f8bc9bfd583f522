#pragma once
#include <exception>
#include <string>

namespace rankine {

/// The message of an error for the user. An error of the standard library gets a message of ours, because its own is
/// written for programmers.
std::string user_message(const std::exception& error);

}  // namespace rankine
