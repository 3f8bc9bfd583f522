#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rankine {

/// An entry of a prompt file; options that it leaves out have no value.
struct SamplePrompt {
  std::string where;  ///< "prompts.txt:3", for messages
  std::string prompt{};
  std::optional<std::string> negative_prompt{};
  std::optional<int> width{}, height{};  ///< multiples of 8, at least 64: rounded down as sd-scripts does
  std::optional<int> sample_steps{};
  std::optional<double> scale{};  ///< classifier-free guidance
  std::optional<int64_t> seed{};
  std::optional<std::string> sample_sampler{};  ///< a name of sampler_kinds()
};

/// Parses a prompt with sd-scripts' options: "a cat --n blurry --w 768 --h 512 --d 1 --l 7.5 --s 30 --ss euler_a".
/// Ignores options of other models (--g, --fs, --ctr, --rcfg). Throws Error that names `where` for an unknown option,
/// --cn, and an invalid value.
SamplePrompt parse_prompt_line(const std::string& line, const std::string& where);

/// Parses prompts, one a line; empty lines and those that begin with # are ignored. Throws Error that names `where`
/// with the line.
std::vector<SamplePrompt> parse_prompt_lines(const std::string& text, const std::string& where);

/// Reads a file of sd-scripts' --sample_prompts: .txt with one prompt per line, where empty lines and those that begin
/// with # are ignored; .toml with a table [prompt] and an array [[prompt.subset]], whose keys override the table's;
/// .json with an array of tables or lines. Throws Error with the file's name and, if known, line.
std::vector<SamplePrompt> read_prompt_file(const std::string& path);

/// The same for a file that must have a prompt.
std::vector<SamplePrompt> read_sample_prompts(const std::string& path);

}  // namespace rankine
