#pragma once
#include <string>
#include <vector>

namespace rankine {

/// A key of a dataset file, for the documentation.
struct DatasetKeyInfo {
  std::string where;  ///< "general, dataset, subset"
  std::string name;
  std::string takes;  ///< "int or [int, int]"
  std::string meaning;
  std::string supported;  ///< "yes", "no effect: ...", "not yet ..."
};

/// Every key of sd-scripts' dataset files, in the order of its documentation.
std::vector<DatasetKeyInfo> dataset_keys();

}  // namespace rankine
