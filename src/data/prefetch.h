#pragma once
#include <algorithm>
#include <condition_variable>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace rankine {

/// Makes items 0 ... count - 1 in advance on its own threads and returns them in order. At most `ahead` items are ready
/// or in progress.
template <class T>
class Prefetch {
 public:
  Prefetch(int count, int threads, int ahead, std::function<T(int)> make)
      : count_(count), ahead_(std::max(ahead, 1)), make_(std::move(make)) {
    for (int t = 0; t < std::max(threads, 1); ++t) threads_.emplace_back([this] { work(); });
  }
  ~Prefetch() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
  }
  Prefetch(const Prefetch&) = delete;
  Prefetch& operator=(const Prefetch&) = delete;

  /// Waits for the next item. Rethrows an error that occurred while it was made. Call it at most `count` times.
  T next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return made_.contains(taken_); });
    Made made = std::move(made_.extract(taken_).mapped());
    ++taken_;
    lock.unlock();
    changed_.notify_all();
    if (made.failure) std::rethrow_exception(made.failure);
    return std::move(*made.thing);
  }

 private:
  struct Made {
    std::optional<T> thing{};
    std::exception_ptr failure{};
  };

  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return stop_ || begun_ == count_ || begun_ < taken_ + ahead_; });
      if (stop_ || begun_ == count_) return;
      const int i = begun_++;
      lock.unlock();
      Made made;
      try {
        made.thing = make_(i);
      } catch (...) {
        made.failure = std::current_exception();
      }
      lock.lock();
      made_.emplace(i, std::move(made));
      changed_.notify_all();
    }
  }

  const int count_, ahead_;
  const std::function<T(int)> make_;
  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::map<int, Made> made_;
  int begun_ = 0, taken_ = 0;
  bool stop_ = false;
  std::vector<std::jthread> threads_;  // last, so that they are joined before anything they use is destroyed
};

}  // namespace rankine
