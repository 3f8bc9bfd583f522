#include "models/checkpoint/synthetic.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "io/atomic_file.h"
#include "io/convert.h"
#include "io/safetensors.h"
#include "io/sha256.h"

namespace rankine {
namespace {

constexpr uint64_t golden_ratio = 0x9E3779B97F4A7C15u;  // of splitmix64

uint64_t fnv1a64(std::string_view name) {
  uint64_t hash = 0xCBF29CE484222325u;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return hash;
}

// value = offset + u * scale, with u in [-1, 1).
struct Rule {
  float offset, scale;
};

Rule rule_of(std::string_view name, const Shape& shape) {
  const size_t dot = name.rfind('.');
  const std::string_view last = dot == name.npos ? name : name.substr(dot + 1);
  check(last != "alpha", "tensor \"", name, "\": alpha is given, not synthetic");
  double fan_in = 1;
  for (size_t i = 1; i < shape.size(); ++i) fan_in *= static_cast<double>(shape[i]);
  if (shape.empty()) return {4.6052f, 0};
  if (name.ends_with("token_embedding.weight")) return {0, 0.04f};
  if (name.ends_with("position_embedding.weight") || last == "positional_embedding") return {0, 0.01f};
  if (name.ends_with("lora_down.weight")) return {0, static_cast<float>(1 / std::sqrt(fan_in))};
  if (name.ends_with("lora_up.weight")) return {0, 0.1f};
  if (shape.size() >= 2) return {0, static_cast<float>(std::sqrt(3 / fan_in))};
  if (last == "weight") return {1, 0.1f};
  return {0, 0.02f};
}

// As f16_from_f32 for magnitudes below 65504 (all the rules stay far below), as selects so that the loop vectorises.
// A subnormal result is the count of units of 2^-24, which adding 0.5 leaves, rounded to even, in the low mantissa
// bits.
inline uint16_t narrow_to_f16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
  const uint32_t normal = (magnitude + 0xfffu + (magnitude >> 13 & 1u) - 0x38000000u) >> 13;
  const uint32_t subnormal = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u;
  return static_cast<uint16_t>(sign | (magnitude < 0x38800000u ? subnormal : normal));
}

// Elements begin ... begin + out.size() of a tensor.
void fill(uint64_t hash, Rule rule, int64_t begin, std::span<uint16_t> out) {
  const auto count = static_cast<int64_t>(out.size());
  uint16_t* to = out.data();
  const uint64_t start = hash + (static_cast<uint64_t>(begin) + 1) * golden_ratio;
  const float offset = rule.offset, scale = rule.scale;
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) {
    uint64_t z = start + static_cast<uint64_t>(i) * golden_ratio;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    z = z ^ (z >> 31);
    const float u = static_cast<float>(static_cast<int32_t>(z >> 40)) * 0x1p-23f - 1.0f;  // exact
    to[i] =
        narrow_to_f16(offset + u * scale);  // + 0 changes nothing (a -0 cannot be told apart: u * scale is never -0)
  }
}

uint64_t tensor_hash(std::string_view name, uint64_t seed) { return fnv1a64(name) ^ (seed * golden_ratio); }

constexpr int64_t piece = 1 << 17;  // elements a thread makes at a time: stays in its cache

}  // namespace

void synthetic_tensor(std::string_view name, const Shape& shape, uint64_t seed, std::span<uint16_t> out) {
  const auto count = static_cast<int64_t>(out.size());
  check(count == count_of(shape), "synthetic tensor \"", name, "\": ", count, " elements do not fill the shape ",
        as_text(shape));
  const Rule rule = rule_of(name, shape);
  const uint64_t hash = tensor_hash(name, seed);
#pragma omp parallel for schedule(static) if (count > piece)
  for (int64_t begin = 0; begin < count; begin += piece)
    fill(hash, rule, begin,
         out.subspan(static_cast<size_t>(begin), static_cast<size_t>(std::min(piece, count - begin))));
}

void synthetic_f32(std::string_view name, const Shape& shape, uint64_t seed, std::span<float> out) {
  std::vector<uint16_t> halves(out.size());
  synthetic_tensor(name, shape, seed, halves);
  convert_to_f32(DType::f16, std::as_bytes(std::span(halves)), out);
}

void write_synthetic_checkpoint(const Layout& layout, uint64_t seed, const std::string& path) {
  std::vector<TensorToWrite> tensors;
  for (const auto& [name, shape] : layout.tensors) tensors.push_back({name, DType::f16, shape, {}});
  const SafetensorsHeader header = make_safetensors_header(tensors, {});

  struct Piece {
    uint64_t hash;
    Rule rule;
    int64_t begin, count;
    uint64_t file_offset;
  };
  std::vector<Piece> pieces;
  for (const size_t i : header.order) {
    const auto& [name, shape] = layout.tensors[i];
    const int64_t total = count_of(shape);
    for (int64_t begin = 0; begin < total; begin += piece)
      pieces.push_back({tensor_hash(name, seed), rule_of(name, shape), begin, std::min(piece, total - begin),
                        header.bytes.size() + header.offsets[i] + 2 * static_cast<uint64_t>(begin)});
  }

  AtomicFile file(path);
  file.write(header.bytes);
  const auto size = static_cast<off_t>(header.bytes.size() + header.data_size);
  // A full disk is then an error before the work, not after it. Some file systems lack this call.
  const int reserved = ::posix_fallocate(file.descriptor(), 0, size);
  check(reserved != ENOSPC && reserved != EFBIG, path, ": cannot write ", size, " bytes: ", std::strerror(reserved));

  std::atomic<int> error{0};
  const auto count = static_cast<int64_t>(pieces.size());
#pragma omp parallel
  {
    std::vector<uint16_t> values(static_cast<size_t>(piece));
#pragma omp for schedule(dynamic, 4)
    for (int64_t i = 0; i < count; ++i) {
      const Piece& p = pieces[static_cast<size_t>(i)];
      if (error != 0) continue;
      fill(p.hash, p.rule, p.begin, std::span(values).first(static_cast<size_t>(p.count)));
      auto bytes = std::as_bytes(std::span(values).first(static_cast<size_t>(p.count)));
      for (auto at = static_cast<off_t>(p.file_offset); !bytes.empty();) {
        const ssize_t written = ::pwrite(file.descriptor(), bytes.data(), bytes.size(), at);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) {
          error = errno;
          break;
        }
        at += written;
        bytes = bytes.subspan(static_cast<size_t>(written));
      }
    }
  }
  check(error == 0, path, ": cannot write: ", std::strerror(error));
  file.commit();
}

std::string synthetic_digest(const Layout& layout, uint64_t seed) {
  Sha256 hash;
  std::vector<uint16_t> values;
  for (const auto& [name, shape] : layout.tensors) {
    values.resize(static_cast<size_t>(count_of(shape)));
    synthetic_tensor(name, shape, seed, values);
    hash.update(std::as_bytes(std::span(values)));
  }
  return hash.hex();
}

}  // namespace rankine
