#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include <memory>
#include <numbers>
#include <string>
#include <vector>

#include "backend/cpu/dnnl_compat.h"
#include "backend/cpu/kernels/support.h"
#include "backend/cpu/kernels/winograd/winograd.h"

namespace rankine::cpu {
namespace {

using test::Buffer;
using test::Scratch;

const dnnl::engine& engine() {
  static const dnnl::engine e(dnnl::engine::kind::cpu, 0);
  return e;
}

struct Case {
  WinogradShape shape;
  bool bias = false, residual = false, flipped = false;
  WinogradCut cut = {};  // no tiles: the default
};

/// The convolution as its definition has it, in double.
std::vector<double> convolution(const Case& c, const Buffer& x, const std::vector<float>& w, const Buffer& bias,
                                const Buffer& residual) {
  const WinogradShape& s = c.shape;
  std::vector<double> values;
  for (int64_t i = 0; i < x.count(); ++i) values.push_back(x.get(i));
  const auto weight = [&](int64_t o, int64_t i, int64_t dy, int64_t dx) {
    const int64_t index =
        c.flipped ? ((i * s.channels_out + o) * 3 + 2 - dy) * 3 + 2 - dx : ((o * s.channels_in + i) * 3 + dy) * 3 + dx;
    return static_cast<double>(w[static_cast<size_t>(index)]);
  };
  std::vector<double> y;
  for (int64_t n = 0; n < s.images; ++n) {
    for (int64_t h = 0; h < s.height; ++h) {
      for (int64_t v = 0; v < s.width; ++v) {
        for (int64_t o = 0; o < s.channels_out; ++o) {
          double sum = c.bias ? bias.get(o) : 0;
          if (c.residual) sum += residual.get(static_cast<int64_t>(y.size()));
          for (int64_t dy = 0; dy < 3; ++dy) {
            for (int64_t dx = 0; dx < 3; ++dx) {
              const int64_t row = h + dy - 1, column = v + dx - 1;
              if (row < 0 || row >= s.height || column < 0 || column >= s.width) continue;
              for (int64_t i = 0; i < s.channels_in; ++i)
                sum += weight(o, i, dy, dx) *
                       values[static_cast<size_t>(((n * s.height + row) * s.width + column) * s.channels_in + i)];
            }
          }
          y.push_back(sum);
        }
      }
    }
  }
  return y;
}

std::vector<float> random_weights(const WinogradShape& s, uint64_t seed) {
  const Buffer values =
      Buffer::random(DType::f32, 9 * s.channels_in * s.channels_out, seed, std::sqrt(1.0 / (3.0 * s.channels_in)));
  return {values.f32(), values.f32() + values.count()};
}

/// Weights with memory of their own.
std::shared_ptr<const WinogradWeights> packed(const Case& c, const std::vector<float>& w) {
  struct Owner {
    Pool pool;
    Arena working;
    WinogradWeights weights;
    Owner(const Case& of, const std::vector<float>& values)
        : weights(engine(), values, of.shape.channels_in, of.shape.channels_out, of.shape.dtype, of.flipped, pool,
                  working) {}
  };
  const auto owner = std::make_shared<Owner>(c, w);
  return {owner, &owner->weights};
}

void run(const Case& c, std::shared_ptr<const WinogradWeights> weights, const Buffer& x, const Buffer& bias,
         const Buffer* residual, Buffer& y) {
  const dnnl::stream stream(engine());
  const WinogradCut cut = c.cut.block_tiles > 0 ? c.cut : winograd_cut(c.shape, omp_get_max_threads());
  WinogradConvolution convolution(engine(), stream, c.shape, std::move(weights), cut);
  if (c.cut.block_tiles == 0) CHECK(convolution.scratch_bytes() == winograd_scratch_bytes(engine(), c.shape));
  Scratch scratch(convolution.scratch_bytes());
  convolution.run(x.in(), c.bias ? bias.f32() : nullptr, residual != nullptr ? residual->in() : In(nullptr, y.dtype()),
                  y.out(), scratch.data());
  CHECK(scratch.guard_intact());
}

int64_t count_in(const WinogradShape& s) { return s.images * s.height * s.width * s.channels_in; }
int64_t count_out(const WinogradShape& s) { return s.images * s.height * s.width * s.channels_out; }

double relative_rms(const Buffer& got, const std::vector<double>& expected) {
  double error = 0, sum = 0;
  for (int64_t i = 0; i < got.count(); ++i) {
    const double e = expected[static_cast<size_t>(i)];
    error += (got.get(i) - e) * (got.get(i) - e);
    sum += e * e;
  }
  return std::sqrt(error / sum);
}

/// Against double: f32 keeps six digits, bf16 about 4.5e-3 (2.4e-3 of it from rounding weights and outputs alone).
double allowed(DType dtype) { return dtype == DType::f32 ? 1e-6 : 6e-3; }

void check_case(const Case& c, bool in_place = false) {
  const WinogradShape& s = c.shape;
  CAPTURE(s.images);
  CAPTURE(s.height);
  CAPTURE(s.width);
  CAPTURE(s.channels_in);
  CAPTURE(s.channels_out);
  const Buffer x = Buffer::random(s.dtype, count_in(s), 1);
  const Buffer bias = Buffer::random(DType::f32, s.channels_out, 2);
  const Buffer residual = Buffer::random(s.dtype, count_out(s), 3);
  const std::vector<float> w = random_weights(s, 4);
  Buffer y = in_place ? residual : Buffer(s.dtype, count_out(s));
  run(c, packed(c, w), x, bias, !c.residual ? nullptr : in_place ? &y : &residual, y);
  CHECK(relative_rms(y, convolution(c, x, w, bias, residual)) < allowed(s.dtype));
  CHECK(y.guards_intact());
}

/// Box-Muller on uniform values.
Buffer normal(int64_t count, uint64_t seed) {
  const Buffer a = Buffer::random(DType::f32, count, seed, 0.5), b = Buffer::random(DType::f32, count, seed + 1, 0.5);
  Buffer z(DType::f32, count);
  for (int64_t i = 0; i < count; ++i)
    z.set(i, std::sqrt(-2 * std::log(std::max(1e-7, a.get(i) + 0.5))) * std::cos(2 * std::numbers::pi * b.get(i)));
  return z;
}

/// A slow wave over the picture, its phase and height those of the channel, with a tenth of noise.
double smooth(const WinogradShape& s, const Buffer& noise, int64_t i) {
  const int64_t c = i % s.channels_in, w = i / s.channels_in % s.width, h = i / (s.channels_in * s.width);
  return std::sin(0.3 * static_cast<double>(w) + 0.2 * static_cast<double>(h) + noise.get(c)) + 0.1 * noise.get(i);
}

/// oneDNN's convolution, operands rounded to bf16.
void run_direct(const WinogradShape& s, const Buffer& x, std::vector<float> w, Buffer& y) {
  using Tag = dnnl::memory::format_tag;
  const auto f32 = dnnl::memory::data_type::f32, bf16 = dnnl::memory::data_type::bf16;
  const Desc source({s.images, s.channels_in, s.height, s.width}, bf16, Tag::acdb);
  const Desc target({s.images, s.channels_out, s.height, s.width}, bf16, Tag::acdb);
  const dnnl::memory::dims kernel = {s.channels_out, s.channels_in, 3, 3};
  const auto desc =
      make_convolution(engine(), {source, {kernel, bf16, Tag::any}, Desc(), target, {1, 1}, {1, 1}, {1, 1}}, {});
  dnnl::stream stream(engine());
  dnnl::memory plain({kernel, f32, Tag::abcd}, engine(), w.data()), weights(desc.weights_desc(), engine());
  dnnl::reorder(plain, weights).execute(stream, plain, weights);
  dnnl::convolution_forward(desc).execute(stream, {{DNNL_ARG_SRC, {source, engine(), const_cast<void*>(x.in().data)}},
                                                   {DNNL_ARG_WEIGHTS, weights},
                                                   {DNNL_ARG_DST, {target, engine(), y.out().data}}});
  stream.wait();
}

bool available(DType dtype) { return winograd_supported(engine(), 64, 64, dtype); }

}  // namespace

TEST_CASE("Winograd: odd and even sizes, one to three images, agree with the definition in double") {
  for (const DType dtype : test::product_types) {
    if (!available(dtype)) continue;
    for (const auto& [h, w] : std::vector<std::pair<int64_t, int64_t>>{{7, 5}, {8, 8}, {13, 16}, {1, 1}, {2, 3}}) {
      for (const int64_t images : {1, 2, 3}) check_case({.shape = {images, h, w, 20, 36, dtype}});
    }
  }
}

TEST_CASE("Winograd: channels that fill no vector, or only some, agree with the definition on every instruction set") {
  test::for_each_target([] {
    for (const DType dtype : test::product_types) {
      if (!available(dtype)) continue;
      for (const auto& [in, out] :
           std::vector<std::pair<int64_t, int64_t>>{{1, 1}, {20, 36}, {33, 7}, {64, 96}, {5, 130}})
        check_case({.shape = {2, 5, 6, in, out, dtype}, .bias = true, .residual = true});
    }
  });
}

TEST_CASE("Winograd: bias, residual and flipped kernels, each alone and together, residual in place too") {
  for (const DType dtype : test::product_types) {
    if (!available(dtype)) continue;
    for (int options = 0; options < 8; ++options) {
      const Case c = {.shape = {2, 7, 9, 36, 20, dtype},
                      .bias = (options & 1) != 0,
                      .residual = (options & 2) != 0,
                      .flipped = (options & 4) != 0};
      check_case(c);
      if (c.residual) check_case(c, /*in_place=*/true);
    }
  }
}

// With AVX2 oneDNN sums a product of other height in another order: the last bits may differ there.
TEST_CASE("Winograd: how the tiles are cut changes nothing but the last bits") {
  for (const DType dtype : test::product_types) {
    if (!available(dtype)) continue;
    Case c = {.shape = {3, 7, 10, 64, 48, dtype}, .bias = true, .residual = true};
    const WinogradShape& s = c.shape;
    const Buffer x = Buffer::random(dtype, count_in(s), 1), bias = Buffer::random(DType::f32, s.channels_out, 2),
                 residual = Buffer::random(dtype, count_out(s), 3);
    const auto weights = packed(c, random_weights(s, 4));
    std::vector<Buffer> outputs;
    for (const WinogradCut cut :
         std::vector<WinogradCut>{{60, 1}, {1, 3}, {7, 4}, {7, 1}, {16, 2}, {59, 1}, {1000, 2}}) {
      c.cut = cut;
      run(c, weights, x, bias, &residual, outputs.emplace_back(dtype, count_out(s)));
      CAPTURE(cut.block_tiles);
      CAPTURE(cut.part_blocks);
      double difference = 0, size = 0;
      for (int64_t i = 0; i < count_out(s); ++i) {
        difference = std::max(difference, std::abs(outputs.back().get(i) - outputs.front().get(i)));
        size = std::max(size, std::abs(outputs.front().get(i)));
      }
      CHECK(difference <= (dtype == DType::f32 ? 1e-6 : 8e-3) * size);
    }
  }
}

TEST_CASE("Winograd: one packed weight serves pictures of every size") {
  for (const DType dtype : test::product_types) {
    if (!available(dtype)) continue;
    const Case first = {.shape = {1, 4, 4, 96, 80, dtype}};
    const std::vector<float> w = random_weights(first.shape, 4);
    const auto weights = packed(first, w);
    CHECK(weights->bytes() == winograd_weight_bytes(engine(), 96, 80, dtype));
    for (const int64_t side : {1, 2, 4, 9, 20}) {
      const Case c = {.shape = {1, side, side, 96, 80, dtype}};
      const Buffer x = Buffer::random(dtype, count_in(c.shape), 1), none(DType::f32, 1);
      Buffer y(dtype, count_out(c.shape));
      run(c, weights, x, none, nullptr, y);
      CAPTURE(side);
      CHECK(relative_rms(y, convolution(c, x, w, none, none)) < allowed(dtype));
    }
  }
}

TEST_CASE("Winograd in bf16: the error is at most twice that of oneDNN's direct convolution in bf16") {
  if (!available(DType::bf16)) return;
  const Case c = {.shape = {1, 16, 16, 128, 96, DType::bf16}};
  const WinogradShape& s = c.shape;
  const std::vector<float> w = random_weights(s, 4);
  const auto weights = packed(c, w);
  const Buffer none(DType::f32, 1), noise = normal(count_in(s), 5);
  for (const std::string picture : {"normal", "silu", "smooth"}) {
    Buffer x(DType::bf16, count_in(s));
    for (int64_t i = 0; i < x.count(); ++i) {
      const double v = noise.get(i);
      x.set(i, picture == "normal" ? v : picture == "silu" ? v / (1 + std::exp(-v)) : smooth(s, noise, i));
    }
    const std::vector<double> expected = convolution(c, x, w, none, none);
    Buffer y(DType::bf16, count_out(s)), direct(DType::bf16, count_out(s));
    run(c, weights, x, none, nullptr, y);
    run_direct(s, x, w, direct);
    const double error = relative_rms(y, expected), direct_error = relative_rms(direct, expected);
    CAPTURE(picture);
    CAPTURE(direct_error);
    CAPTURE(error);
    CHECK(error < 2 * direct_error);
  }
}

TEST_CASE("Winograd: a second working memory is taken up, and a run leaves no trace for the next") {
  const Case c = {.shape = {1, 6, 6, 32, 32, DType::f32}, .cut = {4, 1}};
  const Buffer none(DType::f32, 1);
  const auto weights = packed(c, random_weights(c.shape, 4));
  const dnnl::stream stream(engine());
  WinogradConvolution convolution(engine(), stream, c.shape, weights, c.cut);
  Scratch one(convolution.scratch_bytes()), two(convolution.scratch_bytes());
  std::vector<Buffer> outputs;
  for (const uint64_t seed : {1, 2, 1}) {
    const Buffer x = Buffer::random(DType::f32, count_in(c.shape), seed);
    Buffer& y = outputs.emplace_back(DType::f32, count_out(c.shape));
    convolution.run(x.in(), nullptr, {}, y.out(), outputs.size() == 2 ? two.data() : one.data());
  }
  CHECK(outputs[0] == outputs[2]);
  CHECK_FALSE(outputs[0] == outputs[1]);
}

TEST_CASE("Winograd: what does not fit together is refused") {
  const std::vector<float> w(9 * 8 * 16);
  CHECK_THROWS_AS(packed({.shape = {1, 4, 4, 8, 8, DType::f32}}, w), Error);
  const auto weights = packed({.shape = {1, 4, 4, 8, 16, DType::f32}}, w);
  const dnnl::stream stream(engine());
  CHECK_THROWS_AS(WinogradConvolution(engine(), stream, {1, 4, 4, 16, 8, DType::f32}, weights), Error);
}

}  // namespace rankine::cpu
