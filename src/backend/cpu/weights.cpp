#include "backend/cpu/weights.h"

#include <algorithm>

#include "backend/cpu/kernels/elementwise.h"
#include "backend/cpu/kernels/linear.h"

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

/// [O, C, taps] -> [taps, O, C]
template <class T>
void split_taps(const T* w, T* split, int64_t matrices, int64_t taps) {
#pragma omp parallel for
  for (int64_t i = 0; i < matrices; ++i)
    for (int64_t t = 0; t < taps; ++t) split[t * matrices + i] = w[i * taps + t];
}

}  // namespace

std::span<const float> WeightStore::read_f32(const Node& constant) {
  const auto count = static_cast<size_t>(constant.type().count());
  staging_f32_.grow(count * sizeof(float));
  auto* values = reinterpret_cast<float*>(staging_f32_.base());
  source_.read(constant.scope(), constant.type().shape, {values, count});
  source_.release(constant.scope());
  return {values, count};
}

const std::byte* WeightStore::read(const Node& constant, DType dtype) {
  const Type type{constant.type().shape, dtype};
  check(type.dtype == DType::f32 || is_half(type.dtype), "constant \"", constant.scope(), "\" cannot be kept as ",
        type.dtype);
  const std::span<const float> values = read_f32(constant);
  if (type.dtype == DType::f32) return staging_f32_.base();
  staging_.grow(type.bytes());
  cast(values.data(), DType::f32, {staging_.base(), type.dtype}, type.count());
  return staging_.base();
}

const void* WeightStore::plain(const Node& constant) {
  if (const auto known = plain_.find(constant.scope()); known != plain_.end()) return known->second.data();
  const std::byte* values = read(constant, constant.type().dtype);
  const size_t bytes = constant.type().bytes();
  const auto form = plain_.emplace(constant.scope(), std::vector<std::byte>(values, values + bytes)).first;
  made(bytes, [this, form] { plain_.erase(form); });
  return form->second.data();
}

const void* WeightStore::by_tap(const Node& constant) {
  if (const auto known = by_tap_.find(constant.scope()); known != by_tap_.end()) return known->second.data();
  const Type& type = constant.type();
  const std::byte* values = read(constant, constant.type().dtype);
  std::vector<std::byte> split(type.bytes());
  const int64_t taps = type.shape[2] * type.shape[3], matrices = type.shape[0] * type.shape[1];
  if (type.dtype == DType::f32) {
    split_taps(reinterpret_cast<const float*>(values), reinterpret_cast<float*>(split.data()), matrices, taps);
  } else {
    split_taps(reinterpret_cast<const uint16_t*>(values), reinterpret_cast<uint16_t*>(split.data()), matrices, taps);
  }
  const auto form = by_tap_.emplace(constant.scope(), std::move(split)).first;
  made(form->second.size(), [this, form] { by_tap_.erase(form); });
  return form->second.data();
}

dnnl::memory WeightStore::packed(const Node& constant, View view, const Desc& desc) {
  const auto [begin, end] = packed_.equal_range(constant.scope());
  for (auto it = begin; it != end; ++it)
    if (it->second.view == view && it->second.desc == desc) return it->second.memory;

  // The packing says the type: f32 where the processor cannot multiply the constant's own.
  const DType packed_type = type_of(desc) == dnnl::memory::data_type::bf16 ? DType::bf16 : DType::f32;
  const Type type{constant.type().shape, packed_type};
  const Shape& shape = type.shape;
  const std::byte* values = read(constant, packed_type);
  if (view == View::flipped_kernel) {
    flipped_.grow(type.bytes());
    const int64_t taps = shape[2] * shape[3];
    if (type.dtype == DType::f32) {
      flip(reinterpret_cast<const float*>(values), reinterpret_cast<float*>(flipped_.base()), shape[0], shape[1], taps);
    } else {
      flip(reinterpret_cast<const uint16_t*>(values), reinterpret_cast<uint16_t*>(flipped_.base()), shape[0], shape[1],
           taps);
    }
    values = flipped_.base();
  }
  using Tag = dnnl::memory::format_tag;
  const int64_t rows = shape[0], columns = type.count() / rows;
  const auto dtype = dnnl_type(type.dtype);
  const Desc source = view == View::matrix              ? Desc({columns, rows}, dtype, Tag::ba)
                      : view == View::transposed_matrix ? Desc({rows, columns}, dtype, Tag::ab)
                      : view == View::kernel            ? Desc(shape, dtype, Tag::abcd)
                                             : Desc({shape[1], shape[0], shape[2], shape[3]}, dtype, Tag::abcd);
  dnnl::memory plain(source, engine_, const_cast<std::byte*>(values));
  dnnl::memory memory(desc, engine_);
  dnnl::stream stream(engine_);
  dnnl::reorder(plain, memory).execute(stream, plain, memory);
  stream.wait();
  const auto form = packed_.emplace(constant.scope(), Packed{view, desc, memory});
  made(bytes_of(desc), [this, form] { packed_.erase(form); });
  return memory;
}

const uint32_t* WeightStore::panels(const Node& constant, View view, DType dtype) {
  const auto key = std::tuple(constant.scope(), view, dtype);
  dnnl::memory& memory = panels_[key];
  if (!memory) {
    const int64_t rows = constant.type().shape[0], columns = constant.type().count() / rows;
    const std::byte* values = read(constant, dtype);
    const ProductOperand operand = view == View::matrix ? ProductOperand{values, columns, rows, true, columns}
                                                        : ProductOperand{values, rows, columns, false, columns};
    const auto size = static_cast<int64_t>(packed_panel_bytes(dtype, operand.depth, operand.columns));
    memory = dnnl::memory({{size}, dnnl::memory::data_type::u8, dnnl::memory::format_tag::a}, engine_);
    pack_panels(dtype, operand, static_cast<uint32_t*>(memory.get_data_handle()));
    made(static_cast<size_t>(size), [this, key] { panels_.erase(key); });
  }
  return static_cast<const uint32_t*>(memory.get_data_handle());
}

void WeightStore::trim() {
  staging_f32_.clear();
  staging_.clear();
  flipped_.clear();
}

std::shared_ptr<const WinogradWeights> WeightStore::winograd(const Node& constant, DType dtype, bool flipped) {
  std::shared_ptr<const WinogradWeights>& weights = winograd_[{constant.scope(), flipped}];
  if (weights) return weights;
  const Shape& shape = constant.type().shape;
  const int64_t in = flipped ? shape[0] : shape[1], out = flipped ? shape[1] : shape[0];
  weights = std::make_shared<WinogradWeights>(engine_, read_f32(constant), in, out, dtype, flipped);
  made(weights->bytes(), [this, key = std::pair(constant.scope(), flipped)] { winograd_.erase(key); });
  return weights;
}

void WeightStore::made(size_t bytes, std::function<void()> remove) {
  bytes_ += bytes;
  if (!for_guest_) return;
  guests_.push_back([this, bytes, remove = std::move(remove)] {
    remove();
    bytes_ -= bytes;
  });
}

void WeightStore::prepare_for(bool guest) {
  if (!guest) guests_.clear();
  for_guest_ = guest;
}

void WeightStore::release_guests() {
  for (const auto& remove : guests_) remove();
  guests_.clear();
}

void WeightStore::clear() {
  guests_.clear();
  winograd_.clear();
  plain_.clear();
  by_tap_.clear();
  packed_.clear();
  panels_.clear();
  bytes_ = 0;
}

}  // namespace rankine::cpu
