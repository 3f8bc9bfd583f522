// The instruction sets that kernels are compiled for; include it before any of Highway's headers. On x86 they are plain
// C++ (any machine), SSE4, AVX2 and AVX-512. No machine for training has SSSE3 alone.
#pragma once
#define HWY_DISABLED_TARGETS HWY_SSSE3
