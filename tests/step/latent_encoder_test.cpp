#include "step/latent_encoder.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "backend/registry.h"
#include "base/rng.h"
#include "graph/ops/ops.h"
#include "models/model.h"
#include "step/checkpoint_constants.h"
#include "step/picture_decoder.h"
#include "support/training_run.h"

using namespace rankine;
using namespace rankine::test;

namespace {

struct TinyModel {
  explicit TinyModel(const std::string& architecture = "tiny-sd15")
      : file(Checkpoint::open(tiny_checkpoint(architecture))) {}

  Checkpoint file;
  CheckpointConstants constants{file};
  std::shared_ptr<const Model> model = open_model(file);
};

/// The weights of a model whose first convolutions in the autoencoder give values beyond fp16's 65504, as later layers
/// of SDXL's own do. The norms after them bring the values back.
class LoudConstants : public ConstantSource {
 public:
  explicit LoudConstants(ConstantSource& source) : source_(source) {}
  void read(std::string_view name, const Shape& shape, std::span<float> out) override {
    source_.read(name, shape, out);
    if (name == "vae.encoder.conv_in.weight" || name == "vae.decoder.conv_in.weight")
      for (float& x : out) x *= 1e6f;
  }

 private:
  ConstantSource& source_;
};

/// [H, W, 3]: a smooth picture with some noise.
std::vector<float> picture(Size size) {
  Rng rng(1, purpose::noise);
  std::vector<float> values(static_cast<size_t>(size.width * size.height * 3));
  for (size_t i = 0; i < values.size(); ++i) {
    const auto x = static_cast<float>(i / 3 % static_cast<size_t>(size.width));
    values[i] = std::clamp(0.7f * std::sin(0.1f * x + static_cast<float>(i % 3)) + 0.3f * rng.normal(), -1.0f, 1.0f);
  }
  return values;
}

std::vector<float> moments(TinyModel& model, DType compute, const char* conv_algorithm, Size size) {
  LatentEncoder encoder(find_backend("cpu"), model.constants, {model.model, compute, conv_algorithm});
  return encoder.encode(size, picture(size));
}

/// The largest difference, relative to the largest value.
double difference(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double most = 0, largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    most = std::max(most, std::abs(static_cast<double>(a[i]) - b[i]));
    largest = std::max(largest, std::abs(static_cast<double>(b[i])));
  }
  return most / largest;
}

}  // namespace

TEST_CASE("Winograd's convolutions leave an encoder's moments where direct ones put them") {
  TinyModel model;
  for (const Size size : {Size{64, 64}, Size{136, 72}}) {
    const std::vector<float> direct = moments(model, DType::f32, "direct", size);
    const double f32_error = difference(moments(model, DType::f32, "winograd", size), direct);
    CHECK(f32_error > 0);  // it is another way to compute them
    CHECK(f32_error < 5e-6);
    const double direct_error = difference(moments(model, DType::bf16, "direct", size), direct);
    const double winograd_error = difference(moments(model, DType::bf16, "winograd", size), direct);
    CHECK(winograd_error < 2 * direct_error);
    MESSAGE("f32: ", f32_error, ", bf16 direct: ", direct_error, ", bf16 winograd: ", winograd_error);
  }
}

TEST_CASE("a picture is encoded into the same numbers again, after another, bit for bit") {
  TinyModel model;
  LatentEncoder encoder(find_backend("cpu"), model.constants, {model.model, DType::f32});
  const Size size = {128, 64};
  const std::vector<float> one = picture(size), first = encoder.encode(size, one);
  CHECK(encoder.encode(size, std::vector<float>(one.size(), 0.5f)) != first);
  CHECK(encoder.encode(size, one) == first);
}

TEST_CASE("an encoder's profile has each op of its graph once") {
  TinyModel model;
  LatentEncoder encoder(find_backend("cpu"), model.constants, {model.model, DType::f32});
  const std::vector<float> image = picture({64, 64});
  const std::vector<NodeTime> times = encoder.profile({64, 64}, image);
  const auto count = [&](const OpDef& op) {
    return std::ranges::count_if(times, [&](const NodeTime& t) { return &t.node->op() == &op; });
  };
  CHECK(count(scaled_dot_product_attention_op) == 1);
  CHECK(count(group_norm_op) == 22);
  CHECK(std::ranges::all_of(times, [](const NodeTime& t) { return t.seconds >= 0; }));
}

TEST_CASE("decoding takes no more memory than was foretold") {
  TinyModel model;
  const Backend& backend = find_backend("cpu");
  for (const DType compute : {DType::f32, DType::bf16}) {
    for (const char* algorithm : {"direct", "auto"}) {
      CAPTURE(algorithm);
      CAPTURE(name_of(compute));
      PictureDecoder decoder(backend, model.constants, {model.model, compute, algorithm});
      const Size size = {256, 256};
      decoder.decode(std::vector<float>(static_cast<size_t>(size.width / 8 * size.height / 8 * 4), 0.1f), size);
      const auto foretold =
          static_cast<double>(PictureDecoder::bytes(backend, {model.model, compute, algorithm}, size));
      const auto held = static_cast<double>(decoder.memory().total());
      CHECK(held <= foretold);
    }
  }
}

TEST_CASE("an autoencoder whose activations exceed fp16 is right beside a step in every precision") {
  for (const std::string architecture : {"tiny-sd15", "tiny-sdxl"}) {
    CAPTURE(architecture);
    TinyModel tiny(architecture);
    LoudConstants constants(tiny.constants);
    const Size size = {64, 64};
    const auto moments_in = [&](DType type) {
      return LatentEncoder(find_backend("cpu"), constants, {tiny.model, type}).encode(size, picture(size));
    };
    const auto picture_in = [&](DType type) {
      std::vector<float> latents(static_cast<size_t>(size.width / 8 * size.height / 8 * 4));
      Rng(3, purpose::noise).fill_normal(latents);
      const Image image = PictureDecoder(find_backend("cpu"), constants, {tiny.model, type}).decode(latents, size);
      return std::vector<float>(image.pixels.begin(), image.pixels.end());
    };
    const auto is_finite = [](const std::vector<float>& values) {
      return std::ranges::all_of(values, [](float x) { return std::isfinite(x); });
    };
    const std::vector<float> exact = moments_in(DType::f32), exact_picture = picture_in(DType::f32);
    CHECK(is_finite(exact));
    CHECK(!is_finite(moments_in(DType::f16)));  // else the weights prove nothing
    CHECK_THROWS_WITH_AS(picture_in(DType::f16), doctest::Contains("not finite"), Error);
    CHECK(moments_in(autoencoder_type(DType::f16)) == exact);
    CHECK(picture_in(autoencoder_type(DType::f16)) == exact_picture);
    CHECK(difference(moments_in(autoencoder_type(DType::bf16)), exact) < 0.1);
    CHECK(difference(picture_in(autoencoder_type(DType::bf16)), exact_picture) < 0.1);
  }
}
