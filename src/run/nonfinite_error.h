#pragma once
#include "base/error.h"

namespace rankine {

/// A loss, a gradient or a weight that was to be saved is not finite. No weight was changed by it.
class NonFiniteError : public Error {
 public:
  using Error::Error;
};

}  // namespace rankine
