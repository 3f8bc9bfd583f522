#include "backend/cpu/kernels/shape/rows.h"

#include "backend/cpu/kernels/shape/taps.h"
#include "backend/cpu/kernels/shape/upsample.h"
#include "backend/cpu/kernels/support.h"

namespace rankine::cpu::test {
namespace {

TEST_CASE("two tensors are joined along the last axis and cut apart again") {
  const int64_t rows = 700;
  const Buffer a = Buffer::random(DType::bf16, rows * 33, 1), b = Buffer::random(DType::bf16, rows * 64, 2);
  Buffer joined(DType::bf16, rows * 97), again(DType::bf16, rows * 64);
  copy_rows(a.in().data, 66, joined.out().data, 194, 66, rows);
  copy_rows(b.in().data, 128, joined.out().at(33).data, 194, 128, rows);
  std::vector<double> wanted;
  for (int64_t i = 0; i < joined.count(); ++i) {
    wanted.push_back(i % 97 < 33 ? a.get(i / 97 * 33 + i % 97) : b.get(i / 97 * 64 + i % 97 - 33));
  }
  check_close(joined, wanted, 0.0);
  copy_rows(joined.in().at(33).data, 194, again.out().data, 128, 128, rows);
  CHECK(again == b);
}

TEST_CASE("rows are gathered by id, and their gradients added to the table, repeated ids in order") {
  for_each_target([] {
    const std::vector<int32_t> ids = {4, 0, 4, 2, 4};
    const std::vector<int64_t> long_ids(ids.begin(), ids.end());
    for (const int64_t channels : {1, 7, 33, 300}) {
      for (const DType type : storages) {
        const Buffer table = Buffer::random(type, 5 * channels, 1), dy = Buffer::random(type, 5 * channels, 2);
        Buffer y(type, 5 * channels), long_y = y, dtable(DType::f32, 5 * channels), long_dtable = dtable;
        std::vector<double> wanted, wanted_dtable(static_cast<size_t>(5 * channels), 0.0);
        for (int64_t i = 0; i < 5 * channels; ++i) {
          const int64_t from = ids[static_cast<size_t>(i / channels)] * channels + i % channels;
          wanted.push_back(table.get(from));
          wanted_dtable[static_cast<size_t>(from)] += dy.get(i);
          dtable.set(i, 0);
          long_dtable.set(i, 0);
        }
        const int64_t row_bytes = channels * static_cast<int64_t>(size_of(type));
        gather_rows(table.in().data, 5, ids.data(), y.out().data, row_bytes, 5);
        gather_rows(table.in().data, 5, long_ids.data(), long_y.out().data, row_bytes, 5);
        check_close(y, wanted, 1e-7);
        CHECK(long_y == y);
        scatter_add_rows(dy.in(), ids.data(), dtable.f32(), 5, channels, 5);
        scatter_add_rows(dy.in(), long_ids.data(), long_dtable.f32(), 5, channels, 5);
        check_close(dtable, wanted_dtable);
        CHECK(long_dtable == dtable);
      }
    }
  });
}

TEST_CASE("an id outside the table is refused before anything is read") {
  float table[4] = {}, y[4] = {};
  for (const int32_t id : {-1, 2}) {
    CHECK_THROWS_AS(gather_rows(table, 2, &id, y, 8, 1), Error);
    CHECK_THROWS_AS(scatter_add_rows(y, &id, table, 2, 2, 1), Error);
  }
}

TEST_CASE("the timestep embedding is cosines, then sines, of geometric frequencies") {
  const std::vector<float> t = {0.0f, 1.0f, 37.0f, 999.0f};
  Buffer y(DType::f32, 4 * 321);
  timestep_embedding(t.data(), y.f32(), 4, 321);
  std::vector<double> wanted;
  for (const float step : t) {
    for (int i = 0; i < 160; ++i) wanted.push_back(std::cos(step * std::pow(10000.0, -i / 160.0)));
    for (int i = 0; i < 160; ++i) wanted.push_back(std::sin(step * std::pow(10000.0, -i / 160.0)));
    wanted.push_back(0.0);
  }
  check_close(y, wanted, 2e-4);  // f32 angles up to 999
}

TEST_CASE("nearest upsampling copies pixels, and its gradient adds them up, for even and uneven factors") {
  for_each_target([] {
    for (const UpsampleShape& s :
         {UpsampleShape{2, 3, 4, 6, 8, 33}, UpsampleShape{1, 3, 5, 7, 9, 64}, UpsampleShape{1, 5, 7, 5, 13, 3},
          UpsampleShape{1, 8, 8, 16, 16, 320}, UpsampleShape{1, 6, 4, 3, 3, 10}}) {
      for (const DType type : storages) {
        const Buffer x = Buffer::random(type, s.samples * s.height_in * s.width_in * s.channels, 1);
        const Buffer dy = Buffer::random(type, s.samples * s.height_out * s.width_out * s.channels, 2);
        std::vector<double> wanted, wanted_dx(static_cast<size_t>(x.count()), 0.0);
        for (int64_t i = 0; i < dy.count(); ++i) {
          const int64_t c = i % s.channels, w = i / s.channels % s.width_out;
          const int64_t h = i / s.channels / s.width_out % s.height_out;
          const int64_t n = i / s.channels / s.width_out / s.height_out;
          const int64_t h_in = h * s.height_in / s.height_out, w_in = w * s.width_in / s.width_out;
          const int64_t from = ((n * s.height_in + h_in) * s.width_in + w_in) * s.channels + c;
          wanted.push_back(x.get(from));
          wanted_dx[static_cast<size_t>(from)] += dy.get(i);
        }
        Buffer y(type, dy.count()), dx(type, x.count()), dx_f32(DType::f32, x.count());
        upsample_nearest(x.in(), y.out(), s);
        upsample_nearest_backward(dy.in(), dx.out(), s);
        upsample_nearest_backward(dy.in(), dx_f32.out(), s);
        check_close(y, wanted, 1e-7);
        check_close(dx, wanted_dx);
        check_close(dx_f32, wanted_dx);
      }
    }
  });
}

TEST_CASE("kernels of a convolution are split by tap, from and to every type") {
  for_each_target([] {
    for (const int64_t taps : {1, 4, 9, 5000})
      for (const int64_t matrices : {1, 3, 31, 2000})
        for (const DType from : storages)
          for (const DType to : storages) {
            if (taps * matrices > 100'000) continue;
            const Buffer x = Buffer::random(from, matrices * taps, 1);
            Buffer y(to, taps * matrices);
            std::vector<double> wanted;
            for (int64_t t = 0; t < taps; ++t)
              for (int64_t i = 0; i < matrices; ++i) wanted.push_back(x.get(i * taps + t));
            split_taps(x.in(), y.out(), matrices, taps);
            check_close(y, wanted);
          }
  });
}

}  // namespace
}  // namespace rankine::cpu::test
