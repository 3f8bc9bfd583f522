#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rankine {

/// OpenCLIP's name of a tensor in its text tower -> transformers' names, which are the canonical ones. The projections
/// of an attention are packed in one tensor: the rows of q, then k, then v. Empty for a tensor of no text tower.
///   "transformer.resblocks.0.attn.in_proj_bias" -> "text_model.encoder.layers.0.self_attn.q_proj.bias", k_proj, v_proj
std::vector<std::string> from_open_clip(std::string_view name);
/// The tensor that holds the one of transformers' name; nullopt if there is none.
std::optional<std::string> to_open_clip(std::string_view name);

/// The layer of a tensor with OpenCLIP's name; nullopt outside all layers.
std::optional<int> open_clip_layer(std::string_view name);
/// "transformer.resblocks.3.ln_1.weight": a tensor that every layer has.
std::string open_clip_layer_mark(int layer);

}  // namespace rankine
