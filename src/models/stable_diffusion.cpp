#include "models/stable_diffusion.h"

#include <charconv>
#include <optional>
#include <utility>

#include "base/error.h"

namespace rankine {
namespace {

/// The number that `text` starts with; nothing where it does not start with one.
std::optional<int> leading_number(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() ? std::optional(number) : std::nullopt;
}

/// The rest of `path` behind `word`.
std::optional<std::string_view> after(std::string_view path, std::string_view word) {
  const size_t at = path.find(word);
  return at == path.npos ? std::nullopt : std::optional(path.substr(at + word.size()));
}

}  // namespace

bool is_single_file(const TensorNames& tensors) {
  const bool is_refiner = tensors.has_prefix("conditioner.") && !tensors.has_prefix("conditioner.embedders.1.");
  return tensors.has(kSingleFileUNet) && !is_refiner;
}

const Shape* folder_projection(const TensorNames& tensors) {
  if (tensors.has("text_encoder_2.text_model.final_layer_norm.weight")) return nullptr;
  return tensors.shape("unet.down_blocks.0.attentions.0.proj_in.weight");
}

void check_input_channels(const Checkpoint& checkpoint) {
  const Shape& shape = checkpoint.shape("unet.conv_in.weight");
  check(shape.size() == 4, checkpoint.path(), ": unet.conv_in.weight has shape ", as_text(shape),
        ", expected [C, 4, 3, 3]");
  check(shape[1] == 4, checkpoint.path(), ": the U-Net takes ", shape[1], " channels, expected 4: this is ",
        shape[1] == 9   ? "an inpainting checkpoint"
        : shape[1] == 8 ? "an image-editing checkpoint (InstructPix2Pix)"
        : shape[1] == 5 ? "a depth-guided checkpoint"
                        : "no text-to-image checkpoint",
        ", which is not supported");
}

int unet_block(std::string_view path) {
  if (after(path, ".mid_block.")) return kUNetBlocks.down;
  for (const auto& [side, first] :
       {std::pair{".down_blocks.", 1}, {".up_blocks.", kUNetBlocks.down + kUNetBlocks.middle}}) {
    const auto block = after(path, side);
    if (!block) continue;
    const std::optional<int> number = leading_number(*block);
    std::optional<int> within;
    for (const std::string_view kind : {".attentions.", ".resnets."})
      if (const auto rest = after(*block, kind); rest && !within) within = leading_number(*rest);
    if (after(*block, "samplers.")) within = 2;  // with the last of the three
    if (number && within) return first + 3 * *number + *within;
  }
  fail("\"", path, "\" is in none of the U-Net's ", kUNetBlocks.count(), " blocks");
}

}  // namespace rankine
