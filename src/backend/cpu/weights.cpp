#include "backend/cpu/weights.h"

#include <cstring>

#include "base/half.h"

namespace rankine::cpu {
namespace {

/// [O, C, taps] -> [C, O, taps reversed]
std::vector<float> flip(const std::vector<float>& w, const Shape& shape) {
  const int64_t O = shape[0], C = shape[1], taps = shape[2] * shape[3];
  std::vector<float> flipped(w.size());
#pragma omp parallel for
  for (int64_t c = 0; c < C; ++c)
    for (int64_t o = 0; o < O; ++o)
      for (int64_t t = 0; t < taps; ++t) flipped[(c * O + o) * taps + taps - 1 - t] = w[(o * C + c) * taps + t];
  return flipped;
}

}  // namespace

std::vector<float> WeightStore::read(const Node& constant) {
  std::vector<float> values(static_cast<size_t>(constant.type().count()));
  source_.read(constant.scope(), constant.type().shape, values);
  source_.release(constant.scope());
  return values;
}

const void* WeightStore::plain(const Node& constant) {
  if (const auto known = plain_.find(constant.scope()); known != plain_.end()) return known->second.data();
  const std::vector<float> values = read(constant);
  std::vector<std::byte> stored(constant.type().bytes());
  if (constant.type().dtype == DType::bf16) {
    auto* out = reinterpret_cast<uint16_t*>(stored.data());
    for (size_t i = 0; i < values.size(); ++i) out[i] = bf16_from_f32(values[i]);
  } else {
    check(constant.type().dtype == DType::f32, "constant \"", constant.scope(), "\" cannot be kept as ",
          constant.type().dtype);
    std::memcpy(stored.data(), values.data(), stored.size());
  }
  bytes_ += stored.size();
  return plain_.emplace(constant.scope(), std::move(stored)).first->second.data();
}

dnnl::memory WeightStore::packed(const Node& constant, View view, const Desc& desc) {
  const auto [begin, end] = packed_.equal_range(constant.scope());
  for (auto it = begin; it != end; ++it)
    if (it->second.view == view && it->second.desc == desc) return it->second.memory;

  std::vector<float> values = read(constant);
  const Shape& shape = constant.type().shape;
  if (view == View::flipped_kernel) values = flip(values, shape);
  using Tag = dnnl::memory::format_tag;
  const int64_t rows = shape[0], columns = constant.type().count() / rows;
  const auto f32 = dnnl::memory::data_type::f32;
  const Desc source = view == View::matrix              ? Desc({columns, rows}, f32, Tag::ba)
                      : view == View::transposed_matrix ? Desc({rows, columns}, f32, Tag::ab)
                      : view == View::kernel            ? Desc(shape, f32, Tag::abcd)
                                             : Desc({shape[1], shape[0], shape[2], shape[3]}, f32, Tag::abcd);
  dnnl::memory plain(source, engine_, values.data());
  dnnl::memory memory(desc, engine_);
  dnnl::stream stream(engine_);
  dnnl::reorder(plain, memory).execute(stream, plain, memory);
  stream.wait();
  bytes_ += bytes_of(desc);
  packed_.emplace(constant.scope(), Packed{view, desc, memory});
  return memory;
}

void WeightStore::clear() {
  plain_.clear();
  packed_.clear();
  bytes_ = 0;
}

}  // namespace rankine::cpu
