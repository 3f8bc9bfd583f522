#include "models/blocks/transformer_block.h"

#include "models/blocks/layers.h"

namespace rankine {
namespace {

/// x: [N, T, C], source: [N, L, D] (x itself for self-attention) -> [N, T, C]
Value attention(const Scope& s, Value x, Value source, int64_t heads) {
  const int64_t width = x.dim(-1);
  const Value q = linear(s / "to_q", x, width, /*bias=*/false);
  const Value k = linear(s / "to_k", source, width, /*bias=*/false);
  const Value v = linear(s / "to_v", source, width, /*bias=*/false);
  s.enter();
  return linear(s / "to_out" / 0, scaled_dot_product_attention(q, k, v, heads), width);
}

/// x: [N, T, C] -> [N, T, C], through 4 C gated channels
Value feed_forward(const Scope& s, Value x) {
  const Value gated = linear(s / "net" / 0 / "proj", x, 8 * x.dim(-1));
  (s / "net" / 0).enter();
  return linear(s / "net" / 2, geglu(gated), x.dim(-1));
}

Value transformer_block(const Scope& s, Value x, Value context, int64_t heads) {
  const Value h = layer_norm(s / "norm1", x);
  x = attention(s / "attn1", h, h, heads) + x;
  x = attention(s / "attn2", layer_norm(s / "norm2", x), context, heads) + x;
  return feed_forward(s / "ff", layer_norm(s / "norm3", x)) + x;
}

}  // namespace

Value spatial_transformer(const Scope& s, Value x, Value context, const TransformerShape& shape) {
  const int64_t n = x.dim(0), tokens = x.dim(1) * x.dim(2), width = x.dim(3);
  const auto project = [&](const char* name, Value h) {
    return shape.is_linear ? linear(s / name, h, width) : conv2d(s / name, h, same_conv(width, 1));
  };
  Value h = project("proj_in", group_norm(s / "norm", x, 1e-6));
  h = reshape(h, {n, tokens, width});
  for (int64_t i = 0; i < shape.depth; ++i)
    h = transformer_block(s / "transformer_blocks" / i, h, context, shape.heads);
  h = project("proj_out", reshape(h, x.shape()));
  s.enter();
  return h + x;
}

}  // namespace rankine
