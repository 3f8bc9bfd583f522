#pragma once
#include <cstdint>
#include <type_traits>

#include "base/dtype.h"
#include "base/error.h"

namespace rankine::cpu {

/// Storage of a bfloat16 element inside the kernels: its 16 bits.
using Bf16 = uint16_t;
/// Of a float16 element.
struct F16 {
  uint16_t bits;
};

inline bool is_half(DType dtype) { return dtype == DType::bf16 || dtype == DType::f16; }

/// A contiguous tensor that a kernel reads: f32, bf16 or f16, of any alignment that suits its element type.
struct In {
  const void* data = nullptr;
  DType dtype = DType::f32;

  In() = default;
  In(const void* data_in, DType dtype_in) : data(data_in), dtype(dtype_in) {}
  In(const float* x) : data(x), dtype(DType::f32) {}
  In(const Bf16* x) : data(x), dtype(DType::bf16) {}

  template <class T>
  const T* as() const {
    return static_cast<const T*>(data);
  }
  /// The tensor from element `offset` on.
  In at(int64_t offset) const {
    return {static_cast<const char*>(data) + offset * static_cast<int64_t>(dtype == DType::f32 ? 4 : 2), dtype};
  }
};

/// A contiguous tensor that a kernel writes: f32, bf16 or f16.
struct Out {
  void* data = nullptr;
  DType dtype = DType::f32;

  Out() = default;
  Out(void* data_in, DType dtype_in) : data(data_in), dtype(dtype_in) {}
  Out(float* x) : data(x), dtype(DType::f32) {}
  Out(Bf16* x) : data(x), dtype(DType::bf16) {}

  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
  /// The tensor from element `offset` on.
  Out at(int64_t offset) const {
    return {static_cast<char*>(data) + offset * static_cast<int64_t>(dtype == DType::f32 ? 4 : 2), dtype};
  }
};

/// Throws unless the kernel supports the storage type.
inline void check_storage(const char* kernel, DType dtype) {
  check(dtype == DType::f32 || dtype == DType::bf16 || dtype == DType::f16, kernel,
        ": tensors are f32, bf16 or f16, got ", name_of(dtype));
}

/// The same for kernels around a product: f16 is widened before (KernelContext::stage_operands).
inline void check_product_type(const char* kernel, DType dtype) {
  check(dtype == DType::f32 || dtype == DType::bf16, kernel, ": products are of f32 or bf16, got ", name_of(dtype));
}

/// Throws unless two tensors that a kernel treats alike have the same storage type.
inline void check_same_dtype(const char* kernel, DType a, DType b) {
  check(a == b, kernel, ": expected two tensors of one type, got ", name_of(a), " and ", name_of(b));
}

/// Carries a type as a value, so that a generic lambda can be called with it.
template <class T>
using TypeTag = std::type_identity<T>;

/// Calls body(TypeTag<float, Bf16 or F16>) for a storage type.
template <class Body>
void with_storage(DType dtype, Body body) {
  if (dtype == DType::bf16) {
    body(TypeTag<Bf16>{});
  } else if (dtype == DType::f16) {
    body(TypeTag<F16>{});
  } else {
    body(TypeTag<float>{});
  }
}

/// Calls body(TypeTag<A>, TypeTag<B>) for two storage types. A step computes in bf16 or in f16: where one operand is
/// bf16 and the other f16, it throws, and no kernel is compiled for it.
template <class Body>
void with_storage(DType a, DType b, Body body) {
  with_storage(a, [&]<class A>(TypeTag<A> type_a) {
    with_storage(b, [&]<class B>(TypeTag<B> type_b) {
      if constexpr (std::is_same_v<A, B> || std::is_same_v<A, float> || std::is_same_v<B, float>) {
        body(type_a, type_b);
      } else {
        fail("no kernel takes ", name_of(a), " and ", name_of(b), " at once");
      }
    });
  });
}

}  // namespace rankine::cpu
