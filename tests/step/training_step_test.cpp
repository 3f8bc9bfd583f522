#include "step/training_step.h"

#include <doctest/doctest.h>
#include <malloc.h>
#include <omp.h>

#include <algorithm>
#include <cmath>

#include "backend/registry.h"
#include "base/half.h"
#include "base/rng.h"
#include "graph/op.h"
#include "graph/ops/ops.h"
#include "optim/adamw.h"
#include "step/fit_memory.h"
#include "support/lora.h"
#include "support/sanitized.h"
#include "support/small_step.h"

using namespace rankine;
using namespace rankine::test;

namespace {

StepInputs inputs(uint64_t step) {
  StepInputs in;
  in.shape = kShape;
  Rng rng(5, purpose::noise, step);
  in.noisy_latents.resize(static_cast<size_t>(4 * in.shape.latents()));
  rng.fill_normal(in.noisy_latents);
  in.target = in.noisy_latents;  // half of what is seen is to be predicted: something to learn
  for (float& x : in.target) x = 0.5f * x + 0.3f * rng.normal();
  in.timesteps = {static_cast<float>(rng.below(1000)), static_cast<float>(rng.below(1000))};
  in.loss_weights = {1, 1};
  in.ids.assign(2 * 77, 320);
  return in;
}

/// A LoRA with its first weights, ready to step.
struct Training {
  FileConstants constants;
  std::unique_ptr<Optimizer> optimizer;
  TrainingStep trainer;

  explicit Training(const StepSettings& settings, std::unique_ptr<Optimizer> other = make_adamw({}),
                    const UpdateSettings& update = {})
      : constants(*settings.model),
        optimizer(std::move(other)),
        trainer(find_backend("cpu"), constants, settings, *optimizer, update) {
    for (const AdaptedLayer& module : settings.layers) {
      std::vector<float> down(static_cast<size_t>(count_of(test::down_shape(module))));
      Rng rng(std::hash<std::string>{}(module.key), purpose::adapter_init);
      for (float& x : down) x = (2 * rng.uniform() - 1) / std::sqrt(static_cast<float>(module.fan_in()));
      trainer.set_weights(module.key + ".lora_down.weight", down);
      trainer.set_weights(module.key + ".lora_up.weight",
                          std::vector<float>(static_cast<size_t>(count_of(test::up_shape(module)))));
    }
  }
  double step(int64_t number) {
    const double loss = trainer.step(inputs(static_cast<uint64_t>(number)), loss_scale()).loss;
    REQUIRE(std::isfinite(trainer.update(number, {2e-3, 2e-3}, loss_scale())));
    return loss;
  }
  double loss_scale() const { return trainer.settings().compute == DType::f16 ? 1024 : 1; }
  std::vector<double> losses(int64_t steps) {
    std::vector<double> found;
    for (int64_t i = 1; i <= steps; ++i) found.push_back(step(i));
    return found;
  }
};

/// Root mean square of the differences.
double distance(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(sum / static_cast<double>(a.size()));
}

/// An optimiser that is given each tensor by itself.
class TensorByTensor : public Optimizer {
 public:
  explicit TensorByTensor(std::unique_ptr<Optimizer> optimizer) : optimizer_(std::move(optimizer)) {}
  void append_updates(Graph& graph, std::span<const UpdateInputs> parameters) const override {
    optimizer_->append_updates(graph, parameters);
  }
  std::string description() const override { return optimizer_->description(); }
  std::optional<EvaluationWeights> evaluation_weights() const override { return optimizer_->evaluation_weights(); }
  bool needs_tensors() const override { return true; }

 private:
  std::unique_ptr<Optimizer> optimizer_;
};

/// Every tensor of the adapter as it is saved.
std::vector<std::vector<float>> saved_weights(const TrainingStep& trainer) {
  std::vector<std::vector<float>> all;
  for (const AdaptedLayer& layer : trainer.settings().layers)
    for (const AdapterTensor& tensor : trainer.settings().adapter->tensors(layer))
      all.push_back(trainer.evaluation_weights(tensor_name(layer, tensor), count_of(tensor.shape)));
  return all;
}

}  // namespace

TEST_CASE("a gradient before the first step, and an update, are errors and no undefined behaviour") {
  Training training(small_settings());
  const AdaptedLayer layer = training.trainer.settings().layers[0];
  const int64_t count = count_of(test::up_shape(layer));
  CHECK_THROWS_WITH_AS(training.trainer.gradient(layer.key + ".lora_up.weight", count),
                       doctest::Contains("before the first step"), Error);
  CHECK_THROWS_AS(training.trainer.update(1, {1e-3, 1e-3}), Error);
}

TEST_CASE("after the first step of a shape the heap does not grow, and the memory held stays what it was") {
  Training training(small_settings());
  training.step(1);
  training.step(2);
  const MemoryUse before = training.trainer.memory();
  const size_t heap = mallinfo2().uordblks + mallinfo2().hblkhd;
  for (int64_t i = 3; i <= 12; ++i) training.step(i);
  CHECK(mallinfo2().uordblks + mallinfo2().hblkhd <= heap + 4096);  // doctest keeps a little of its own
  CHECK(training.trainer.memory().total() == before.total());
}

TEST_CASE("less memory, the same training: recomputed blocks and plain weights change no loss beyond rounding") {
  Training plenty(small_settings());
  const std::vector<double> expected = plenty.losses(4);
  const size_t full = plenty.trainer.memory().arena + plenty.trainer.memory().weights;

  Training tight(small_settings());
  const MemoryChoice choice = tight.trainer.fit(kShape, /*budget_bytes=*/0);
  CHECK(!choice.recomputed.empty());
  CHECK(choice.weights_in("plain") > 0);
  const std::vector<double> losses = tight.losses(4);
  CHECK(distance(losses, expected) < 1e-5);
  CHECK(tight.trainer.memory().arena + tight.trainer.memory().weights < 0.8 * static_cast<double>(full));
}

TEST_CASE("weights that are left in their file take no memory, and the training is that of plain ones") {
  for (const DType compute : {DType::f32, DType::bf16}) {
    CAPTURE(name_of(compute));
    StepSettings settings = small_settings();
    settings.compute = compute;
    Training copied(settings);
    const MemoryChoice in_memory = copied.trainer.fit(kShape, 0);
    CHECK(in_memory.weights_in("mapped") == 0);
    copied.step(1);

    settings.in_file = weights_in_file(copied.constants, *settings.model);
    CHECK(settings.in_file.size() == settings.model->tensors().size());
    Training lean(settings);
    const MemoryChoice choice = lean.trainer.fit(kShape, 0);
    CHECK(choice.weights_in("plain") == 0);
    const std::vector<double> losses = lean.losses(3);
    CHECK(choice.weights < in_memory.weights / 50);
    // The frozen text encoder is packed for its captions in both.
    CHECK(copied.trainer.memory().weights - lean.trainer.memory().weights == in_memory.weights - choice.weights);

    // A packed weight may have another kernel, which rounds elsewhere in bf16: all are plain here.
    settings.memory = choice;
    for (auto& [weight, form] : settings.memory.weight_forms)
      if (form == "mapped") form = "plain";
    Training plain(settings);
    CHECK(distance(plain.losses(3), losses) < 1e-6);
  }
}

TEST_CASE("what a memory budget leaves of activations is what the step takes of them, and a possible budget is met") {
  size_t beside = SIZE_MAX;  // what encoding captions takes, the same in all
  const auto choose = [&](size_t budget) {
    StepSettings settings = small_settings();
    const MemoryChoice choice = choose_step_memory(settings, kShape, find_backend("cpu").device(), budget);
    Training training(settings);
    training.losses(1);
    constexpr size_t kPage = 4096;
    const size_t more = training.trainer.memory().arena - (choice.activations + kPage - 1) / kPage * kPage;
    if (beside == SIZE_MAX) beside = more;
    CHECK(more == beside);
    return choice;
  };
  const MemoryChoice all = choose(SIZE_MAX), smallest = choose(0);
  CHECK(beside < all.activations / 50);
  CHECK(all.recomputed.empty());
  CHECK(smallest.activations < all.activations / 2);
  double last_seconds = 0;
  size_t index = 0;
  for (const double share : {0.8, 0.6, 0.4, 0.2}) {
    if (!is_taken(index++, 4)) continue;
    const size_t span = all.bytes() - smallest.bytes();
    const size_t budget = smallest.bytes() + static_cast<size_t>(share * static_cast<double>(span));
    const MemoryChoice choice = choose(budget);
    CHECK(choice.bytes() <= budget);
    CHECK(choice.added_seconds >= last_seconds);
    last_seconds = choice.added_seconds;
  }
}

TEST_CASE("under dropout a step is a function of its key: recomputed or kept, with one thread or more, the same bits") {
  StepSettings settings = small_settings();
  settings.dropout = {0.2, 0.2, 0.2};
  const auto gradients = [&](bool recomputed, int threads, uint64_t key) {
    const int before = omp_get_max_threads();
    omp_set_num_threads(threads);
    settings.gradient_checkpointing = recomputed;
    Training training(settings);
    std::vector<std::vector<float>> all;
    for (int64_t step = 1; step <= 2; ++step) {  // in the second lora_up is not 0 any more
      StepInputs in = inputs(static_cast<uint64_t>(step));
      in.dropout_key = random_key(key, purpose::network_dropout, static_cast<uint64_t>(step));
      training.trainer.step(in);
      training.trainer.update(step, {2e-3, 2e-3});
    }
    for (const AdaptedLayer& m : settings.layers)
      all.push_back(training.trainer.gradient(m.key + ".lora_down.weight", count_of(test::down_shape(m))));
    omp_set_num_threads(before);
    return all;
  };
  const auto kept = gradients(false, 2, 1);
  CHECK(gradients(true, 2, 1) == kept);
  CHECK(gradients(false, 1, 1) == kept);
  CHECK(gradients(false, 2, 2) != kept);
  int left_out = 0;  // by module_dropout
  for (const std::vector<float>& g : kept) left_out += std::ranges::all_of(g, [](float x) { return x == 0; });
  CHECK(left_out > 0);
  CHECK(left_out < static_cast<int>(kept.size()) / 2);
}

TEST_CASE("without dropout the step draws nothing, and validation, pictures and captions do without it") {
  StepSettings settings = small_settings();
  const auto draws = [](const Graph& graph) {
    return std::ranges::any_of(graph.nodes(), [](const Node& node) { return &node.op() == &dropout_op; });
  };
  Graph plain;
  build_step_graph(plain, settings, kShape);
  CHECK(!draws(plain));
  CHECK(std::ranges::none_of(plain.leaves(input_op), [](Value v) { return v.node().scope() == "dropout_key"; }));
  settings.dropout = {0.1, 0.1, 0.1};
  Graph step, validation, unet, text;
  build_step_graph(step, settings, kShape);
  CHECK(draws(step));
  build_validation_graph(validation, settings, kShape);
  CHECK(!draws(validation));
  build_denoiser_graph(unet, settings, kShape);
  CHECK(!draws(unet));
  build_text_graph(text, settings, 1, {});
  CHECK(!draws(text));
}

TEST_CASE("rounded steps train like fp32 ones: fp16 nearer than bf16, Winograd's convolutions as near as direct ones") {
  const auto losses = [](DType compute, const char* conv_algorithm) {
    StepSettings settings = small_settings();
    settings.compute = compute;
    settings.conv_algorithm = conv_algorithm;
    return Training(settings).losses(kSanitized ? 8 : 24);
  };
  const std::vector<double> exact = losses(DType::f32, "direct");
  const double fp16 = distance(losses(DType::f16, "direct"), exact);
  const double bf16 = distance(losses(DType::bf16, "direct"), exact);
  const double winograd = distance(losses(DType::bf16, "winograd"), exact);
  MESSAGE("loss off by ", fp16, " in fp16, ", bf16, " in bf16, ", winograd, " in bf16 with Winograd");
  if (!kSanitized) CHECK(exact.back() < exact.front());
  CHECK(fp16 < 0.5 * bf16);
  CHECK(winograd < 2 * bf16 + 1e-4);
}

TEST_CASE("trained in bf16, weights and gradients have no more bits than it holds, gradients that are summed too") {
  StepSettings settings = small_settings();
  settings.compute = settings.trained = DType::bf16;
  settings.accumulate = true;
  Training training(settings);
  const auto is_bf16 = [](const std::vector<float>& values) {
    return std::ranges::all_of(values, [](float x) { return f32_from_bf16(bf16_from_f32(x)) == x; });
  };
  for (int64_t step = 1; step <= 2; ++step) {
    training.trainer.step(inputs(2 * static_cast<uint64_t>(step)), 0.5, false);
    training.trainer.step(inputs(2 * static_cast<uint64_t>(step) + 1), 0.5, true);
    training.trainer.update(step, {2e-3, 2e-3});
    for (const AdaptedLayer& m : settings.layers)
      for (const auto& [suffix, count] : {std::pair{".lora_down.weight", count_of(test::down_shape(m))},
                                          std::pair{".lora_up.weight", count_of(test::up_shape(m))}}) {
        CHECK(is_bf16(training.trainer.weights(m.key + suffix, count)));
        CHECK(is_bf16(training.trainer.gradient(m.key + suffix, count)));
      }
  }
  CHECK(!is_bf16(training.trainer.weights("exp_avg." + settings.layers[0].key + ".lora_up.weight",
                                          count_of(test::up_shape(settings.layers[0])))));
}

TEST_CASE("a gradient that is not finite is told before anything has changed") {
  StepSettings settings = small_settings();
  settings.compute = DType::f16;
  Training training(settings);
  training.step(1);
  const auto everything = [&] {
    std::vector<std::vector<float>> all;
    for (const auto& [name, count] : training.trainer.state_variables())
      all.push_back(training.trainer.weights(name, count));
    return all;
  };
  const auto before = everything();
  training.trainer.step(inputs(2), 0x1p60);
  CHECK(!std::isfinite(training.trainer.update(2, {2e-3, 2e-3}, 0x1p60)));
  CHECK(everything() == before);
  CHECK(training.trainer.update_values() == std::vector<std::pair<std::string, double>>{{"lr.unet", 2e-3}});
  training.step(2);
  CHECK(everything() != before);
}

TEST_CASE("captions encoded beforehand give the same step as captions encoded when they come") {
  Training at_once(small_settings()), later(small_settings());
  at_once.trainer.encode_captions({std::vector<int32_t>(77, 320)});
  CHECK(at_once.step(1) == later.step(1));
  CHECK(at_once.trainer.memory().weights < later.trainer.memory().weights);
}

TEST_CASE("the validation loss is the step's loss, and taking it changes neither weights nor gradients") {
  StepSettings settings = small_settings();
  settings.accumulate = true;
  Training training(settings), untouched(settings);
  const std::string up = settings.layers[0].key + ".lora_up.weight";
  const int64_t count = count_of(test::up_shape(settings.layers[0]));
  for (Training* t : {&training, &untouched}) {
    t->step(1);
    t->trainer.step(inputs(2), 0.5, false);
  }
  const auto gradient = training.trainer.gradient(up, count);
  const double loss = training.trainer.validation_loss(inputs(3));
  CHECK(training.trainer.gradient(up, count) == gradient);
  const double expected = training.trainer.step(inputs(3), 0.5, true).loss;
  CHECK(loss == doctest::Approx(expected).epsilon(1e-6));
  CHECK(untouched.trainer.step(inputs(3), 0.5, true).loss == expected);
  for (Training* t : {&training, &untouched}) t->trainer.update(2, {2e-3, 2e-3});
  CHECK(training.trainer.weights(up, count) == untouched.trainer.weights(up, count));
}

TEST_CASE("without clipping, a group as one flat variable moves bit for bit as its tensors one by one") {
  size_t index = 0;
  for (const char* type : {"AdamW", "Lion", "SGDNesterov", "AdamWScheduleFree", "RAdamScheduleFree"}) {
    if (!is_taken(index++, 5)) continue;
    CAPTURE(type);
    const UpdateSettings update{.max_grad_norm = 0, .unet_plus_ratio = 4};
    Training flat(small_settings(), make_optimizer(type, {}), update);
    Training single(small_settings(), std::make_unique<TensorByTensor>(make_optimizer(type, {})), update);
    CHECK(flat.losses(3) == single.losses(3));
    CHECK(saved_weights(flat.trainer) == saved_weights(single.trainer));
    REQUIRE(flat.trainer.updated_variables().size() == 2);
    CHECK(flat.trainer.updated_variables()[1].name == "unet_plus");
    CHECK(single.trainer.updated_variables().size() == 2 * small_settings().layers.size());
  }
}

TEST_CASE("a validation before the first step reads the weights that the steps then train") {
  Training validated(small_settings()), plain(small_settings());
  const double before = validated.trainer.validation_loss(inputs(9));
  CHECK(validated.losses(3) == plain.losses(3));
  const double after = validated.trainer.validation_loss(inputs(9));
  CHECK(after != before);
  CHECK(after == plain.trainer.validation_loss(inputs(9)));
}
