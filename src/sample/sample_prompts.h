#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rankine {

/// One picture that a prompt file asks for; what it leaves out has no value.
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

/// A prompt with sd-scripts' options behind it: "a cat --n blurry --w 768 --h 512 --d 1 --l 7.5 --s 30 --ss euler_a".
/// Options of other models (--g, --fs, --ctr, --rcfg) are read over. Throws Error, naming `where`, for an option that
/// is unknown, --cn, and a value that is none.
SamplePrompt parse_prompt_line(const std::string& line, const std::string& where);

/// The prompts of a file as sd-scripts' --sample_prompts reads it: .txt with one prompt a line, empty lines and those
/// beginning with # left out; .toml with a table [prompt] and an array [[prompt.subset]], whose keys go before the
/// table's; .json with an array of tables or lines. Throws Error with the file's name and, where there is one, line.
std::vector<SamplePrompt> read_sample_prompts(const std::string& path);

}  // namespace rankine
