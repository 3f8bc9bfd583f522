#pragma once
#include <dnnl.hpp>
#include <memory>
#include <span>
#include <vector>

#include "backend/cpu/kernels/winograd/winograd_transform.h"
#include "backend/cpu/pool.h"

namespace rankine::cpu {

/// A 3x3 convolution of stride 1 and padding 1. x: [images, height, width, channels_in], y the same with channels_out,
/// both of type `dtype` (f32 or bf16).
struct WinogradShape {
  int64_t images = 1, height = 1, width = 1;
  int64_t channels_in = 1, channels_out = 1;
  DType dtype = DType::bf16;
  WinogradTiles tiles() const { return {images, height, width}; }
};

/// True if oneDNN has fast products of this type on this machine (bf16 needs AVX-512).
bool winograd_supported(const dnnl::engine& engine, int64_t channels_in, int64_t channels_out, DType dtype);
/// The bytes of WinogradWeights.
size_t winograd_weight_bytes(const dnnl::engine& engine, int64_t channels_in, int64_t channels_out, DType dtype);

/// The cut of a convolution's tiles. A block is the rows of one product, which one thread computes. A part goes through
/// the three stages together: it has few enough tiles that the data between the stages stays in cache.
struct WinogradCut {
  int64_t block_tiles = 0, part_blocks = 1;
  int64_t part_tiles() const { return block_tiles * part_blocks; }
};
WinogradCut winograd_cut(const WinogradShape& shape, int threads);
/// The working memory of WinogradConvolution::run.
size_t winograd_scratch_bytes(const dnnl::engine& engine, const WinogradShape& shape);

/// The kernels of one convolution, transformed (U = G g G^T, 16 matrices [channels_in, channels_out]) and packed as
/// oneDNN likes them. The packing does not depend on a picture's size: one object serves every program.
class WinogradWeights {
 public:
  /// w: the checkpoint's kernels. Plain: [channels_out, channels_in, 3, 3]. Flipped: [channels_in, channels_out, 3, 3],
  /// the kernels of the forward convolution whose input gradient this convolution is. They are kept in `pool`, which
  /// must outlive them; `working` is for the transform. Throws Error when oneDNN has only its reference loops.
  WinogradWeights(const dnnl::engine& engine, std::span<const float> w, int64_t channels_in, int64_t channels_out,
                  DType dtype, bool flipped, Pool& pool, Arena& working);

  int64_t channels_in() const { return channels_in_; }
  int64_t channels_out() const { return channels_out_; }
  DType dtype() const { return dtype_; }
  /// The matrix of transformed point 4 i + j.
  const dnnl::memory& point(int64_t p) const { return points_[static_cast<size_t>(p)]; }
  size_t bytes() const;

 private:
  int64_t channels_in_, channels_out_;
  DType dtype_;
  std::vector<dnnl::memory> points_;
};

/// Winograd's F(2x2, 3x3) (Lavin & Gray 2015, arXiv:1509.09308): 16 multiplications for each 4 outputs instead of 36.
/// Operands of the products are rounded to `dtype`; products and both transforms are f32. The 16 products of a part are
/// spread over the threads whole, not each cut over all threads: one barrier instead of 16.
class WinogradConvolution {
 public:
  /// Prepares everything for OpenMP's present number of threads; run() allocates nothing.
  WinogradConvolution(const dnnl::engine& engine, const dnnl::stream& stream, const WinogradShape& shape,
                      std::shared_ptr<const WinogradWeights> weights);
  WinogradConvolution(const dnnl::engine& engine, const dnnl::stream& stream, const WinogradShape& shape,
                      std::shared_ptr<const WinogradWeights> weights, WinogradCut cut);

  size_t scratch_bytes() const { return layout_.bytes; }
  /// y = convolution(x) + bias + residual. bias: f32 [channels_out] or null. residual: of y's shape and type, its data
  /// null for none; it may be y. scratch: scratch_bytes(), 64-byte aligned. Not for two threads at once.
  void run(In x, const float* bias, In residual, Out y, void* scratch);

 private:
  friend size_t winograd_scratch_bytes(const dnnl::engine&, const WinogradShape&);

  /// Byte offsets in the working memory: each thread's scratchpad, 16 matrices of tiles, 16 of products.
  struct Layout {
    int64_t tiles_stride, products_stride;  // between matrices
    size_t tiles, products, bytes;
    Layout(const WinogradShape& shape, WinogradCut cut, size_t scratchpad_bytes);
  };
  /// One block's product with one point's weights.
  struct Product {
    const dnnl::matmul* matmul;
    dnnl::memory tiles, weights, products;
    int64_t point, first_row;  // in the part
  };

  void add_products(const dnnl::engine& engine, const dnnl::matmul& matmul, const dnnl::matmul::primitive_desc& desc,
                    int64_t block, std::vector<Product>& to);
  void bind(std::byte* scratch);
  void multiply(const std::vector<Product>& products) const;

  WinogradShape shape_;
  WinogradCut cut_;
  dnnl::stream stream_;
  std::shared_ptr<const WinogradWeights> weights_;
  std::unique_ptr<dnnl::matmul> whole_block_, last_block_;
  std::vector<Product> whole_part_, last_part_;
  std::vector<dnnl::memory> scratchpads_;  // one a thread
  size_t scratchpad_bytes_ = 0;            // of one thread
  Layout layout_;
  std::vector<std::byte> zeros_;  // a pixel outside the picture
  void* bound_ = nullptr;
};

}  // namespace rankine::cpu
