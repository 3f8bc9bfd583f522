#pragma once
#include "network/adapter.h"

namespace rankine::test {

/// A second kind of adapter, for tests: one factor for each output of a layer, W x becomes (1 + s) * W x. The bias
/// stays as it is. As in (IA)^3 (Liu et al. 2022, arXiv:2205.05638); there is no rank.
extern const AdapterKind toy_adapter;

}  // namespace rankine::test
