// Tiles of attention and the products over them, compiled once for each instruction set. Included after
// hwy/foreach_target.h, hence the toggled guard.
#if defined(RANKINE_CPU_KERNELS_ATTENTION_PRODUCTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RANKINE_CPU_KERNELS_ATTENTION_PRODUCTS_INL_H_
#undef RANKINE_CPU_KERNELS_ATTENTION_PRODUCTS_INL_H_
#else
#define RANKINE_CPU_KERNELS_ATTENTION_PRODUCTS_INL_H_
#endif

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "backend/cpu/kernels/attention/attention_isa.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace rankine {
namespace HWY_NAMESPACE {
namespace {
// NOLINTBEGIN(misc-definitions-in-headers): of one file, and once for each instruction set

namespace hn = hwy::HWY_NAMESPACE;

// Lanes are queries: scores are held as S^T [key][queries], so that maxima and sums over keys need no step across lanes
// and a tile of fewer keys has fewer rows. A tile's queries are processed in panels, each as wide as a register tile,
// so that a panel's scores stay in the first-level cache.
using Floats = hn::CappedTag<float, 16>;
using Vec = hn::Vec<Floats>;
constexpr int64_t kLanes = hn::MaxLanes(Floats());
constexpr int64_t kTile = kAttentionTile;

// Register tiles: rows x vectors sums must leave room for the operands. AVX-512 and NEON have 32 registers, the
// others 16.
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON
constexpr int kPanelVectors = 4;
constexpr int kMaxVectors = 4;
#elif HWY_TARGET == HWY_AVX2
constexpr int kPanelVectors = 2;
constexpr int kMaxVectors = 3;  // beside four rows only; a head of 40 is five vectors, and one of them alone is slow
#else
constexpr int kPanelVectors = 2;
constexpr int kMaxVectors = 2;
#endif
constexpr int kMaxRows = 6;
constexpr int max_rows(int vectors) { return vectors > kPanelVectors ? 4 : kMaxRows; }

constexpr int64_t kPanel = kPanelVectors * kLanes;
/// Elements from a key to the next in a tile of scores: no power of two, or the rows of a panel would share few sets of
/// the first-level cache.
constexpr int64_t kScoreRow = kTile + 16;

/// c[i][0..kVectors) (+)= sum over p < depth of a[i * kRow + p * kStep] * b[p][0..kVectors), for i < kRows.
template <int kRows, int kVectors, int64_t kRow, int64_t kStep>
HWY_INLINE void register_tile(int64_t depth, const float* a, const float* b, int64_t b_row, float* c, int64_t c_row,
                              bool add) {
  const Floats d;
  Vec sum[kRows][kVectors];
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; ++j) sum[i][j] = add ? hn::Load(d, c + i * c_row + j * kLanes) : hn::Zero(d);
  }
  const auto add_product = [&](const float* left, const float* right) HWY_ATTR {
    Vec vectors[kVectors];
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; ++j) vectors[j] = hn::Load(d, right + j * kLanes);
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) {
      const Vec scalar = hn::Set(d, left[i * kRow]);
#pragma GCC unroll 8
      for (int j = 0; j < kVectors; ++j) sum[i][j] = hn::MulAdd(scalar, vectors[j], sum[i][j]);
    }
  };
  int64_t p = 0;
  for (; p + 2 <= depth; p += 2, a += 2 * kStep, b += 2 * b_row) {  // with four at a time GCC 12 spills a sum
    add_product(a, b);
    add_product(a + kStep, b + b_row);
  }
  if (p < depth) add_product(a, b);
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; ++j) hn::Store(sum[i][j], d, c + i * c_row + j * kLanes);
  }
}

/// `total` split into `count` groups of nearly the same size, at most `most`, so that no thin one is left at the end:
/// the first `larger` have size + 1, the others size.
struct Groups {
  int64_t count, size, larger;
  Groups(int64_t total, int64_t most)
      : count((total + most - 1) / most), size(total / count), larger(total - size * count) {}
};

/// Calls body(std::integral_constant<int, rows>) for rows in [1, kMaxRows].
template <class Body>
HWY_INLINE void with_rows(int64_t rows, const Body& body) {
  switch (rows) {
    case 6:
      return body(std::integral_constant<int, 6>());
    case 5:
      return body(std::integral_constant<int, 5>());
    case 4:
      return body(std::integral_constant<int, 4>());
    case 3:
      return body(std::integral_constant<int, 3>());
    case 2:
      return body(std::integral_constant<int, 2>());
    default:
      return body(std::integral_constant<int, 1>());
  }
}

/// Calls tile(std::integral_constant<int, size>, first) for each group of `rows`.
template <class Tile>
HWY_INLINE void for_row_groups(int64_t rows, int64_t most, const Tile& tile) {
  const Groups groups(rows, most);
  int64_t first = 0;
  if (groups.larger > 0) {
    with_rows(groups.size + 1, [&](auto size) HWY_ATTR {
      for (int64_t g = 0; g < groups.larger; ++g, first += size) tile(size, first);
    });
  }
  with_rows(groups.size, [&](auto size) HWY_ATTR {
    for (; first < rows; first += size) tile(size, first);
  });
}

// The left operand of multiply_panel, [rows][depth], is packed in groups of rows, each as [depth][rows of the group]:
// every panel reads it from one end to the other.

/// Packs the rows of `from`, at `stride`.
void pack_rows(int64_t rows, int64_t depth, const float* from, int64_t stride, float* to) {
  for_row_groups(rows, kMaxRows, [&](auto size, int64_t first) HWY_ATTR {
    const float* in = from + first * stride;
    float* out = to + first * depth;
    for (int64_t p = 0; p < depth; ++p, ++in, out += size)
      for (int i = 0; i < size; ++i) out[i] = in[i * stride];
  });
}

/// Packs the columns of `from` [depth][rows], at `stride`.
void pack_columns(int64_t rows, int64_t depth, const float* from, int64_t stride, float* to) {
  for_row_groups(rows, kMaxRows, [&](auto size, int64_t first) HWY_ATTR {
    const float* in = from + first;
    float* out = to + first * depth;
    for (int64_t p = 0; p < depth; ++p, in += stride, out += size) std::memcpy(out, in, size * sizeof(float));
  });
}

/// c [rows][kPanel] = (add ? c : 0) + a [rows][depth] * b [depth][kPanel], where `a` is packed.
void multiply_panel(int64_t rows, int64_t depth, const float* a, const float* b, int64_t b_row, float* c, int64_t c_row,
                    bool add) {
  for_row_groups(rows, kMaxRows, [&](auto size, int64_t first) HWY_ATTR {
    register_tile<size, kPanelVectors, 1, size>(depth, a + first * depth, b, b_row, c + first * c_row, c_row, add);
  });
}

template <int kVectors>
void multiply_columns(int64_t rows, int64_t depth, const float* a, const float* b, int64_t b_row, float* c,
                      int64_t c_row) {
  for_row_groups(rows, max_rows(kVectors), [&](auto size, int64_t first) HWY_ATTR {
    if constexpr (size <= max_rows(kVectors))
      register_tile<size, kVectors, kScoreRow, 1>(depth, a + first * kScoreRow, b, b_row, c + first * c_row, c_row,
                                                  /*add=*/true);
  });
}

/// c [rows][columns] += a [rows][depth] * b [depth][columns], where `a` is a tile of scores; columns are whole vectors.
void multiply_scores(int64_t rows, int64_t columns, int64_t depth, const float* a, const float* b, int64_t b_row,
                     float* c, int64_t c_row) {
  const Groups groups(columns / kLanes, kMaxVectors);
  for (int64_t g = 0; g < groups.count; ++g) {
    const int64_t vectors = groups.size + (g < groups.larger ? 1 : 0);
    switch (vectors) {
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON
      case 4:
        multiply_columns<4>(rows, depth, a, b, b_row, c, c_row);
        break;
#endif
      case 3:
        multiply_columns<3>(rows, depth, a, b, b_row, c, c_row);
        break;
      case 2:
        multiply_columns<2>(rows, depth, a, b, b_row, c, c_row);
        break;
      default:
        multiply_columns<1>(rows, depth, a, b, b_row, c, c_row);
        break;
    }
    b += vectors * kLanes;
    c += vectors * kLanes;
  }
}

// NOLINTEND(misc-definitions-in-headers)
}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace rankine
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
