#include "data/bucket_table.h"

#include <iomanip>
#include <sstream>

#include "base/error.h"

namespace rankine {
namespace {

std::string size_text(Size size) { return concat_text(size.width, "x", size.height); }

void write_row(std::ostream& out, const std::string& bucket, int64_t pictures, int64_t drawn, int64_t batches) {
  out << "  " << std::left << std::setw(11) << bucket << std::right << std::setw(10) << pictures << std::setw(15)
      << drawn << std::setw(10) << batches << '\n';
}

void write_dataset(std::ostream& out, const Dataset& dataset, const std::string& name) {
  const DatasetOptions& options = dataset.section.options;
  out << name << ": resolution " << size_text(dataset.bucket_config.resolution) << ", batch size " << options.batch_size
      << (options.enable_bucket ? "" : ", without buckets") << "\n  bucket       pictures   with repeats   batches\n";
  int64_t pictures = 0, drawn = 0;
  for (const Bucket& bucket : dataset.buckets) {
    const auto count = static_cast<int64_t>(bucket.samples.size());
    write_row(out, size_text(bucket.size), count, bucket.count, bucket.batches);
    pictures += count;
    drawn += bucket.count;
  }
  if (dataset.buckets.size() != 1) write_row(out, "all", pictures, drawn, dataset.batches);
}

}  // namespace

std::string bucket_table(const TrainingData& data) {
  std::ostringstream out;
  for (size_t i = 0; i < data.datasets.size(); ++i)
    write_dataset(out, data.datasets[i], data.datasets.size() == 1 ? "dataset" : concat_text("dataset ", i + 1));
  if (data.validation) out << data.validation->samples.size() << " pictures are held out for validation\n";
  return out.str();
}

}  // namespace rankine
