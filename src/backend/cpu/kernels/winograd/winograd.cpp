#include "backend/cpu/kernels/winograd/winograd.h"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <string_view>

#include "backend/cpu/kernels/winograd/winograd_products.h"

namespace rankine::cpu {
namespace {

using Tag = dnnl::memory::format_tag;

/// The number of rows that the packing is chosen for; other numbers must use the same packing.
constexpr int64_t rows_of_packing = 256;

size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

/// Bytes between matrices: multiples of 4096 would put all 16 into the same sets of the first cache.
int64_t staggered(int64_t bytes) { return (bytes + 4095) / 4096 * 4096 + 192; }

bool is_reference(const dnnl::matmul::primitive_desc& desc) {
  return std::string_view(desc.impl_info_str()).starts_with("ref");
}

/// oneDNN cuts a primitive for the threads that OpenMP has when it is described. Ours are for one thread each.
class OneThread {
 public:
  OneThread() { omp_set_num_threads(1); }
  ~OneThread() { omp_set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_ = omp_get_max_threads();
};

dnnl::matmul::primitive_desc make_product(const dnnl::engine& engine, int64_t rows, DType dtype, const Desc& weights) {
  const OneThread one;
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

size_t scratchpad_bytes(const dnnl::matmul::primitive_desc& desc) { return aligned(bytes_of(desc.scratchpad_desc())); }

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

size_t winograd_scratch_bytes(const dnnl::engine& engine, const WinogradShape& shape) {
  const int threads = omp_get_max_threads();
  const WinogradCut cut = winograd_cut(shape, threads);
  const Desc weights = winograd_packing(engine, shape.channels_in, shape.channels_out, shape.dtype);
  size_t scratchpad = 0;
  for (const int64_t rows : {cut.block_tiles, shape.tiles().count() % cut.block_tiles}) {
    if (rows == 0) continue;
    scratchpad = std::max(scratchpad, scratchpad_bytes(winograd_product(engine, rows, shape.dtype, weights)));
  }
  return WinogradConvolution::Layout(shape, cut, scratchpad * static_cast<size_t>(threads)).bytes;
}

WinogradCut winograd_cut(const WinogradShape& shape, int threads) {
  // Times are flat from 64 to 512 tiles a block (2 cores of an EPYC, 320@64 to 1280@8); a part of 256 tiles of 320
  // channels takes 8 MB, of 1280 channels 31 MB.
  constexpr int64_t most = 256, least = 32;
  const int64_t tiles = shape.tiles().count();
  // A part has 16 products a block: two for each thread, so that none waits long for the last one.
  const int64_t wanted = (2 * threads + winograd_points - 1) / winograd_points;
  int64_t blocks = std::max((tiles + most - 1) / most, std::min(wanted, (tiles + least - 1) / least));
  const int64_t block = (tiles + blocks - 1) / blocks;
  blocks = (tiles + block - 1) / block;
  return {block, std::min(wanted, blocks)};
}

WinogradConvolution::Layout::Layout(const WinogradShape& shape, WinogradCut cut, size_t scratchpad_bytes)
    : tiles_stride(staggered(cut.part_tiles() * shape.channels_in * static_cast<int64_t>(size_of(shape.dtype)))),
      products_stride(staggered(cut.part_tiles() * shape.channels_out * static_cast<int64_t>(sizeof(float)))),
      tiles(scratchpad_bytes),
      products(tiles + static_cast<size_t>(winograd_points * tiles_stride)),
      bytes(products + static_cast<size_t>(winograd_points * products_stride)) {}

WinogradConvolution::WinogradConvolution(const dnnl::engine& engine, const dnnl::stream& stream,
                                         const WinogradShape& shape, std::shared_ptr<const WinogradWeights> weights)
    : WinogradConvolution(engine, stream, shape, std::move(weights), winograd_cut(shape, omp_get_max_threads())) {}

WinogradConvolution::WinogradConvolution(const dnnl::engine& engine, const dnnl::stream& stream,
                                         const WinogradShape& shape, std::shared_ptr<const WinogradWeights> weights,
                                         WinogradCut cut)
    : shape_(shape),
      cut_(cut),
      stream_(stream),
      weights_(std::move(weights)),
      layout_(shape, cut, 0),
      zeros_(static_cast<size_t>(shape.channels_in) * size_of(shape.dtype)) {
  check(weights_->channels_in() == shape.channels_in && weights_->channels_out() == shape.channels_out &&
            weights_->dtype() == shape.dtype,
        "winograd: weights of ", weights_->channels_in(), " -> ", weights_->channels_out(), " channels, ",
        weights_->dtype(), ", for a convolution of ", shape.channels_in, " -> ", shape.channels_out, ", ", shape.dtype);
  const int threads = omp_get_max_threads();
  const OneThread one;  // for the primitives too: oneDNN's cache tells them apart by the number of threads
  const Desc packed = weights_->point(0).get_desc();
  const int64_t tiles = shape.tiles().count(), last_rows = tiles % cut.block_tiles;
  if (tiles >= cut.block_tiles) {
    const auto desc = winograd_product(engine, cut.block_tiles, shape.dtype, packed);
    scratchpad_bytes_ = scratchpad_bytes(desc);
    whole_block_ = std::make_unique<dnnl::matmul>(desc);
    const int64_t last_blocks = tiles % cut.part_tiles() / cut.block_tiles;
    if (tiles >= cut.part_tiles())
      for (int64_t b = 0; b < cut.part_blocks; ++b) add_products(engine, *whole_block_, desc, b, whole_part_);
    for (int64_t b = 0; b < last_blocks; ++b) add_products(engine, *whole_block_, desc, b, last_part_);
  }
  if (last_rows > 0) {
    const auto desc = winograd_product(engine, last_rows, shape.dtype, packed);
    scratchpad_bytes_ = std::max(scratchpad_bytes_, scratchpad_bytes(desc));
    last_block_ = std::make_unique<dnnl::matmul>(desc);
    add_products(engine, *last_block_, desc, tiles % cut.part_tiles() / cut.block_tiles, last_part_);
  }
  const Desc bytes({static_cast<int64_t>(scratchpad_bytes_)}, dnnl::memory::data_type::u8, Tag::a);
  for (int i = 0; i < threads; ++i) scratchpads_.emplace_back(bytes, engine, nullptr);
  layout_ = Layout(shape, cut, scratchpad_bytes_ * static_cast<size_t>(threads));
}

void WinogradConvolution::add_products(const dnnl::engine& engine, const dnnl::matmul& matmul,
                                       const dnnl::matmul::primitive_desc& desc, int64_t block,
                                       std::vector<Product>& to) {
  for (int64_t p = 0; p < winograd_points; ++p)
    to.push_back({&matmul,
                  {desc.src_desc(), engine, nullptr},
                  weights_->point(p),
                  {desc.dst_desc(), engine, nullptr},
                  p,
                  block * cut_.block_tiles});
}

void WinogradConvolution::bind(std::byte* scratch) {
  for (size_t i = 0; i < scratchpads_.size(); ++i) scratchpads_[i].set_data_handle(scratch + i * scratchpad_bytes_);
  const int64_t tile_bytes = shape_.channels_in * static_cast<int64_t>(size_of(shape_.dtype));
  const int64_t product_bytes = shape_.channels_out * static_cast<int64_t>(sizeof(float));
  for (std::vector<Product>* part : {&whole_part_, &last_part_}) {
    for (Product& p : *part) {
      p.tiles.set_data_handle(scratch + layout_.tiles + p.point * layout_.tiles_stride + p.first_row * tile_bytes);
      p.products.set_data_handle(scratch + layout_.products + p.point * layout_.products_stride +
                                 p.first_row * product_bytes);
    }
  }
}

void WinogradConvolution::multiply(const std::vector<Product>& products) const {
  std::atomic<dnnl_status_t> failure = dnnl_success;
#pragma omp parallel for schedule(dynamic) num_threads(static_cast <int>(scratchpads_.size()))
  for (const Product& p : products) {
    const dnnl_exec_arg_t arguments[] = {
        {DNNL_ARG_SRC, p.tiles.get()},
        {DNNL_ARG_WEIGHTS, p.weights.get()},
        {DNNL_ARG_DST, p.products.get()},
        {DNNL_ARG_SCRATCHPAD, scratchpads_[static_cast<size_t>(omp_get_thread_num())].get()}};
    const dnnl_status_t status = dnnl_primitive_execute(p.matmul->get(), stream_.get(), 4, arguments);
    if (status != dnnl_success) failure = status;
  }
  check(failure == dnnl_success, "winograd: oneDNN failed with status ", static_cast<int>(failure.load()));
}

void WinogradConvolution::run(In x, const float* bias, In residual, Out y, void* scratch) {
  check_same_dtype("winograd", x.dtype, shape_.dtype);
  check_same_dtype("winograd", y.dtype, shape_.dtype);
  std::byte* const base = static_cast<std::byte*>(scratch);
  if (scratch != bound_) {
    bind(base);
    bound_ = scratch;
  }
  const WinogradTiles tiles = shape_.tiles();
  const int64_t element = static_cast<int64_t>(size_of(shape_.dtype));
  for (int64_t begin = 0; begin < tiles.count(); begin += cut_.part_tiles()) {
    const int64_t end = std::min(begin + cut_.part_tiles(), tiles.count());
    winograd_transform_input(tiles, begin, end, x, shape_.channels_in, zeros_.data(),
                             {base + layout_.tiles, shape_.dtype}, layout_.tiles_stride / element);
    multiply(end - begin == cut_.part_tiles() ? whole_part_ : last_part_);
    winograd_transform_output(tiles, begin, end, reinterpret_cast<const float*>(base + layout_.products),
                              layout_.products_stride / static_cast<int64_t>(sizeof(float)), shape_.channels_out, bias,
                              residual, y);
  }
}

}  // namespace rankine::cpu
