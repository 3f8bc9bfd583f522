#pragma once
#include <string_view>

#include "base/error.h"

namespace rankine::log {

enum class Level { debug, info, warning, error };

/// Drops messages below `level`. All messages go to standard error; standard output is for results.
void set_level(Level level);
void write(Level level, std::string_view message);

template <class... Parts>
void debug(const Parts&... parts) {
  write(Level::debug, concat_text(parts...));
}
template <class... Parts>
void info(const Parts&... parts) {
  write(Level::info, concat_text(parts...));
}
template <class... Parts>
void warning(const Parts&... parts) {
  write(Level::warning, concat_text(parts...));
}
template <class... Parts>
void error(const Parts&... parts) {
  write(Level::error, concat_text(parts...));
}

}  // namespace rankine::log
