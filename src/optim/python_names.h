#pragma once
#include <string>
#include <string_view>

namespace rankine {

/// The name of the optimiser built here that `type` means: a name of sd-scripts in any case, or the path of a Python
/// class that computes the same. Throws Error for all others: they are not built.
std::string optimizer_named(std::string_view type);

/// `name` if it is a schedule of --lr_scheduler. Throws Error for others, and names the flag or schedule for Python's.
std::string schedule_named(std::string_view name);

/// The schedule of --lr_scheduler that a Python class or function is, "cosine" for "get_cosine_schedule_with_warmup";
/// empty if it is none. `path` may have the module's path.
std::string_view schedule_of_python(std::string_view path);

/// The last part of a Python path: "AdamW" for "torch.optim.AdamW".
std::string_view python_class(std::string_view path);

}  // namespace rankine
