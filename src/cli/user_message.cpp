#include "cli/user_message.h"

#include <filesystem>
#include <new>

#include "base/error.h"
#include "base/shortened.h"

namespace rankine {

std::string user_message(const std::exception& error) {
  if (const auto* own = dynamic_cast<const Error*>(&error)) return own->what();
  if (const auto* file = dynamic_cast<const std::filesystem::filesystem_error*>(&error)) {
    const std::string other = file->path2().empty() ? "" : " to " + shortened(file->path2().string());
    return concat_text(shortened(file->path1().string()), other, ": ", file->code().message());
  }
  if (dynamic_cast<const std::bad_alloc*>(&error))
    return "there is not enough memory: close other programs, or give a smaller --memory_budget, --network_dim or "
           "--train_batch_size";
  return "this is a fault of Rankine itself; please report it with the command and the lines above";
}

}  // namespace rankine
