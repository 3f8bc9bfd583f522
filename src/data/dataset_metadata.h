#pragma once
#include <map>
#include <string>

#include "data/dataset_facts.h"

namespace rankine {

/// The `ss_*` metadata about a LoRA's data, as sd-scripts writes them: with a dataset file the details are in
/// ss_datasets, otherwise at the top level (ss_resolution, ss_bucket_info ...). `micro_batches` is the number of
/// batches per optimizer step on all devices together, for ss_total_batch_size. Throws Error for names that are not
/// UTF-8.
std::map<std::string, std::string> dataset_metadata(const DataFacts& facts, int micro_batches);

}  // namespace rankine
