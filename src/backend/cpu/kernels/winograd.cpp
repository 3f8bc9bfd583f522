#include "backend/cpu/kernels/winograd.h"

#include <algorithm>
#include <string_view>

#include "backend/cpu/kernels/winograd_products.h"

namespace rankine::cpu {
namespace {

using Tag = dnnl::memory::format_tag;

/// The number of rows that the packing is asked for; other numbers must take what comes.
constexpr int64_t rows_of_packing = 256;

size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

/// Bytes between matrices: multiples of 4096 would put all 16 into the same sets of the first cache.
int64_t staggered(int64_t bytes) { return (bytes + 4095) / 4096 * 4096 + 192; }

bool is_reference(const dnnl::matmul::primitive_desc& desc) {
  return std::string_view(desc.impl_info_str()).starts_with("ref");
}

dnnl::matmul::primitive_desc make_product(const dnnl::engine& engine, int64_t rows, DType dtype, const Desc& weights) {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const auto dims = weights.dims();
  return make_matmul(engine,
                     {{{rows, dims[0]}, dnnl_type(dtype), Tag::ab},
                      weights,
                      Desc(),
                      {{rows, dims[1]}, dnnl::memory::data_type::f32, Tag::ab}},
                     attr);
}

int64_t rows_of_last_part(int64_t tiles, int64_t part) { return tiles % part; }

int64_t part_or_default(const WinogradShape& shape, int64_t part_tiles) {
  return std::min(part_tiles > 0 ? part_tiles : winograd_part_tiles(shape), shape.tiles().count());
}

}  // namespace

dnnl::matmul::primitive_desc winograd_product(const dnnl::engine& engine, int64_t rows, DType dtype,
                                              const Desc& weights) {
  auto desc = make_product(engine, rows, dtype, weights);
  check(!is_reference(desc), "winograd: oneDNN has only its reference loops (", desc.impl_info_str(),
        ") for products of ", dtype, "; take the direct convolution");
  return desc;
}

Desc winograd_packing(const dnnl::engine& engine, int64_t channels_in, int64_t channels_out, DType dtype) {
  const Desc any({channels_in, channels_out}, dnnl_type(dtype), Tag::any);
  return winograd_product(engine, rows_of_packing, dtype, any).weights_desc();
}

bool winograd_supported(const dnnl::engine& engine, int64_t channels_in, int64_t channels_out, DType dtype) {
  try {
    return !is_reference(
        make_product(engine, rows_of_packing, dtype, {{channels_in, channels_out}, dnnl_type(dtype), Tag::any}));
  } catch (const dnnl::error&) {
    return false;
  }
}

size_t winograd_weight_bytes(const dnnl::engine& engine, int64_t channels_in, int64_t channels_out, DType dtype) {
  return winograd_points * bytes_of(winograd_packing(engine, channels_in, channels_out, dtype));
}

size_t winograd_scratch_bytes(const dnnl::engine& engine, const WinogradShape& shape, int64_t part_tiles) {
  const int64_t part = part_or_default(shape, part_tiles);
  const Desc weights = winograd_packing(engine, shape.channels_in, shape.channels_out, shape.dtype);
  size_t scratchpad = 0;
  for (const int64_t rows : {part, rows_of_last_part(shape.tiles().count(), part)}) {
    if (rows == 0) continue;
    scratchpad = std::max(scratchpad, bytes_of(winograd_product(engine, rows, shape.dtype, weights).scratchpad_desc()));
  }
  return WinogradConvolution::Layout(shape, part, scratchpad).bytes;
}

int64_t winograd_part_tiles(const WinogradShape& shape) {
  const int64_t tiles = shape.tiles().count();
  const int64_t parts = (tiles + 511) / 512;
  return (tiles + parts - 1) / parts;
}

WinogradConvolution::Layout::Layout(const WinogradShape& shape, int64_t part_in, size_t scratchpad_bytes)
    : part(part_in),
      tiles_stride(staggered(part * shape.channels_in * static_cast<int64_t>(size_of(shape.dtype)))),
      products_stride(staggered(part * shape.channels_out * static_cast<int64_t>(sizeof(float)))),
      tiles(aligned(scratchpad_bytes)),
      products(tiles + static_cast<size_t>(winograd_points * tiles_stride)),
      bytes(products + static_cast<size_t>(winograd_points * products_stride)) {}

WinogradConvolution::WinogradConvolution(const dnnl::engine& engine, const dnnl::stream& stream,
                                         const WinogradShape& shape, std::shared_ptr<const WinogradWeights> weights,
                                         int64_t part_tiles)
    : shape_(shape),
      stream_(stream),
      weights_(std::move(weights)),
      layout_(shape, part_or_default(shape, part_tiles), 0),
      zeros_(static_cast<size_t>(shape.channels_in) * size_of(shape.dtype)) {
  check(weights_->channels_in() == shape.channels_in && weights_->channels_out() == shape.channels_out &&
            weights_->dtype() == shape.dtype,
        "winograd: weights of ", weights_->channels_in(), " -> ", weights_->channels_out(), " channels, ",
        weights_->dtype(), ", for a convolution of ", shape.channels_in, " -> ", shape.channels_out, ", ", shape.dtype);
  products_.push_back(products_of(engine, layout_.part));
  if (const int64_t last = rows_of_last_part(shape.tiles().count(), layout_.part); last > 0)
    products_.push_back(products_of(engine, last));
  size_t scratchpad = 0;
  for (const Products& p : products_) scratchpad = std::max(scratchpad, bytes_of(p.scratchpad.get_desc()));
  layout_ = Layout(shape, layout_.part, scratchpad);
}

WinogradConvolution::Products WinogradConvolution::products_of(const dnnl::engine& engine, int64_t rows) {
  const auto desc = winograd_product(engine, rows, shape_.dtype, weights_->point(0).get_desc());
  Products products{dnnl::matmul(desc), {}, dnnl::memory(desc.scratchpad_desc(), engine, nullptr)};
  for (int64_t p = 0; p < winograd_points; ++p) {
    Products::Point point{
        {desc.src_desc(), engine, nullptr}, weights_->point(p), {desc.dst_desc(), engine, nullptr}, {}};
    point.arguments = {{DNNL_ARG_SRC, point.tiles.get()},
                       {DNNL_ARG_WEIGHTS, point.weights.get()},
                       {DNNL_ARG_DST, point.products.get()},
                       {DNNL_ARG_SCRATCHPAD, products.scratchpad.get()}};
    products.points.push_back(std::move(point));
  }
  return products;
}

void WinogradConvolution::bind(Products& products, std::byte* scratch) const {
  products.scratchpad.set_data_handle(scratch);
  for (size_t p = 0; p < products.points.size(); ++p) {
    products.points[p].tiles.set_data_handle(scratch + layout_.tiles + p * static_cast<size_t>(layout_.tiles_stride));
    products.points[p].products.set_data_handle(scratch + layout_.products +
                                                p * static_cast<size_t>(layout_.products_stride));
  }
}

void WinogradConvolution::multiply(const Products& products) const {
  for (const Products::Point& point : products.points) {
    const dnnl_status_t status = dnnl_primitive_execute(
        products.matmul.get(), stream_.get(), static_cast<int>(point.arguments.size()), point.arguments.data());
    check(status == dnnl_success, "winograd: oneDNN failed with status ", static_cast<int>(status));
  }
}

void WinogradConvolution::run(In x, const float* bias, In residual, Out y, void* scratch) {
  check_same_dtype("winograd", x.dtype, shape_.dtype);
  check_same_dtype("winograd", y.dtype, shape_.dtype);
  std::byte* const base = static_cast<std::byte*>(scratch);
  if (scratch != bound_) {
    for (Products& products : products_) bind(products, base);
    bound_ = scratch;
  }
  const WinogradTiles tiles = shape_.tiles();
  const int64_t element = static_cast<int64_t>(size_of(shape_.dtype));
  for (int64_t begin = 0; begin < tiles.count(); begin += layout_.part) {
    const int64_t end = std::min(begin + layout_.part, tiles.count());
    winograd_transform_input(tiles, begin, end, x, shape_.channels_in, zeros_.data(),
                             {base + layout_.tiles, shape_.dtype}, layout_.tiles_stride / element);
    multiply(end - begin == layout_.part ? products_.front() : products_.back());
    winograd_transform_output(tiles, begin, end, reinterpret_cast<const float*>(base + layout_.products),
                              layout_.products_stride / static_cast<int64_t>(sizeof(float)), shape_.channels_out, bias,
                              residual, y);
  }
}

}  // namespace rankine::cpu
