#pragma once
#include <span>
#include <string_view>

#include "io/npz.h"

namespace rankine {

/// The array in which our cache files record their sources, one property a line. Other programs ignore it.
inline constexpr const char* kProvenance = "rankine_provenance";

/// A line of such a record: the word that begins it, and the reason to give if a file differs in it.
struct ProvenanceLine {
  std::string_view name;
  const char* reason;
};

/// Throws Error with the reason of the first of `lines` in which a file's record differs from `here`.
void check_provenance(const NpyArray& recorded, std::string_view here, std::span<const ProvenanceLine> lines);

}  // namespace rankine
