#include <doctest/doctest.h>

#include <algorithm>
#include <array>

#include "backend/registry.h"
#include "golden/golden_model.h"
#include "graph/ops/ops.h"
#include "graph/passes/compile.h"
#include "support/accounting.h"
#include "text/caption_tokens.h"

using namespace rankine;
using namespace rankine::golden;

namespace {

constexpr double kTolerance = 2e-5;  // the format's page, section 4: max error / max value

/// Runs a graph once in f32 on a backend and gives an output.
std::vector<float> run(const Backend& backend, GoldenModel& model, Graph& graph, const char* output,
                       const std::map<std::string, std::vector<float>>& floats,
                       const std::map<std::string, std::vector<int32_t>>& integers = {}) {
  compile(graph, {});
  const std::unique_ptr<Session> session = backend.open(model.constants());
  const std::unique_ptr<Executable> executable = session->compile(graph);
  for (const auto& [name, values] : floats) executable->set_input(name, std::span(values));
  for (const auto& [name, values] : integers) executable->set_input(name, std::span(values));
  executable->run();
  std::vector<float> result(static_cast<size_t>(graph.outputs().find(output)->second.type().count()));
  executable->get_output(output, result);
  return result;
}

Type f32(Shape shape) { return {std::move(shape), DType::f32}; }

/// The recorded states of each tower side by side, as the denoiser reads them.
std::vector<float> read_states(const SafetensorsFile& file, const std::string& first, const std::string& second) {
  const std::vector<float> a = file.read_f32(first);
  if (!file.find(second)) return a;
  const std::vector<float> b = file.read_f32(second);
  const auto width_a = static_cast<std::ptrdiff_t>(file.at(first).shape.back()),
             width_b = static_cast<std::ptrdiff_t>(file.at(second).shape.back());
  std::vector<float> all;
  for (std::ptrdiff_t i = 0; i < std::ssize(a) / width_a; ++i) {
    all.insert(all.end(), a.begin() + i * width_a, a.begin() + (i + 1) * width_a);
    all.insert(all.end(), b.begin() + i * width_b, b.begin() + (i + 1) * width_b);
  }
  return all;
}

/// A recorded encoding of texts.
struct TextCase {
  std::string name, ids, states, states_2, pooled;
  int64_t clip_skip = 1;
  std::vector<float> weights{};  ///< of each state; empty: ones
};

void check_encoding(const SafetensorsFile& file, GoldenModel& model, const Backend& backend, const TextCase& c,
                    const std::string& case_name) {
  CAPTURE(c.name);
  const Shape ids = file.at(c.ids + "ids1").shape;
  Shape shape = model.model()->ids_shape(ids[1]);
  shape.insert(shape.begin(), ids[0]);
  Graph g;
  const std::vector<Value> encoded =
      model.model()->encode_text(g, g.input("ids", {shape, DType::i32}), {ids[1]}, c.clip_skip, DType::f32);
  Value states = encoded[0];
  std::map<std::string, std::vector<float>> floats;
  if (!c.weights.empty()) {
    floats["weights"] = c.weights;
    states = mul(states, g.input("weights", f32({states.dim(0), states.dim(1), 1})));
  }
  g.output("states", states);
  if (encoded.size() > 1) g.output("pooled", encoded[1]);
  compile(g, {});
  const std::unique_ptr<Session> session = backend.open(model.constants());
  const std::unique_ptr<Executable> executable = session->compile(g);
  for (const auto& [name, values] : floats) executable->set_input(name, std::span(values));
  executable->set_input("ids", read_ids(file, c.ids));
  executable->run();
  const auto check_output = [&](const char* output, const std::vector<float>& expected) {
    std::vector<float> got(expected.size());
    executable->get_output(output, got);
    CHECK(max_error(got, expected) < kTolerance);
  };
  check_output("states", read_states(file, c.states, c.states_2));
  if (encoded.size() > 1) check_output("pooled", file.read_f32(c.pooled));
  ran(case_name);
}

void check_text(const OutputFile& recorded, GoldenModel& model, const Backend& backend) {
  const SafetensorsFile file = SafetensorsFile::open(recorded.path.string());
  const auto case_name = [&](const std::string& name) { return recorded.model.name + ".text." + name; };
  for (const std::string& name : tensor_groups(recorded.path)) {  // of two towers: "len77"
    if (!file.find(name + ".hidden1")) continue;
    check_encoding(file, model, backend,
                   {.name = name,
                    .ids = name + ".",
                    .states = name + ".hidden1",
                    .states_2 = name + ".hidden2",
                    .pooled = name + ".pooled"},
                   case_name(name));
  }
  for (const TensorInfo& tensor : file.tensors()) {
    const std::string suffix = ".hidden";  // "len77.skip2.hidden"
    if (!tensor.name.ends_with(suffix)) continue;
    const std::string length = tensor.name.substr(0, tensor.name.find('.'));
    const std::string skip =
        tensor.name.substr(length.size() + 5, tensor.name.size() - length.size() - 5 - suffix.size());
    check_encoding(file, model, backend,
                   {.name = tensor.name,
                    .ids = length + ".",
                    .states = tensor.name,
                    .states_2 = "",
                    .pooled = "",
                    .clip_skip = skip == "None" ? 1 : std::stoi(skip)},
                   case_name(tensor.name));
  }
}

void check_weighted_text(const OutputFile& recorded, GoldenModel& model, const Backend& backend) {
  const SafetensorsFile file = SafetensorsFile::open(recorded.path.string());
  for (const std::string& name : tensor_groups(recorded.path)) {
    if (!name.starts_with("weighted") || !file.find(name + ".out1")) continue;
    const TensorInfo& ids = file.at(name + ".ids1");
    const std::vector<float> recorded_weights = file.read_f32(name + ".weights1");
    const auto captions = static_cast<size_t>(ids.shape[0]), chunks = static_cast<size_t>(ids.shape[1]);
    TextCase c{.name = name,
               .ids = name + ".",
               .states = name + ".out1",
               .states_2 = name + ".out2",
               .pooled = name + ".out3"};
    for (size_t i = 0; i < captions; ++i) {
      std::vector<std::array<float, 77>> of_caption(chunks);
      for (size_t k = 0; k < chunks; ++k)
        std::copy_n(recorded_weights.begin() + static_cast<std::ptrdiff_t>((i * chunks + k) * 77), 77,
                    of_caption[k].begin());
      const std::vector<float> merged = context_weights(of_caption);
      c.weights.insert(c.weights.end(), merged.begin(), merged.end());
    }
    check_encoding(file, model, backend, c, recorded.model.name + ".text." + name);
  }
}

void check_unet(const OutputFile& recorded, GoldenModel& model, const Backend& backend) {
  const SafetensorsFile file = SafetensorsFile::open(recorded.path.string());
  for (const std::string& name : tensor_groups(recorded.path)) {
    CAPTURE(name);
    const Shape nchw = file.at(name + ".sample").shape;
    std::vector<float> timesteps;
    for (const int32_t t : file.read_i32(name + ".timesteps")) timesteps.push_back(static_cast<float>(t));
    std::map<std::string, std::vector<float>> inputs = {
        {"latents", nhwc_from_nchw(file.read_f32(name + ".sample"), nchw)},
        {"context", file.read_f32(name + ".context")},
        {"timesteps", timesteps}};
    Graph g;
    const Value latents = g.input("latents", f32({nchw[0], nchw[2], nchw[3], nchw[1]}));
    std::vector<Value> condition = {g.input("context", f32(file.at(name + ".context").shape))};
    Value sizes;
    if (model.model()->reads_sizes()) {
      inputs["pooled"] = file.read_f32(name + ".pooled");
      condition.push_back(g.input("pooled", f32(file.at(name + ".pooled").shape)));
      for (const int32_t size : file.read_i32(name + ".sizes")) inputs["sizes"].push_back(static_cast<float>(size));
      sizes = g.input("sizes", f32(file.at(name + ".sizes").shape));
    }
    g.output("prediction", model.model()->denoise(g, latents, g.input("timesteps", f32({nchw[0]})), condition, sizes));
    const std::vector<float> got = run(backend, model, g, "prediction", inputs);
    CHECK(max_error(nchw_from_nhwc(got, nchw), file.read_f32(name + ".output")) < kTolerance);
    ran(recorded.model.name + ".unet." + name);
  }
}

void check_vae(const OutputFile& recorded, GoldenModel& model, const Backend& backend) {
  const SafetensorsFile file = SafetensorsFile::open(recorded.path.string());
  for (const std::string& name : tensor_groups(recorded.path)) {
    CAPTURE(name);
    const bool encodes = name.starts_with("enc");
    const std::string source = name + (encodes ? ".image" : ".latent");
    const Shape nchw = file.at(source).shape;
    Graph g;
    const Value x = g.input("x", f32({nchw[0], nchw[2], nchw[3], nchw[1]}));
    g.output("y", encodes ? model.model()->encode_image(g, x) : model.model()->decode_latents(g, x));
    const std::vector<float> got = run(backend, model, g, "y", {{"x", nhwc_from_nchw(file.read_f32(source), nchw)}});
    if (!encodes) {
      const Shape image = file.at(name + ".image").shape;
      CHECK(max_error(nchw_from_nhwc(got, image), file.read_f32(name + ".image")) < kTolerance);
    } else {
      Shape moments = file.at(name + ".mean").shape;
      const auto half = static_cast<size_t>(count_of(moments) / moments[0]);
      moments[1] *= 2;
      const std::vector<float> all = nchw_from_nhwc(got, moments);
      std::vector<float> mean, logvar;
      for (size_t i = 0; i < all.size(); ++i)
        if (i / half % 2 == 0) {
          mean.push_back(all[i]);
        } else {
          logvar.push_back(std::clamp(all[i], -30.0f, 20.0f));
        }
      CHECK(max_error(mean, file.read_f32(name + ".mean")) < kTolerance);
      CHECK(max_error(logvar, file.read_f32(name + ".logvar")) < kTolerance);
    }
    ran(recorded.model.name + ".vae." + name);
  }
}

void for_each_file(std::string_view part, const char* device,
                   void (*check_file)(const OutputFile&, GoldenModel&, const Backend&)) {
  size_t index = 0;
  for (const OutputFile& recorded : output_files(part)) {
    if (device == std::string_view("reference") && !golden::is_taken(index++, 3)) continue;
    CAPTURE(recorded.path.string());
    if (!family_is_built(recorded.model)) {
      for (const std::string& name : tensor_groups(recorded.path))
        skipped(recorded.model.name + "." + std::string(part) + "." + name, recorded.model.kind);
      continue;
    }
    GoldenModel model(recorded.model);
    check_file(recorded, model, find_backend(device));
  }
}

}  // namespace

TEST_CASE("the text encoder gives the recorded states on the CPU") { for_each_file("text", "cpu", check_text); }
TEST_CASE("the text encoder gives the recorded states in the reference loops") {
  for_each_file("text", "reference", check_text);
}
TEST_CASE("weighted captions give the recorded states") { for_each_file("text", "cpu", check_weighted_text); }
TEST_CASE("the U-Net gives the recorded predictions on the CPU") { for_each_file("unet", "cpu", check_unet); }
TEST_CASE("the U-Net gives the recorded predictions in the reference loops") {
  for_each_file("unet", "reference", check_unet);
}
TEST_CASE("the autoencoder gives the recorded latents and pictures on the CPU") {
  for_each_file("vae", "cpu", check_vae);
}
TEST_CASE("the autoencoder gives the recorded latents and pictures in the reference loops") {
  for_each_file("vae", "reference", check_vae);
}
