// The sanitizer build only: eight readable bytes behind every object of operator new. oneDNN 2.6's AMX kernels, while
// they are generated, read one element past a vector and drop it (jit_brgemm_amx_uker.cpp, skipped_bd_mask). The
// system's allocator always has memory there; AddressSanitizer's has none at the end of what it mapped, about once in a
// thousand. Our own code may not use these bytes: they are poisoned, so its reads past the end are found as before.
#include <sanitizer/asan_interface.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace {
constexpr std::size_t kMargin = 8;
}

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  void* memory = size <= PTRDIFF_MAX - kMargin ? std::malloc(size + kMargin) : nullptr;
  if (memory != nullptr) ASAN_POISON_MEMORY_REGION(static_cast<std::byte*>(memory) + size, kMargin);
  return memory;
}

void* operator new(std::size_t size) {
  if (void* memory = operator new(size, std::nothrow)) return memory;
  throw std::bad_alloc();
}

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
