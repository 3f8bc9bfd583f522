#include "models/model.h"

#include "graph/ops/ops.h"

namespace rankine {

std::vector<NamedShape> Model::tensors() const {
  Graph graph;
  constexpr int64_t side = 16;  // latents along a side: any size that all levels of a denoiser can halve
  const TextShape text;
  std::vector<Value> condition;
  for (const ConditionSpec& spec : this->condition(text)) {
    Shape shape = spec.shape;
    shape.insert(shape.begin(), 1);
    condition.push_back(graph.input(spec.name, {shape, DType::f32}));
  }
  const Shape latents_shape = {1, side, side, latents().channels};
  const Value latents = graph.input(kLatents, {latents_shape, DType::f32});
  const Value sizes = reads_sizes() ? graph.input(kSizes, {{1, kSizeNumbers}, DType::f32}) : Value{};
  denoise(graph, latents, graph.input(kTimesteps, {{1}, DType::f32}), condition, sizes);
  const int64_t pixels = side * this->latents().stride;
  encode_image(graph, graph.input(kImage, {{1, pixels, pixels, 3}, DType::f32}));
  decode_latents(graph, latents);
  Shape ids = ids_shape(text.chunks);
  ids.insert(ids.begin(), 1);
  encode_text(graph, graph.input(kIds, {ids, DType::i32}), text, 1, DType::f32);
  std::vector<NamedShape> tensors;
  for (const Value& leaf : graph.leaves(constant_op)) tensors.push_back({leaf.node().scope(), leaf.shape()});
  return tensors;
}

}  // namespace rankine
