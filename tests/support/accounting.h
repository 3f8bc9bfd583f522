#pragma once
#include <filesystem>
#include <map>
#include <string>

namespace rankine::golden {

/// Notes that a golden case was compared, whatever came of it. `name` is unique: "tiny-sd15.unet.case0".
void ran(const std::string& name);

/// Notes that a golden case was left out, with the reason in two or three words: "sdxl", "loss_type huber".
void skipped(const std::string& name, const std::string& reason);

/// The golden cases of this process, or of several: the reason by case, empty for those that ran.
using Account = std::map<std::string, std::string>;
const Account& account();

/// "golden cases: 57 ran, 38 skipped (sd2: 17, sdxl: 16, …)", the most frequent reason first.
std::string summary(const Account& account);

/// Writes the account to `file` and reads it back: one line a case, its name, a tab, the reason.
void write_account(const Account& account, const std::filesystem::path& file);
void read_account(const std::filesystem::path& file, Account& into);

}  // namespace rankine::golden
