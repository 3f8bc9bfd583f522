#include "data/caption_check.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <sstream>

#include "base/error.h"
#include "base/rng.h"
#include "base/shortened.h"
#include "data/image_folder.h"

namespace rankine {
namespace {

namespace fs = std::filesystem;

/// Other suffixes of captions to look for if none is found.
constexpr std::string_view other_extensions[] = {".txt", ".caption", ".tags", ".cap", ".txt.txt"};

bool is_there(const std::string& path) {
  std::error_code fault;
  return fs::symlink_status(path, fault).type() != fs::file_type::not_found;
}

/// The file of a picture's caption; empty if there is none.
std::string caption_file_of(const std::string& image, const std::string& extension) {
  for (std::string& path : caption_paths(image, extension))
    if (is_there(path)) return path;
  return {};
}

/// The suffix of the picture's caption if it is not `extension`; empty if there is none.
std::string_view other_suffix_of(const std::string& image, const std::string& extension) {
  for (const std::string_view other : other_extensions)
    if (other != extension && !caption_file_of(image, std::string(other)).empty()) return other;
  return {};
}

/// Warns of an empty caption. It is used: as in sd-scripts, only a missing file lets the class words stand in.
void note_empty(const std::string& path, const Caption& caption, Findings& findings) {
  if (caption.has_no_bytes)
    findings.warning(path,
                     "the caption is empty, because its file has 0 bytes, which stops sd-scripts: write a caption, "
                     "or remove the file to use the class words");
  else if (caption.unused_lines > 0)
    findings.warning(path, "the caption is empty, because the first line of its file is blank: no other line is used",
                     concat_text(caption.unused_lines, " more"));
  else
    findings.warning(path, "the caption is empty, because its file is blank: remove the file to use the class words");
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

}  // namespace

std::vector<std::optional<std::string>> read_captions(const SubsetSection& subset,
                                                      const std::vector<std::string>& images, const TokenLimit& limit,
                                                      Findings& findings) {
  const SubsetOptions& options = subset.options;
  const std::string substitute = options.class_tokens.value_or("");
  std::vector<std::optional<std::string>> captions;
  std::vector<std::string> missing;
  std::map<std::string, std::string> owners;  // caption file of the same name -> picture
  for (const std::string& image : images) {
    const std::string path = caption_file_of(image, options.caption_extension);
    if (path.empty()) {
      missing.push_back(image);
      captions.emplace_back(substitute);
      continue;
    }
    // Faces that were cut out of one picture share its caption on purpose.
    if (path == caption_path(image, options.caption_extension))
      if (const auto [owner, is_new] = owners.try_emplace(path, image); !is_new)
        findings.warning(image, "it shares its caption with another picture",
                         fs::path(owner->second).filename().string());
    try {
      Caption caption = read_caption(path, options.caption.enable_wildcard);
      if (caption.has_byte_order_mark) findings.note(path, "its byte order mark is not taken as part of the caption");
      if (caption.text.empty()) {
        note_empty(path, caption, findings);
      } else if (caption.unused_lines > 0) {
        findings.warning(path, "only its first line is used (--enable_wildcard draws one of all lines)",
                         concat_text(caption.unused_lines, " more"));
      }
      for (const std::string& line : lines_of(caption.text)) note_length(path, line, options.caption, limit, findings);
      captions.emplace_back(std::move(caption.text));
    } catch (const Error& error) {
      findings.broken(path, error.what());
      captions.emplace_back();
    }
  }

  std::map<std::string_view, int> others;
  for (const std::string& image : missing)
    if (const std::string_view other = other_suffix_of(image, options.caption_extension); !other.empty())
      ++others[other];
  if (missing.size() == images.size() && !others.empty()) {
    const std::string_view other = std::ranges::max_element(others, {}, [](const auto& o) { return o.second; })->first;
    findings.error(
        subset.image_dir,
        concat_text("no caption ends in \"", options.caption_extension, "\", but captions ending in \"", other,
                    "\" lie there: set --caption_extension ", other, " (caption_extension in a dataset file)"));
    return captions;
  }
  const std::string instead = substitute.empty() ? "an empty caption is used" : "the class words are used";
  for (const std::string& image : missing) {
    const std::string_view other = other_suffix_of(image, options.caption_extension);
    findings.warning(image,
                     concat_text("no caption file (", options.caption_extension, "), ", instead,
                                 other.empty() ? "" : concat_text(", though a ", other, " lies beside it")),
                     substitute.empty() ? "" : concat_text('"', substitute, '"'));
  }
  return captions;
}

void note_length(const std::string& path, const std::string& caption, const CaptionSettings& settings,
                 const TokenLimit& limit, Findings& findings) {
  CaptionSettings whole = settings;  // leave out and move nothing
  whole.shuffle = false;
  whole.dropout_rate = whole.tag_dropout_rate = whole.token_warmup_step = 0;
  whole.dropout_every_n_epochs = 0;
  Rng rng(0, purpose::captions, 0, 0);
  const std::string text = process_caption(caption, whole, {}, rng);
  if (limit.is_within(text)) return;
  const std::string_view rest = std::string_view(text).substr(limit.read_part(text).size());
  const size_t begin = rest.find_first_not_of(" ,");
  const std::string unread =
      settings.shuffle ? std::string("shuffling decides which end is not read")
                       : concat_text("not read: \"", shortened(rest.substr(std::min(begin, rest.size())), 60), "\"");
  findings.warning(path,
                   concat_text("longer than the ", limit.limit(), " tokens that are read",
                               limit.limit() < 225 ? " (--max_token_length reads up to 225)" : ""),
                   concat_text(limit.tokens_of(text), " tokens, ", unread));
}

}  // namespace rankine
