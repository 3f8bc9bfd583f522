#pragma once
#include "models/blocks/scope.h"

namespace rankine {

/// Sizes of CLIP's text tower (Radford et al. 2021, arXiv:2103.00020). The defaults are those of CLIP-L, of SD 1.x.
struct ClipTextConfig {
  int64_t width = 768;
  int64_t layers = 12;
  int64_t head_size = 64;
  int64_t positions = 77;
  int64_t vocabulary = 49408;
  bool exact_gelu = false;  ///< OpenCLIP's activation; CLIP-L has quick_gelu
};

/// ids: i32 [N, chunks, 77] -> [N, 77, width], or with several chunks [N, 75 chunks + 2, width]: the first chunk's
/// BOS, 75 inner tokens of each, the very last state; with `whole_chunks` all states, [N, 77 chunks, width]. The hidden
/// state `clip_skip` layers from the end (1: the last), then the final layer norm. States are of type `compute`. Module
/// names are transformers' below `s`.
Value clip_text(const Scope& s, const ClipTextConfig& config, Value ids, int64_t clip_skip, DType compute,
                bool whole_chunks = false);

/// The parts of clip_text, for models that read its states elsewhere. x: [N * chunks, 77, width].
Value clip_embeddings(const Scope& s, const ClipTextConfig& config, Value ids, DType compute);
/// The layers `begin` ... `end` - 1.
Value clip_layers(const Scope& s, const ClipTextConfig& config, Value x, int64_t begin, int64_t end);
/// Joins the states of the chunks, as clip_text does.
Value clip_context(Value x, const ClipTextConfig& config, int64_t chunks, bool whole_chunks);
/// The state of all layers at the end mark of the first chunk, through the final layer norm and the text projection:
/// [N, width]. The projection is a linear layer with the matrix that the checkpoint holds, as sd-scripts reads it.
Value clip_pooled(const Scope& s, const ClipTextConfig& config, Value last, Value ids);

/// The number of states that clip_text returns for a text of `chunks` chunks.
int64_t clip_states(const ClipTextConfig& config, int64_t chunks, bool whole_chunks);

}  // namespace rankine
