#include <doctest/doctest.h>

#include <set>

#include "backend/registry.h"
#include "graph/ops/ops.h"
#include "models/checkpoint/checkpoint.h"
#include "models/model.h"
#include "step/step_graph.h"
#include "support/training_run.h"

using namespace rankine;
using namespace rankine::test;

namespace {

/// True for the ops that compute the gradient of a weight.
bool makes_weight_gradient(const OpDef& op) {
  const std::set<const OpDef*> ops = {&linear_grad_w_op, &conv2d_grad_w_op, &embedding_grad_op,
                                      &group_norm_grad_affine_op, &layer_norm_grad_affine_op};
  return ops.contains(&op);
}

int64_t trained_numbers(const StepSettings& settings) {
  int64_t count = 0;
  for (const AdaptedLayer& layer : settings.layers)
    for (const AdapterTensor& tensor : settings.adapter->tensors(layer)) count += count_of(tensor.shape);
  return count;
}

}  // namespace

TEST_CASE("frozen weights have no gradient: no byte of memory and no operation") {
  for (const std::string architecture : {"tiny-sd15", "tiny-sd21", "tiny-sdxl"}) {
    CAPTURE(architecture);
    const Checkpoint checkpoint = Checkpoint::open(tiny_checkpoint(architecture));
    for (const bool text_encoder : {false, true}) {
      CAPTURE(text_encoder);
      StepSettings settings;
      settings.model = open_model(checkpoint);
      settings.train_text_encoder = text_encoder;
      AdapterTargets targets;
      targets.text_encoder = text_encoder;
      settings.layers = adapted_layers(settings.model->tensors(), settings.model->family().adaptable, targets);
      settings.device = &find_backend("cpu").device();
      Graph graph;
      const std::vector<Value> trained = build_step_graph(graph, settings, {.batch = 2, .height = 8, .width = 16});

      // Operations: what computes gradients of weights computes those of the adapter's tensors, each once.
      int64_t gradients = 0;
      for (const Node& node : graph.nodes())
        if (makes_weight_gradient(node.op()))
          for (int i = 0; i < node.output_count(); ++i) gradients += node.type(i).count();
      CHECK(gradients == trained_numbers(settings));

      // Memory: the program has the adapter's tensors and their gradients as variables, and nothing else.
      int64_t variables = 0;
      for (const Value& variable : graph.leaves(variable_op)) variables += variable.type().count();
      CHECK(variables == 2 * trained_numbers(settings));
      CHECK(std::ssize(trained) == std::ssize(settings.layers) * 2);
    }
  }
}
