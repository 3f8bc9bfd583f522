// Included before any of Highway's headers: which instruction sets the kernels are compiled for.
// What stays on x86 is plain C++ (any machine), SSE4, AVX2 and AVX-512. SSSE3 alone is on no machine one trains on.
#pragma once
#define HWY_DISABLED_TARGETS HWY_SSSE3
