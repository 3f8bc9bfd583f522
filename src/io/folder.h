#pragma once
#include <filesystem>
#include <string>

namespace rankine {

/// The folder itself, or the nearest of the folders above it that exists.
std::filesystem::path existing_part(const std::filesystem::path& folder);

/// Throws FileError unless `folder` exists and can be written, or can be made. Writes nothing. The message begins with
/// `option`, the flag that names the folder.
void check_folder(const std::string& folder, const std::string& option);

}  // namespace rankine
