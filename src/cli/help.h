#pragma once
#include <string>

#include "cli/flag.h"

namespace rankine {

/// The flags for a terminal of `width` columns: built flags by group, the others in two short lists below.
std::string help_text(const FlagTable& table, int width = 100);

/// The flags as Markdown: a table for each group, with status and reason. This is docs/flags.md.
std::string help_markdown(const FlagTable& table);

/// The keys of dataset files as a Markdown table: the second part of docs/flags.md.
std::string dataset_keys_markdown();

/// Breaks `text` at spaces into lines of at most `width` columns; all but the first are indented by `indent` spaces.
std::string wrapped(const std::string& text, size_t indent, size_t width);

}  // namespace rankine
