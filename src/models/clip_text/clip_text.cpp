#include "models/clip_text/clip_text.h"

#include "models/blocks/layers.h"
#include "text/clip_tokenizer.h"

namespace rankine {
namespace {

/// x: [N, 77, width] -> [N, 77, width]
Value encoder_layer(const Scope& s, const ClipTextConfig& c, Value x) {
  const Scope a = s / "self_attn";
  Value h = layer_norm(s / "layer_norm1", x);
  const Value q = linear(a / "q_proj", h, c.width), k = linear(a / "k_proj", h, c.width),
              v = linear(a / "v_proj", h, c.width);
  a.enter();
  h = scaled_dot_product_attention(q, k, v, c.width / c.head_size, /*causal=*/true);
  x = linear(a / "out_proj", h, c.width) + x;
  h = linear(s / "mlp" / "fc1", layer_norm(s / "layer_norm2", x), 4 * c.width);
  (s / "mlp").enter();
  return linear(s / "mlp" / "fc2", c.exact_gelu ? gelu(h) : quick_gelu(h), c.width) + x;
}

/// x: [N * chunks, 77, width] -> [N, 75 chunks + 2, width]
Value merge_chunks(Value x, int64_t chunks) {
  if (chunks == 1) return x;
  const int64_t tokens = x.dim(1), width = x.dim(2);
  const Value split = reshape(x, {x.dim(0) / chunks, chunks * tokens, width});
  std::vector<Value> parts;
  for (int64_t i = 0; i < chunks; ++i) {
    const int64_t begin = i * tokens + (i == 0 ? 0 : 1), end = (i + 1) * tokens - (i + 1 == chunks ? 0 : 1);
    parts.push_back(slice(split, 1, begin, end));
  }
  return concat(parts, 1);
}

}  // namespace

int64_t clip_states(const ClipTextConfig& c, int64_t chunks, bool whole_chunks) {
  return chunks == 1 || whole_chunks ? c.positions * chunks : (c.positions - 2) * chunks + 2;
}

Value clip_embeddings(const Scope& s, const ClipTextConfig& c, Value ids, DType compute) {
  check(ids.rank() == 3 && ids.dim(2) == c.positions, "token ids are [N, chunks, ", c.positions, "], got ", ids.type());
  const Scope embeddings = s / "text_model" / "embeddings";
  embeddings.enter();
  const Value tokens = (embeddings / "token_embedding").constant("weight", {{c.vocabulary, c.width}, compute});
  const Value positions = (embeddings / "position_embedding").constant("weight", {{c.positions, c.width}, compute});
  return embedding(tokens, reshape(ids, {ids.dim(0) * ids.dim(1), c.positions})) + positions;
}

Value clip_layers(const Scope& s, const ClipTextConfig& c, Value x, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) x = encoder_layer(s / "text_model" / "encoder" / "layers" / i, c, x);
  return x;
}

Value clip_context(Value x, const ClipTextConfig& c, int64_t chunks, bool whole_chunks) {
  if (whole_chunks) return reshape(x, {x.dim(0) / chunks, chunks * c.positions, c.width});
  return merge_chunks(x, chunks);
}

Value clip_text(const Scope& s, const ClipTextConfig& c, Value ids, int64_t clip_skip, DType compute,
                bool whole_chunks) {
  check(clip_skip >= 1 && clip_skip <= c.layers, "--clip_skip ", clip_skip, " is out of range: the text encoder has ",
        c.layers, " layers");
  const Scope norm = s / "text_model" / "final_layer_norm";
  const Value x = clip_layers(s, c, clip_embeddings(s, c, ids, compute), 0, c.layers + 1 - clip_skip);
  const Value states = layer_norm(norm, x);
  norm.enter();
  return clip_context(states, c, ids.dim(1), whole_chunks);
}

Value clip_pooled(const Scope& s, const ClipTextConfig& c, Value last, Value ids) {
  const Scope norm = s / "text_model" / "final_layer_norm";
  norm.enter();
  const int64_t n = ids.dim(0), positions = c.positions;
  const Value first_ids = reshape(slice(ids, 1, 0, 1), {n, positions});
  const Value states = reshape(last, {n, ids.dim(1) * positions, c.width});
  const Value first = cast(slice(states, 1, 0, positions), DType::f32);
  const Value mark = reshape(first_match(first_ids, ClipTokenizer::eos_id), {n, positions, 1});
  const Value one = reshape(sum_to(mul(first, mark), {n, 1, c.width}), {n, c.width});
  return linear(s / "text_projection", layer_norm(norm, cast(one, last.dtype())), c.width, /*bias=*/false);
}

}  // namespace rankine
