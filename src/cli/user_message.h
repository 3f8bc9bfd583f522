#pragma once
#include <exception>
#include <string>

namespace rankine {

/// The text of an error for the user. Errors of the standard library are told in our own words: their texts are for
/// programmers.
std::string user_message(const std::exception& error);

}  // namespace rankine
