// LoRA files that are wrong on purpose.
#include <cmath>
#include <limits>
#include <span>

#include "data/temporary_folder.h"
#include "io/safetensors.h"
#include "models/sd1.h"
#include "network/adapter_file.h"
#include "network/lora.h"
#include "support/hostile.h"

using namespace rankine;
using test::check_refused;
using test::HostileFile;
using test::TemporaryFolder;

namespace {

const std::vector<AdaptedLayer>& modules() {
  static const std::vector<NamedShape> weights = {
      {"text_encoder.text_model.encoder.layers.0.mlp.fc1.weight", {6, 5}},
      {"unet.mid_block.attentions.0.proj_in.weight", {4, 3, 1, 1}},
  };
  static const std::vector<AdaptedLayer> all =
      adapted_layers(weights, sd1_family.adaptable, {.network_dim = 2, .network_alpha = 1});
  return all;
}

/// A tensor of the given type and shape, every element the same.
struct Part {
  std::string name;
  Shape shape;
  float value = 0.5f;
  DType dtype = DType::f32;
};

std::string file_of(const std::vector<Part>& parts) {
  std::vector<std::vector<float>> values;
  std::vector<TensorToWrite> tensors;
  for (const Part& part : parts) values.emplace_back(static_cast<size_t>(count_of(part.shape)), part.value);
  for (size_t i = 0; i < parts.size(); ++i)
    tensors.push_back({parts[i].name, parts[i].dtype, parts[i].shape, std::as_bytes(std::span(values[i]))});
  const std::vector<std::byte> bytes = serialize_safetensors(tensors, {});
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

constexpr float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();

/// The first module's parts, one of them as told.
std::string with(const std::string& suffix, const Shape& shape, float value = 0.5f, DType dtype = DType::f32) {
  const std::string key = modules()[0].key;
  std::vector<Part> parts = {
      {key + ".alpha", {}, 1}, {key + ".lora_down.weight", {2, 5}}, {key + ".lora_up.weight", {6, 2}}};
  for (Part& part : parts)
    if (part.name == key + suffix) part = {part.name, shape, value, dtype};
  return file_of(parts);
}

std::vector<HostileFile> files() {
  const std::string key = modules()[0].key, down = ".lora_down.weight", up = ".lora_up.weight";
  return {
      {"nothing", "", "too few"},
      {"text", "this is a LoRA, honestly", "not a safetensors file"},
      {"a checkpoint of PyTorch's", "PK\3\4" + std::string(100, '\0'), "safetensors"},
      {"no tensors", file_of({}), "no LoRA in this file"},
      {"alpha alone", file_of({{key + ".alpha", {}}}), "has no lora_down.weight"},
      {"down alone", file_of({{key + down, {2, 5}}}), "has no lora_up.weight"},
      {"up alone", file_of({{key + up, {6, 2}}}), "has no lora_down.weight"},
      {"an unknown module", file_of({{"lora_unet_nowhere" + down, {2, 5}}}), "no module for lora_unet_nowhere"},
      {"an unknown module with a name of a megabyte", file_of({{std::string(1 << 20, 'x'), {2, 2}}}),
       "no module for xxx"},
      {"an unknown part", file_of({{key + ".lora_mid.weight", {2, 2}}}), "Tucker"},
      {"a module's name alone", file_of({{key, {2, 2}}}), "no module for"},
      {"an empty name", file_of({{"", {2, 2}}}), "no module for"},
      {"a point", file_of({{".", {2, 2}}}), "no module for"},
      {"names of Diffusers", file_of({{"unet.mid_block.attentions.0.proj_in.lora_A.weight", {2, 3}}}),
       "the names of PEFT and Diffusers"},
      {"LoHa", file_of({{key + ".hada_w1_a", {2, 2}}}), "this is a LoHa"},
      {"LoKr", file_of({{key + ".lokr_w1", {2, 2}}}), "this is a LoKr"},
      {"DoRA", file_of({{key + ".dora_scale", {2, 2}}}), "this is a DoRA"},
      {"a whole weight", file_of({{key + ".diff", {6, 5}}}), "LyCORIS with whole weights"},
      {"a scalar for down", with(down, {}), "no rank"},
      {"down without rows", with(down, {0, 5}), "no rank"},
      {"down for another model", with(down, {2, 7}), "another model"},
      {"down with four dimensions", with(down, {2, 5, 1, 1}), "another model"},
      {"down that is flat", with(down, {10}), "another model"},
      {"up for another model", with(up, {7, 2}), "another model"},
      {"up of another rank", with(up, {6, 3}), "another model"},
      {"up that is turned", with(up, {2, 6}), "another model"},
      {"up without columns", with(up, {6, 0}), "another model"},
      {"two alphas", with(".alpha", {2}, 1), "must be one number"},
      {"no alpha in alpha", with(".alpha", {0}, 1), "must be one number"},
      {"alpha that is not a number", with(".alpha", {}, nan), "is not finite"},
      {"infinite alpha", with(".alpha", {}, infinity), "is not finite"},
      {"down that is not a number", with(down, {2, 5}, nan), "is not finite"},
      {"infinite down", with(down, {2, 5}, infinity), "is not finite"},
      {"up that is not a number", with(up, {6, 2}, nan), "is not finite"},
      {"infinite up", with(up, {6, 2}, -infinity), "is not finite"},
      {"all but a byte of the header is gone", with(down, {2, 5}).substr(0, 8) + "x", "only 1 bytes follow"},
  };
}

}  // namespace

TEST_CASE("each hostile LoRA file is an error that names the file and what is wrong") {
  CHECK(files().size() >= 35);
  const TemporaryFolder folder;
  const std::string path = folder.path("a.safetensors");
  check_refused(files(), path, [&] { read_network_weights(path, lora_adapter, modules(), modules()); });
}

TEST_CASE("a LoRA file cut at any byte is an error; with any byte changed it is read or refused") {
  const TemporaryFolder folder;
  const std::string path = folder.path("a.safetensors");
  const std::string whole = with("", {});
  const auto put = [&](const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; };
  put(whole);
  REQUIRE(read_adapter(path, modules()).layers.size() == 1);
  for (size_t at = 0; at < whole.size(); ++at) {
    CAPTURE(at);
    put(whole.substr(0, at));
    CHECK_THROWS_AS(read_adapter(path, modules()), Error);
    for (const int change : {1, 0x80, 0xff}) {
      std::string changed = whole;
      changed[at] = static_cast<char>(changed[at] ^ change);
      put(changed);
      try {
        for (const LayerWeights& weights : read_adapter(path, modules()).layers)
          for (const std::vector<float>& values : weights.tensors)
            for (const float value : values) REQUIRE(std::isfinite(value));
      } catch (const Error& error) {
        CHECK(std::string(error.what()).find(path) == 0);
      }
    }
  }
}
