#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>

#include "io/atomic_file.h"
#include "io/file_hash.h"
#include "io/mapped_file.h"
#include "io/sha256.h"
#include "io/temp_folder.h"

using namespace rankine;

TEST_CASE("an atomic file appears on commit and replaces what was there") {
  const TempFolder folder;
  const std::string path = folder / "file.txt";
  put_bytes(path, "old");
  {
    AtomicFile file(path);
    file.write("new ");
    file.write("text");
    CHECK(get_bytes(path) == "old");
    CHECK(folder.file_count() == 2);
    file.commit();
    CHECK(get_bytes(path) == "new text");
    CHECK_THROWS_AS(file.write("more"), Error);
    CHECK_THROWS_AS(file.commit(), Error);
  }
  CHECK(get_bytes(path) == "new text");
  CHECK(folder.file_count() == 1);
}

TEST_CASE("an atomic file that is not committed leaves nothing behind") {
  const TempFolder folder;
  { AtomicFile(folder / "new").write("half a file"); }
  CHECK(folder.file_count() == 0);
}

TEST_CASE("an atomic file says why it cannot be written") {
  const TempFolder folder;
  CHECK(error_of([&] { AtomicFile(folder / "absent/file"); }).find("does not exist") != std::string::npos);
  CHECK(error_of([&] { AtomicFile(folder.path().string()); }).find("a folder has this name") != std::string::npos);
  CHECK(error_of([&] { AtomicFile(""); }).find("a file name is needed") != std::string::npos);
}

TEST_CASE("a full disk is an error, and the temporary file goes") {
  // /dev/full refuses every write; the descriptor of an open temporary file is pointed at it.
  const TempFolder folder;
  const std::string error = error_of([&] {
    AtomicFile file(folder / "file");
    FILE* full = std::fopen("/dev/full", "w");
    ::dup2(::fileno(full), file.descriptor());
    std::fclose(full);
    file.write("text");
  });
  CHECK(error.find("cannot write: No space left") != std::string::npos);
  CHECK(folder.file_count() == 0);
}

TEST_CASE("SHA-256 gives the known answers, in one piece or many") {
  CHECK(sha256_hex({}) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  Sha256 hash;
  for (const char* piece : {"a", "b", "c"}) hash.update(std::as_bytes(std::span(piece, 1)));
  CHECK(hash.hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("the hashes of a checkpoint file are those that training metadata carries") {
  // The stand-in checkpoint of the recorded runs: the bytes 0 to 255, 8192 times.
  const TempFolder folder;
  std::string bytes;
  for (int i = 0; i < 0x200000; ++i) bytes += static_cast<char>(i & 0xff);
  put_bytes(folder / "model", bytes);
  CHECK(window_hash_of_file(folder / "model") == "7daca209");
  CHECK(sha256_of_file(folder / "model") == "91d3beb88a9b2f778a6c44a1c53b63d3c79931845a9aef84b3fb414610bd1938");
  CHECK(window_hash({}) == "e3b0c442");
  CHECK(sha256_of_file(folder / "absent") == "NOFILE");
  CHECK(window_hash_of_file(folder.path().string()) == "IsADirectory");
}

TEST_CASE("a mapped file moves, and an empty one has no bytes") {
  const TempFolder folder;
  put_bytes(folder / "a", "abc");
  put_bytes(folder / "empty", "");
  MappedFile first(folder / "a");
  const MappedFile second(std::move(first));
  CHECK(second.bytes().size() == 3);
  second.release(second.bytes());
  CHECK(second.bytes()[2] == std::byte{'c'});
  CHECK(MappedFile(folder / "empty").bytes().empty());
}
