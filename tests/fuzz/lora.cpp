#include "network/lora.h"
#include "fuzz_file.h"
#include "models/sd1.h"
#include "network/adapter_file.h"

using namespace rankine;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<NamedShape> weights = {{"text_encoder.text_model.encoder.layers.0.mlp.fc1.weight", {6, 5}},
                                                  {"unet.mid_block.attentions.0.proj_in.weight", {4, 3, 1, 1}}};
  static const std::vector<AdaptedLayer> modules = adapted_layers(weights, sd1_family.adaptable, {.network_dim = 2});
  const std::string path = fuzz::file_of(data, size, "a.safetensors");
  fuzz::read_or_refuse(path, [&] { read_adapter(path, modules); });
  fuzz::read_or_refuse(path, [&] { read_network_weights(path, lora_adapter, std::span(modules).first(1), modules); });
  return 0;
}
