#include "backend/cpu/weights.h"

#include <algorithm>
#include <cstring>

#include "backend/cpu/kernels/elementwise/elementwise.h"
#include "backend/cpu/kernels/linear/linear.h"
#include "backend/cpu/kernels/shape/taps.h"

namespace rankine::cpu {
namespace {

/// [O, C, taps] -> [C, O, taps reversed]
template <class T>
void flip(const T* w, T* flipped, int64_t O, int64_t C, int64_t taps) {
  constexpr int64_t kBlock = 16;  // channels whose kernels are read together: a row of them fills cache lines
#pragma omp parallel for
  for (int64_t block = 0; block < C; block += kBlock)
    for (int64_t o = 0; o < O; ++o)
      for (int64_t c = block; c < std::min(C, block + kBlock); ++c)
        for (int64_t t = 0; t < taps; ++t) flipped[(c * O + o) * taps + taps - 1 - t] = w[(o * C + c) * taps + t];
}

}  // namespace

std::span<const float> WeightStore::read_f32(const Node& constant) {
  const auto count = static_cast<size_t>(constant.type().count());
  std::byte* const values = staging_f32_.refit(count * sizeof(float));
  read_into(constant, DType::f32, values);
  return {reinterpret_cast<const float*>(values), count};
}

const std::byte* WeightStore::read(const Node& constant, DType dtype) {
  if (dtype == DType::f32) return reinterpret_cast<const std::byte*>(read_f32(constant).data());
  std::byte* const values = staging_.refit(Type{constant.type().shape, dtype}.bytes());
  read_into(constant, dtype, values);
  return values;
}

void WeightStore::read_into(const Node& constant, DType dtype, std::byte* to) {
  check(dtype == DType::f32 || is_half(dtype), "constant \"", constant.scope(), "\" cannot be kept as ", dtype);
  const int64_t count = constant.type().count();
  if (dtype == DType::f32) {
    source_.read(constant.scope(), constant.type().shape, {reinterpret_cast<float*>(to), static_cast<size_t>(count)});
    source_.release(constant.scope());
  } else {
    cast(read_f32(constant).data(), DType::f32, {to, dtype}, count);
  }
}

const void* WeightStore::plain(const Node& constant) {
  if (const auto known = plain_.find(constant.scope()); known != plain_.end()) return known->second;
  const size_t bytes = constant.type().bytes();
  std::byte* const values = pool_.allocate(bytes);
  read_into(constant, constant.type().dtype, values);
  const auto form = plain_.emplace(constant.scope(), values).first;
  made(bytes, [this, form] { plain_.erase(form); });
  return values;
}

StoredTensor WeightStore::in_file(const Node& constant) const {
  const std::optional<StoredTensor> stored = source_.stored(constant.scope());
  check(stored.has_value(), "constant \"", constant.scope(), "\" is to stay in its file, but lies in none");
  return *stored;
}

const void* WeightStore::by_tap(const Node& constant) {
  if (const auto known = by_tap_.find(constant.scope()); known != by_tap_.end()) return known->second;
  const Type& type = constant.type();
  const std::byte* values = read(constant, constant.type().dtype);
  std::byte* const split = pool_.allocate(type.bytes());
  const int64_t taps = type.shape[2] * type.shape[3], matrices = type.shape[0] * type.shape[1];
  split_taps({values, type.dtype}, {split, type.dtype}, matrices, taps);
  const auto form = by_tap_.emplace(constant.scope(), split).first;
  made(type.bytes(), [this, form] { by_tap_.erase(form); });
  return split;
}

dnnl::memory WeightStore::packed(const Node& constant, View view, const Desc& desc) {
  const auto [begin, end] = packed_.equal_range(constant.scope());
  for (auto it = begin; it != end; ++it)
    if (it->second.view == view && it->second.desc == desc) return it->second.memory;

  // The packing decides the type: f32 if the processor cannot multiply the constant's own type.
  const DType packed_type = type_of(desc) == dnnl::memory::data_type::bf16 ? DType::bf16 : DType::f32;
  const Type type{constant.type().shape, packed_type};
  const Shape& shape = type.shape;
  const std::byte* values = read(constant, packed_type);
  if (view == View::flipped_kernel) {
    std::byte* const flipped = rearranged_.refit(type.bytes());
    const int64_t taps = shape[2] * shape[3];
    if (type.dtype == DType::f32) {
      flip(reinterpret_cast<const float*>(values), reinterpret_cast<float*>(flipped), shape[0], shape[1], taps);
    } else {
      flip(reinterpret_cast<const uint16_t*>(values), reinterpret_cast<uint16_t*>(flipped), shape[0], shape[1], taps);
    }
    values = flipped;
  }
  using Tag = dnnl::memory::format_tag;
  const int64_t rows = shape[0], columns = type.count() / rows;
  const auto dtype = dnnl_type(type.dtype);
  const Desc source = view == View::matrix              ? Desc({columns, rows}, dtype, Tag::ba)
                      : view == View::transposed_matrix ? Desc({rows, columns}, dtype, Tag::ab)
                      : view == View::kernel            ? Desc(shape, dtype, Tag::abcd)
                                             : Desc({shape[1], shape[0], shape[2], shape[3]}, dtype, Tag::abcd);
  dnnl::memory plain(source, engine_, const_cast<std::byte*>(values));
  dnnl::memory memory(desc, engine_, pool_.allocate(bytes_of(desc)));
  dnnl::stream stream(engine_);
  dnnl::reorder(plain, memory).execute(stream, plain, memory);
  stream.wait();
  const auto form = packed_.emplace(constant.scope(), Packed{view, desc, memory});
  made(bytes_of(desc), [this, form] { packed_.erase(form); });
  return memory;
}

const uint32_t* WeightStore::panels(const Node& constant, View view, DType dtype) {
  const auto key = std::tuple(constant.scope(), view, dtype);
  const uint32_t*& panels = panels_[key];
  if (!panels) {
    const int64_t rows = constant.type().shape[0], columns = constant.type().count() / rows;
    const std::byte* values = read(constant, dtype);
    const ProductOperand operand = view == View::matrix ? ProductOperand{values, columns, rows, true, columns}
                                                        : ProductOperand{values, rows, columns, false, columns};
    const size_t bytes = packed_panel_bytes(dtype, operand.depth, operand.columns);
    auto* const memory = reinterpret_cast<uint32_t*>(pool_.allocate(bytes));
    pack_panels(dtype, operand, memory);
    panels = memory;
    made(bytes, [this, key] { panels_.erase(key); });
  }
  return panels;
}

void WeightStore::trim() {
  staging_f32_.clear();
  staging_.clear();
  rearranged_.clear();
}

std::shared_ptr<const WinogradWeights> WeightStore::winograd(const Node& constant, DType dtype, bool flipped) {
  std::shared_ptr<const WinogradWeights>& weights = winograd_[{constant.scope(), flipped}];
  if (weights) return weights;
  const Shape& shape = constant.type().shape;
  const int64_t in = flipped ? shape[0] : shape[1], out = flipped ? shape[1] : shape[0];
  weights = std::make_shared<WinogradWeights>(engine_, read_f32(constant), in, out, dtype, flipped, pool_, rearranged_);
  made(weights->bytes(), [this, key = std::pair(constant.scope(), flipped)] { winograd_.erase(key); });
  return weights;
}

void WeightStore::made(size_t bytes, std::function<void()> forget) {
  bytes_ += bytes;
  if (!for_temporary_) return;
  temporary_forms_.push_back([this, bytes, forget = std::move(forget)] {
    forget();
    bytes_ -= bytes;
  });
}

void WeightStore::prepare_for(bool temporary) {
  if (!temporary) temporary_forms_.clear();
  if (temporary_forms_.empty()) before_temporary_ = pool_.used();
  for_temporary_ = temporary;
}

void WeightStore::release_temporary() {
  if (temporary_forms_.empty()) return;
  for (const auto& forget : temporary_forms_) forget();
  temporary_forms_.clear();
  pool_.shrink(before_temporary_);
}

void WeightStore::clear() {
  temporary_forms_.clear();
  winograd_.clear();
  plain_.clear();
  by_tap_.clear();
  packed_.clear();
  panels_.clear();
  pool_.shrink(0);
  bytes_ = 0;
}

}  // namespace rankine::cpu
