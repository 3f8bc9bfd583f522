#include "cli/arguments.h"

#include <doctest/doctest.h>

#include "base/error.h"

using namespace rankine;

namespace {

/// A small table with a field of each kind.
struct Fields {
  bool shuffle = false;
  int count = 1;
  double rate = 0.5;
  std::optional<int64_t> seed;
  std::string name = "x";
  std::vector<std::string> args;
  std::vector<double> rates;
  std::vector<std::string> notes;

  FlagTable table() {
    return {
        {"All",
         {built("--shuffle_caption", &shuffle, "h"), built("--count", &count, "h").alias("--number"),
          built("--rate", &rate, "h"), built("--seed", &seed, "h"), built("--name", &name, "h"),
          built("--optimizer_args", &args, "h"), built("--rates", &rates, "h"), built("--rate_limit", &count, "h")}}};
  }

  std::vector<std::string> read(const std::vector<std::string>& line) {
    const FlagTable flags = table();
    const Arguments arguments = split_arguments(flags, line);
    assign_all(arguments, notes);
    return arguments.positionals;
  }
};

}  // namespace

TEST_CASE("each kind of flag is read into its field") {
  Fields f;
  f.read({"--shuffle_caption", "--count", "3", "--rate", "1e-4", "--seed", "42", "--name", "a b"});
  CHECK(f.shuffle);
  CHECK(f.count == 3);
  CHECK(f.rate == 1e-4);
  CHECK(f.seed == 42);
  CHECK(f.name == "a b");
}

TEST_CASE("an unambiguous prefix names its flag, an exact name wins over longer ones") {
  Fields f;
  f.read({"--shuf", "--co", "4", "--rate", "2"});
  CHECK(f.shuffle);
  CHECK(f.count == 4);
  CHECK(f.rate == 2);
}

TEST_CASE("an ambiguous prefix is an error that names the candidates") {
  Fields f;
  CHECK_THROWS_WITH_AS(f.read({"--rat", "1"}), "ambiguous flag --rat: it could be --rate, --rates, --rate_limit",
                       Error);
}

TEST_CASE("another name of a flag is the same flag") {
  Fields f;
  f.read({"--number", "7"});
  CHECK(f.count == 7);
}

TEST_CASE("a value may follow an equals sign, also after a prefix, and may hold more of them") {
  Fields f;
  f.read({"--count=5", "--na=a=b", "--seed=-3"});
  CHECK(f.count == 5);
  CHECK(f.name == "a=b");
  CHECK(f.seed == -3);
}

TEST_CASE("of equal flags the last counts, lists as a whole") {
  Fields f;
  f.read({"--count", "5", "--optimizer_args", "a=1", "b=2", "--count", "6", "--optimizer_args", "c=3"});
  CHECK(f.count == 6);
  CHECK(f.args == std::vector<std::string>{"c=3"});
}

TEST_CASE("a list takes all up to the next flag, and may be empty") {
  Fields f;
  f.args = {"default"};
  f.read({"--optimizer_args", "--rates", "1", "-2", "3e-1", "--shuffle_caption"});
  CHECK(f.args.empty());
  CHECK(f.rates == std::vector<double>{1, -2, 0.3});
  CHECK(f.shuffle);
}

TEST_CASE("a value may be a negative number, a lone dash, or start with a dash and hold a space") {
  Fields f;
  f.read({"--rate", "-0.1", "--name", "- a list"});
  CHECK(f.rate == -0.1);
  CHECK(f.name == "- a list");
  f.read({"--name", "-"});
  CHECK(f.name == "-");
}

TEST_CASE("numbers may be written as Python takes them") {
  Fields f;
  f.read({"--count", " +12 ", "--rate", ".5"});
  CHECK(f.count == 12);
  CHECK(f.rate == 0.5);
  f.read({"--rate", "5."});
  CHECK(f.rate == 5);
}

TEST_CASE("an unknown flag is an error with the nearest name") {
  Fields f;
  CHECK_THROWS_WITH_AS(f.read({"--shufle_caption"}),
                       "unknown flag --shufle_caption; the nearest is \"--shuffle_caption\"", Error);
  CHECK_THROWS_WITH_AS(f.read({"--shuffel_caption=1"}), doctest::Contains("--shuffle_caption"), Error);
  CHECK_THROWS_WITH_AS(f.read({"-x"}), doctest::Contains("unknown flag -x"), Error);
}

TEST_CASE("a missing value, a value too many and a wrong type are errors that name the flag") {
  Fields f;
  CHECK_THROWS_WITH_AS(f.read({"--count"}), "--count: expected a value", Error);
  CHECK_THROWS_WITH_AS(f.read({"--count", "--seed", "1"}), "--count: expected a value", Error);
  CHECK_THROWS_WITH_AS(f.read({"--shuffle_caption=true"}), "--shuffle_caption: takes no value, got \"true\"", Error);
  CHECK_THROWS_WITH_AS(f.read({"--count", "1.5"}), "--count: expected a whole number, got \"1.5\"", Error);
  CHECK_THROWS_WITH_AS(f.read({"--co", "99999999999"}), "--count: 99999999999 is out of range", Error);
  CHECK_THROWS_WITH_AS(f.read({"--rate", "fast"}), "--rate: expected a number, got \"fast\"", Error);
  CHECK_THROWS_AS(f.read({"--rate", "nan"}), Error);
}

TEST_CASE("what belongs to no flag is left over") {
  Fields f;
  CHECK(f.read({"a", "--shuffle_caption", "b"}) == std::vector<std::string>{"a", "b"});
}
