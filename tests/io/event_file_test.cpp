#include "io/event_file.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <csignal>
#include <stdexcept>

#include "io/atomic_file.h"
#include "io/crc32c.h"
#include "io/temp_folder.h"
#include "support/event_reader.h"

using namespace rankine;

TEST_CASE("crc32c gives the sums of RFC 3720") {
  CHECK(crc32c("123456789") == 0xE3069283u);
  CHECK(crc32c("") == 0u);
  CHECK(crc32c(std::string(32, '\0')) == 0x8A9136AAu);
  CHECK(crc32c(std::string(32, '\xff')) == 0x62A8AB43u);
}

TEST_CASE("an event file begins with its version, and every scalar, text and picture can be read back") {
  const TempFolder folder;
  const std::string path = folder / "new/run/events.out.tfevents.1";
  EventFile file(path);
  file.add_restart(1.5, 300);
  file.add_scalars(2.25, 300, {{"loss/current", 0.125}, {"lr/d*lr/unet", 1e-4}});
  file.add_text(3, 0, "settings", "| a | b |");
  const std::string png(1000, 'p');
  file.add_image(4, int64_t{1} << 40, "sample/0", png, 512, 768);

  std::string_view rest;
  const std::string bytes = get_bytes(path);
  const std::vector<ReadEvent> events = read_events(bytes, &rest);
  CHECK(rest.empty());
  REQUIRE(events.size() == 5);
  CHECK(events[0].file_version == "brain.Event:2");
  CHECK(events[0].wall_time == 1.5);
  CHECK(events[1].session_status == 1);
  CHECK(events[1].step == 300);
  CHECK(events[2].wall_time == 2.25);
  CHECK(events[2].step == 300);
  CHECK(events[2].scalars.at("loss/current") == 0.125f);
  CHECK(events[2].scalars.at("lr/d*lr/unet") == 1e-4f);
  CHECK(events[3].texts.at("settings") == "| a | b |");
  CHECK(events[4].step == int64_t{1} << 40);
  CHECK(events[4].images.at("sample/0") == png);
  CHECK(events[4].image_sizes.at("sample/0") == std::pair<int64_t, int64_t>(512, 768));
}

TEST_CASE("an event file is the known bytes") {
  // Encoded once by tensorboard 2.21's own Event message and its RecordWriter.
  const TempFolder folder;
  const std::string path = folder / "events.out.tfevents.2";
  EventFile(path).add_scalars(1.5, 7, {{"loss/current", 0.125}});
  std::string hex;
  for (const char c : get_bytes(path)) {
    hex += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
    hex += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
  }
  CHECK(hex ==
        "1a00000000000000129bd82d09000000000000f83f10071a0d627261696e2e4576656e743a32da446486220000000000000078113dfd09"
        "000000000000f83f10072a150a130a0c6c6f73732f63757272656e74150000003ee0ff5f83");
}

TEST_CASE("however an event file is cut, the events before the cut can be read") {
  const TempFolder folder;
  const std::string path = folder / "events.out.tfevents.3";
  EventFile file(path);
  for (int step = 1; step <= 3; ++step) file.add_scalars(step, step, {{"loss/current", step}});
  const std::string whole = get_bytes(path);
  std::vector<size_t> ends = {0};
  for (const std::string& record : read_records(whole)) ends.push_back(ends.back() + record.size() + 16);
  REQUIRE(ends.size() == 5);
  for (size_t cut = 0; cut <= whole.size(); ++cut) {
    size_t events = 0;
    while (events + 1 < ends.size() && ends[events + 1] <= cut) ++events;
    REQUIRE(read_events(std::string_view(whole).substr(0, cut)).size() == events);
  }
}

TEST_CASE("a changed byte of an event file is noticed by its sums") {
  const TempFolder folder;
  const std::string path = folder / "events.out.tfevents.4";
  EventFile(path).add_scalars(1, 1, {{"loss/current", 1}});
  std::string bytes = get_bytes(path);
  bytes[bytes.size() - 7] ^= 4;
  CHECK_THROWS_AS(read_events(bytes), std::runtime_error);
}

TEST_CASE("an event that the disk refuses is an error, and the events after it are whole") {
  const TempFolder folder;
  const std::string path = folder / "events.out.tfevents.5";
  EventFile file(path);
  file.add_scalars(1, 1, {{"loss/current", 1}});
  const auto size = get_bytes(path).size();
  // The system's limit on the size of files stands in for a full disk.
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit = {size + 20, before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
  CHECK_THROWS_AS(file.add_scalars(2, 2, {{"loss/current", 2}}), FileError);
  REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
  std::signal(SIGXFSZ, old_handler);
  file.add_scalars(3, 3, {{"loss/current", 3}});
  std::string_view rest;
  const std::string bytes = get_bytes(path);
  const std::vector<ReadEvent> events = read_events(bytes, &rest);
  CHECK(rest.empty());
  REQUIRE(events.size() == 3);
  CHECK(events[2].step == 3);
}

TEST_CASE("an event file is never written over") {
  const TempFolder folder;
  const std::string path = folder / "events.out.tfevents.6";
  put_bytes(path, "there");
  CHECK_THROWS_AS(EventFile{path}, FileError);
  CHECK(get_bytes(path) == "there");
}
