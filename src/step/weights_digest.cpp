#include "step/weights_digest.h"

#include <vector>

#include "graph/ops/ops.h"
#include "io/sha256.h"

namespace rankine {
namespace {

std::string digest_of_constants(ConstantSource& constants, const Graph& graph) {
  Sha256 hash;
  std::vector<float> values;
  for (const Value& weight : graph.leaves(constant_op)) {
    const std::string& name = weight.node().scope();
    values.resize(static_cast<size_t>(weight.type().count()));
    constants.read(name, weight.shape(), values);
    constants.release(name);
    const std::string head = concat_text(name, as_text(weight.shape()), '\n');
    hash.update(std::as_bytes(std::span(head)));
    hash.update(std::as_bytes(std::span(values)));
  }
  return hash.hex();
}

}  // namespace

std::string vae_digest(ConstantSource& constants, const Model& model) {
  Graph graph;
  const int64_t side = 8 * model.latents().stride;  // weights do not depend on it
  model.encode_image(graph, graph.input("image", {{1, side, side, 3}, DType::f32}));
  return digest_of_constants(constants, graph);
}

std::string text_encoder_digest(ConstantSource& constants, const Model& model) {
  Graph graph;
  Shape ids = model.ids_shape(1);
  ids.insert(ids.begin(), 1);
  model.encode_text(graph, graph.input("ids", {ids, DType::i32}), {.chunks = 1}, 1, DType::f32);
  return digest_of_constants(constants, graph);
}

}  // namespace rankine
