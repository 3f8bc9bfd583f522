#include <doctest/doctest.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "backend/registry.h"
#include "base/error.h"
#include "models/checkpoint/layout.h"
#include "models/checkpoint/synthetic.h"
#include "network/adapter_file.h"
#include "sample/image_sampler.h"
#include "sample/sample_files.h"
#include "sample/sample_run.h"
#include "support/lora.h"
#include "support/training_run.h"

using namespace rankine;

namespace {

/// A folder with a small checkpoint, gone with this object.
class Workplace {
 public:
  Workplace()
      : folder_(std::filesystem::temp_directory_path() / concat_text("rankine-sample-", getpid(), "-", count_++)) {
    std::filesystem::create_directories(folder_);
    write_synthetic_checkpoint(layout_of("tiny-sd15"), 1, path("tiny.safetensors"));
  }
  ~Workplace() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

 private:
  static inline std::atomic<int> count_ = 0;
  std::filesystem::path folder_;
};

ImageRequest small_request() {
  return {.prompt = "a photo of a cat",
          .negative_prompt = "blurry",
          .sampler = "euler",
          .steps = 3,
          .scale = 5,
          .seed = 7,
          .width = 72,  // 9 latents: the U-Net's levels halve it unevenly
          .height = 64};
}

/// A LoRA of every layer, large enough to be seen.
AdapterWeights made_up_lora(const Checkpoint& checkpoint, int64_t rank, double alpha, uint64_t seed) {
  AdapterWeights lora{.kind = &lora_adapter};
  for (AdaptedLayer layer : adaptable_layers(checkpoint.tensors(), checkpoint.family().adaptable)) {
    layer.rank = rank;
    layer.alpha = alpha;
    LayerWeights& weights = lora.layers.emplace_back(LayerWeights{.layer = layer});
    for (const AdapterTensor& tensor : lora_adapter.tensors(layer)) {
      std::vector<float>& values = weights.tensors.emplace_back(static_cast<size_t>(count_of(tensor.shape)));
      synthetic_f32(tensor_name(layer, tensor), tensor.shape, seed, values);
    }
  }
  return lora;
}

double distance(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0, size = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    sum += std::pow(static_cast<double>(a[i]) - b[i], 2);
    size += std::pow(static_cast<double>(b[i]), 2);
  }
  return std::sqrt(sum / size);
}

std::vector<float> latents_with(const Checkpoint& checkpoint, std::vector<WeightedAdapter> loras,
                                ImageSamplerConfig config = {}) {
  return ImageSampler(find_backend("cpu"), checkpoint, config, std::move(loras)).latents(small_request());
}

}  // namespace

TEST_CASE("the same seed gives the same latents to the bit, another seed others") {
  const Workplace place;
  const Checkpoint checkpoint = Checkpoint::open(place.path("tiny.safetensors"));
  ImageSampler sampler(find_backend("cpu"), checkpoint, {}, {});
  for (const char* name : {"euler", "ddim", "euler_a"}) {
    CAPTURE(name);
    ImageRequest request = small_request();
    request.sampler = name;
    const std::vector<float> first = sampler.latents(request);
    CHECK(first.size() == 8 * 9 * 4);
    sampler.picture(first, request.width, request.height);  // the U-Net goes and comes back
    CHECK(sampler.latents(request) == first);
    request.seed = 8;
    CHECK(sampler.latents(request) != first);
  }
}

TEST_CASE("prompt, negative prompt and guidance matter; without guidance the negative prompt does not") {
  const Workplace place;
  const Checkpoint checkpoint = Checkpoint::open(place.path("tiny.safetensors"));
  ImageSampler sampler(find_backend("cpu"), checkpoint, {}, {});
  ImageRequest request = small_request();
  const std::vector<float> first = sampler.latents(request);
  for (const auto& change : std::vector<void (*)(ImageRequest&)>{
           [](ImageRequest& r) { r.prompt = "a dog"; }, [](ImageRequest& r) { r.negative_prompt = "dark"; },
           [](ImageRequest& r) { r.scale = 4; }, [](ImageRequest& r) { r.prompt = "a (photo:1.4) of a cat"; },
           [](ImageRequest& r) { r.prompt = std::string(300, 'a') + " cat, dog, " + r.prompt; }}) {
    ImageRequest other = request;
    change(other);
    CHECK(sampler.latents(other) != first);
  }
  request.scale = 1;
  const std::vector<float> plain = sampler.latents(request);
  request.negative_prompt = "dark";
  CHECK(sampler.latents(request) == plain);
}

TEST_CASE("every family draws: its prompts, sizes and --clip_skip matter as in sd-scripts") {
  for (const std::string architecture : {"tiny-sd21", "tiny-sdxl"}) {
    CAPTURE(architecture);
    const Checkpoint checkpoint = Checkpoint::open(test::tiny_checkpoint(architecture));
    const bool sdxl = architecture == "tiny-sdxl";
    const auto drawn = [&](int64_t clip_skip, const std::string& negative) {
      ImageSampler sampler(find_backend("cpu"), checkpoint, {.clip_skip = clip_skip, .prediction = Prediction::v}, {});
      ImageRequest request = small_request();
      request.negative_prompt = negative;
      const std::vector<float> latents = sampler.latents(request);
      const Image picture = sampler.picture(latents, request.width, request.height);
      CHECK(picture.width == request.width);
      CHECK(picture.height == request.height);
      return latents;
    };
    const std::vector<float> first = drawn(1, "blurry");
    CHECK(drawn(1, "blurry") == first);
    CHECK(drawn(1, "dark") != first);
    CHECK((drawn(2, "blurry") == first) == sdxl);  // SDXL's text encoders are read at fixed layers
  }
}

TEST_CASE("a prompt of several chunks of tokens is read to its end") {
  const Workplace place;
  const Checkpoint checkpoint = Checkpoint::open(place.path("tiny.safetensors"));
  ImageSampler sampler(find_backend("cpu"), checkpoint, {}, {});
  ImageRequest request = small_request();
  request.steps = 1;
  for (const int words : {100, 200}) {
    request.prompt.clear();
    for (int i = 0; i < words; ++i) request.prompt += "cat ";
    const std::string start = request.prompt;
    request.prompt = start + "red";
    const std::vector<float> red = sampler.latents(request);
    request.prompt = start + "blue";
    CHECK(sampler.latents(request) != red);
  }
}

TEST_CASE("a LoRA of strength 0 is none, and one of strength 1 changes the latents") {
  const Workplace place;
  const Checkpoint checkpoint = Checkpoint::open(place.path("tiny.safetensors"));
  const AdapterWeights lora = made_up_lora(checkpoint, 3, 0.5, 1);
  const std::vector<float> base = latents_with(checkpoint, {});
  CHECK(latents_with(checkpoint, {{lora, 0}}) == base);
  CHECK(distance(latents_with(checkpoint, {{lora, 1}}), base) > 1e-3);
}

TEST_CASE("two LoRAs work together as the one that holds both, in either order") {
  const Workplace place;
  const Checkpoint checkpoint = Checkpoint::open(place.path("tiny.safetensors"));
  const AdapterWeights a = made_up_lora(checkpoint, 2, 1, 1), b = made_up_lora(checkpoint, 3, 0.6, 2);
  const auto both = latents_with(checkpoint, {{a, 0.5}, {b, -0.3}});
  const auto turned = latents_with(checkpoint, {{b, -0.3}, {a, 0.5}});
  CHECK(distance(turned, both) < 1e-4);
  CHECK(distance(latents_with(checkpoint, {{a, 0.5}}), both) > 1e-3);
}

TEST_CASE("bfloat16 gives nearly the same latents, float16 nearer ones") {
  const Workplace place;
  const Checkpoint checkpoint = Checkpoint::open(place.path("tiny.safetensors"));
  const auto exact = latents_with(checkpoint, {});
  const double bf16 = distance(latents_with(checkpoint, {}, {.compute = DType::bf16}), exact);
  const double fp16 = distance(latents_with(checkpoint, {}, {.compute = DType::f16}), exact);
  CHECK(bf16 < 0.05);
  CHECK(fp16 > 0);
  CHECK(fp16 < 0.5 * bf16);
}

TEST_CASE("a request that cannot be met is refused with its reason") {
  const Workplace place;
  const Checkpoint checkpoint = Checkpoint::open(place.path("tiny.safetensors"));
  ImageSampler sampler(find_backend("cpu"), checkpoint, {}, {});
  ImageRequest request = small_request();
  request.width = 70;
  CHECK_THROWS_WITH_AS(sampler.latents(request), "a picture's width must be a multiple of 8, got 70", Error);
  request = small_request();
  request.sampler = "unipc";
  CHECK_THROWS_AS(sampler.latents(request), Error);
  CHECK_THROWS_AS(sampler.picture(std::vector<float>(5), 64, 64), Error);
  CHECK_THROWS_WITH_AS(ImageSampler(find_backend("cpu"), checkpoint, {.clip_skip = 4}, {}),
                       doctest::Contains("clip_skip must be 1 to 3"), Error);
}

TEST_CASE("sampling can be stopped") {
  const Workplace place;
  const Checkpoint checkpoint = Checkpoint::open(place.path("tiny.safetensors"));
  int steps = 0;
  ImageSampler(find_backend("cpu"), checkpoint, {}, {}).latents(small_request(), [&](int step, int) {
    steps = step;
    return step < 2;
  });
  CHECK(steps == 2);
}

TEST_CASE("pictures are written with their parameters, under names that never repeat") {
  const Workplace place;
  const Checkpoint checkpoint = Checkpoint::open(place.path("tiny.safetensors"));
  save_adapter(place.path("style.safetensors"), made_up_lora(checkpoint, 2, 1, 1), DType::f32, {});
  SampleConfig config;
  config.ckpt = place.path("tiny.safetensors");
  config.network_weights = {place.path("style.safetensors")};
  config.network_mul = {0.5};
  config.prompt = "a cat";
  config.negative_prompt = "blurry";
  config.sampler = "euler";
  config.steps = 2;
  config.seed = 5;
  config.width = 72;
  config.height = 64;
  config.images_per_prompt = 2;
  config.outdir = place.path("pictures");
  std::ostringstream status;
  const std::vector<std::string> files = sample_pictures(plan_sample(config, find_backend("cpu")), status, {});
  REQUIRE(files.size() == 2);
  CHECK(files[0] == place.path("pictures/im_000000_5.png"));
  CHECK(files[1] == place.path("pictures/im_000001_6.png"));
  CHECK(status.str().find("picture 2/2  step 2/2") != std::string::npos);
  const Image first = read_image(files[0]);
  CHECK(first.width == 72);
  CHECK(first.height == 64);
  const auto texts = read_png_texts(files[1]);
  REQUIRE(texts.size() == 1);
  CHECK(texts[0].first == "parameters");
  CHECK(texts[0].second ==
        "a cat <lora:style:0.5>\nNegative prompt: blurry\nSteps: 2, Sampler: Euler, CFG scale: 7.5, Seed: 6, Size: "
        "72x64, Model: tiny");

  config.seed = 6;  // the second picture of before
  config.images_per_prompt = 1;
  const std::vector<std::string> again = sample_pictures(plan_sample(config, find_backend("cpu")), status, {});
  REQUIRE(again.size() == 1);
  CHECK(again[0] == place.path("pictures/im_000002_6.png"));
  CHECK(read_image(again[0]) == read_image(files[1]));
}

TEST_CASE(
    "a plan of pictures is made without weights and writes nothing; the null backend makes them without arithmetic") {
  const Workplace place;
  SampleConfig config;
  config.ckpt = place.path("tiny.safetensors");
  config.prompt = "a cat";
  config.steps = 2;
  config.seed = 5;
  config.width = config.height = 64;
  config.images_per_prompt = 2;
  config.outdir = place.path("pictures");
  SamplePlan plan = plan_sample(config, null_backend());
  REQUIRE(plan.requests.size() == 2);
  CHECK(plan.requests[1].seed == 6);
  CHECK(!std::filesystem::exists(config.outdir));
  std::ostringstream status;
  const std::vector<std::string> files = sample_pictures(std::move(plan), status, {});
  REQUIRE(files.size() == 2);
  CHECK(read_image(files[0]) == read_image(files[1]));

  config.width = 65;
  CHECK_THROWS_WITH_AS(plan_sample(config, null_backend()), doctest::Contains("multiple of 8"), Error);
}

TEST_CASE("a file of prompts gives a picture each, with the flags where a prompt says nothing") {
  const Workplace place;
  SampleConfig config;
  config.ckpt = place.path("tiny.safetensors");
  config.from_file = place.path("prompts.txt");
  std::ofstream(*config.from_file) << "a cat --d 9 --w 72\na dog --s 4 --ss lms\n";
  config.negative_prompt = "dark";
  config.sampler = "euler";
  config.steps = 2;
  config.seed = 5;
  config.width = config.height = 64;
  config.outdir = place.path("pictures");
  std::ostringstream status;
  const std::vector<std::string> files = sample_pictures(plan_sample(config, find_backend("cpu")), status, {});
  REQUIRE(files.size() == 2);
  CHECK(files[0] == place.path("pictures/im_000000_9.png"));
  CHECK(read_image_size(files[0]) == ImageSize{72, 64});
  CHECK(read_png_texts(files[1])[0].second ==
        "a dog\nNegative prompt: dark\nSteps: 4, Sampler: LMS, CFG scale: 7.5, Seed: 5, Size: 64x64, Model: tiny");
  config.prompt = "a bird";
  CHECK_THROWS_WITH_AS(sample_pictures(plan_sample(config, find_backend("cpu")), status, {}),
                       doctest::Contains("give one of them"), Error);
}

TEST_CASE("values become colours by clamping and rounding") {
  const std::vector<float> values = {-1.5f, -1.0f, 0.0f, 1.0f, 1.5f, -0.99f};
  CHECK(image_from(values, 2, 1).pixels == std::vector<uint8_t>{0, 0, 128, 255, 255, 1});
  CHECK_THROWS_AS(image_from(std::vector<float>{NAN, 0, 0}, 1, 1), Error);
}
