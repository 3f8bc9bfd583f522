#pragma once
#include <dnnl.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "backend/backend.h"
#include "backend/cpu/arena.h"
#include "backend/cpu/dnnl_compat.h"
#include "backend/cpu/kernels/winograd/winograd.h"
#include "backend/cpu/pool.h"

namespace rankine::cpu {

/// Copies of the frozen weights in the forms that kernels ask for: plain, or packed for one direction. Each form is
/// read from the source once and shared by all programs of a session.
class WeightStore {
 public:
  WeightStore(ConstantSource& source, const dnnl::engine& engine) : source_(source), engine_(engine) {}

  /// The tensor in the checkpoint's element order and the constant's type.
  const void* plain(const Node& constant);

  /// The tensor in its mapped file. Throws Error if it lies in none.
  StoredTensor in_file(const Node& constant) const;
  /// Drops the pages of the tensor's file. They are read again when they are touched.
  void release_file(const Node& constant) const { source_.release(constant.scope()); }

  /// The kernels of a convolution by tap, [kh * kw, O, C]. Each tap is a dense matrix that is quickly packed for either
  /// direction.
  const void* by_tap(const Node& constant);

  /// The order of the plain tensor's elements before they are packed.
  enum class View {
    matrix,             ///< [N, K] as a [K, N] operand: y = x w^T
    transposed_matrix,  ///< [N, K] as it stands: dx = dy w
    kernel,             ///< [O, C, kh, kw]
    flipped_kernel,     ///< [C, O, kh, kw], taps reversed: the gradient of a stride-1 convolution is a convolution
  };
  /// The constant as `view` orders it, packed into the layout `desc`.
  dnnl::memory packed(const Node& constant, View view, const Desc& desc);

  /// A matrix in the panels of kernels/linear/linear.h, for products of `dtype`.
  const uint32_t* panels(const Node& constant, View view, DType dtype);

  /// The kernels of a 3x3 convolution, transformed by Winograd's algorithm and packed for one direction.
  std::shared_ptr<const WinogradWeights> winograd(const Node& constant, DType dtype, bool flipped);

  size_t bytes() const { return bytes_; }
  void clear();
  /// Says whether the program that is prepared next is temporary. Copies made for a temporary program are freed by
  /// release_temporary(), unless a lasting program uses them too.
  void prepare_for(bool temporary);
  void release_temporary();
  /// Frees the buffers of reading. Called when a program is prepared.
  void trim();

 private:
  struct Packed {
    View view;
    Desc desc;
    dnnl::memory memory;
  };
  /// The tensor as f32, or as `dtype` (f32, bf16 or f16), in memory that the next call reuses.
  std::span<const float> read_f32(const Node& constant);
  const std::byte* read(const Node& constant, DType dtype);
  void read_into(const Node& constant, DType dtype, std::byte* to);
  /// Counts a new copy; `forget` removes it from its table.
  void made(size_t bytes, std::function<void()> forget);

  ConstantSource& source_;
  const dnnl::engine& engine_;
  Pool pool_;                                 // every form's memory
  Arena staging_f32_, staging_, rearranged_;  // reused for every tensor: new pages cost more than the copy
  std::map<std::string, const std::byte*, std::less<>> plain_, by_tap_;
  std::multimap<std::string, Packed, std::less<>> packed_;
  std::map<std::pair<std::string, bool>, std::shared_ptr<const WinogradWeights>> winograd_;
  std::map<std::tuple<std::string, View, DType>, const uint32_t*> panels_;
  size_t bytes_ = 0;
  bool for_temporary_ = false;
  std::vector<std::function<void()>> temporary_forms_;  // each removes a copy
  size_t before_temporary_ = 0;                         // the pool's used()
};

}  // namespace rankine::cpu
