#pragma once
#include <string>

/// The root of the source tree that the tests were built from. Only one file is compiled with this path, so that trees
/// in other folders share their compiled tests (ccache).
std::string source_dir();
