#include "io/pickle.h"

#include <bit>
#include <unordered_map>

#include "base/error.h"

namespace rankine {
namespace {

using Kind = PickleValue::Kind;
using Values = std::vector<PickleValue*>;

/// The stack machine that runs a pickle's program. Opcodes have their names from Python's pickletools.
class Machine {
 public:
  Machine(std::span<const std::byte> bytes, const std::string& where, std::deque<PickleValue>& values)
      : text_(reinterpret_cast<const char*>(bytes.data()), bytes.size()), where_(where), values_(values) {}

  const PickleValue* run() {
    expect(take(1) == "\x80", "a pickle of protocol 2 or later begins with the byte 0x80");
    const uint64_t protocol = number(1);
    expect(protocol >= 2 && protocol <= 5, "protocols 2 to 5 are read");
    while (true) {
      const auto opcode = static_cast<unsigned char>(take(1)[0]);
      if (opcode == '.') break;  // STOP
      step(opcode);
    }
    return pop();
  }

 private:
  [[noreturn]] void damaged(std::string_view why) const {
    fail(where_, ": its pickle is damaged at byte ", at_, ": ", why);
  }
  void expect(bool holds, std::string_view why) const {
    if (!holds) damaged(why);
  }

  // ---- Bytes ----
  std::string_view take(uint64_t count) {
    expect(count <= text_.size() - at_, "it is cut short");
    at_ += count;
    return text_.substr(at_ - count, count);
  }
  uint64_t number(size_t size) {
    uint64_t value = 0;
    const std::string_view bytes = take(size);
    for (size_t i = size; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
    return value;
  }
  std::string_view line() {
    const size_t end = text_.find('\n', at_);
    expect(end != text_.npos, "a line has no end");
    const std::string_view found = take(end - at_);
    take(1);
    return found;
  }

  // ---- Stack ----
  PickleValue* make(Kind kind) {
    PickleValue& value = values_.emplace_back();
    value.kind = kind;
    return &value;
  }
  PickleValue* push(Kind kind) {
    stack_.push_back(make(kind));
    return stack_.back();
  }
  PickleValue* pop() {
    expect(stack_.size() > floor(), "nothing is on the stack");
    PickleValue* value = stack_.back();
    stack_.pop_back();
    return value;
  }
  PickleValue* top() const {
    expect(stack_.size() > floor(), "nothing is on the stack");
    return stack_.back();
  }
  /// The values below this position are older than the last MARK.
  size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  Values pop_to_mark() {
    expect(!marks_.empty(), "there is no mark");
    const auto from = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    Values values(from, stack_.end());
    stack_.erase(from, stack_.end());
    marks_.pop_back();
    return values;
  }
  Values pop_many(size_t count) {
    Values values(count);
    for (size_t i = count; i-- > 0;) values[i] = pop();
    return values;
  }

  // ---- Values ----
  void push_text(Kind kind, std::string_view text) { push(kind)->text = text; }
  void push_integer(int64_t integer) { push(Kind::integer)->integer = integer; }
  void push_items(Kind kind, const Values& items) { push(kind)->items.assign(items.begin(), items.end()); }
  /// LONG1: two's complement, little-endian. A number of more than 64 bits is no size, so it stays as bytes.
  void push_long(uint64_t size) {
    const std::string_view bytes = take(size);
    int64_t value = 0;
    if (!bytes.empty() && bytes.size() <= 8) {
      uint64_t bits = bytes.back() < 0 ? ~uint64_t{0} : 0;
      for (size_t i = bytes.size(); i-- > 0;) bits = bits << 8 | static_cast<unsigned char>(bytes[i]);
      value = std::bit_cast<int64_t>(bits);
    }
    PickleValue* pushed = push(bytes.size() <= 8 ? Kind::integer : Kind::bytes);
    pushed->integer = value;
    pushed->text = bytes;
  }
  void push_global(std::string_view module, std::string_view name) {
    PickleValue* value = push(Kind::global);
    value->text = module;
    value->name = name;
  }
  void push_call(const PickleValue* function, const PickleValue* arguments) {
    push(Kind::call)->items = {function, arguments};
  }
  /// Adds the items of APPENDS, ADDITEMS and SETITEMS to the value below the mark.
  void add(PickleValue* to, const Values& items, bool in_pairs) {
    expect(!in_pairs || items.size() % 2 == 0, "a key has no value");
    const bool fits =
        to->is(Kind::call) || to->is(in_pairs ? Kind::dict : Kind::list) || (!in_pairs && to->is(Kind::set));
    expect(fits, "it puts elements into what holds none");
    std::vector<const PickleValue*>& all = to->is(Kind::call) ? to->entries : to->items;
    // Skips the elements of a list's subclass, so that they are not mistaken for keys.
    if (to->is(Kind::call) && !in_pairs) return;
    all.insert(all.end(), items.begin(), items.end());
  }
  void memoize(uint64_t index) { memo_[index] = top(); }
  void get(uint64_t index) {
    const auto found = memo_.find(index);
    expect(found != memo_.end(), "it names a value that is not there");
    stack_.push_back(found->second);
  }

  void step(unsigned char opcode) {
    switch (opcode) {
      case 0x80:  // PROTO
        take(1);
        return;
      case 0x95:  // FRAME
        take(8);
        return;
      case '(':  // MARK
        marks_.push_back(stack_.size());
        return;
      case '0':  // POP
        if (stack_.size() == floor() && !marks_.empty()) {
          marks_.pop_back();
        } else {
          pop();
        }
        return;
      case '1':  // POP_MARK
        pop_to_mark();
        return;
      case '2':  // DUP
        stack_.push_back(top());
        return;

      case 'N':  // NONE
        push(Kind::none);
        return;
      case 0x88:  // NEWTRUE
        push(Kind::boolean)->integer = 1;
        return;
      case 0x89:  // NEWFALSE
        push(Kind::boolean);
        return;
      case 'J':  // BININT
        push_integer(static_cast<int32_t>(number(4)));
        return;
      case 'K':  // BININT1
        push_integer(static_cast<int64_t>(number(1)));
        return;
      case 'M':  // BININT2
        push_integer(static_cast<int64_t>(number(2)));
        return;
      case 0x8a:  // LONG1
        push_long(number(1));
        return;
      case 0x8b:  // LONG4
        push_long(number(4));
        return;
      case 'G':  // BINFLOAT
        push(Kind::real)->real = big_endian_double();
        return;

      case 'X':  // BINUNICODE
        push_text(Kind::text, take(number(4)));
        return;
      case 0x8c:  // SHORT_BINUNICODE
        push_text(Kind::text, take(number(1)));
        return;
      case 0x8d:  // BINUNICODE8
        push_text(Kind::text, take(number(8)));
        return;
      case 'T':  // BINSTRING, of Python 2
        push_text(Kind::text, take(number(4)));
        return;
      case 'U':  // SHORT_BINSTRING
        push_text(Kind::text, take(number(1)));
        return;
      case 'B':  // BINBYTES
        push_text(Kind::bytes, take(number(4)));
        return;
      case 'C':  // SHORT_BINBYTES
        push_text(Kind::bytes, take(number(1)));
        return;
      case 0x8e:  // BINBYTES8
        push_text(Kind::bytes, take(number(8)));
        return;
      case 0x96:  // BYTEARRAY8
        push_text(Kind::bytes, take(number(8)));
        return;

      case ']':  // EMPTY_LIST
        push(Kind::list);
        return;
      case 'l':  // LIST
        push_items(Kind::list, pop_to_mark());
        return;
      case ')':  // EMPTY_TUPLE
        push(Kind::tuple);
        return;
      case 't':  // TUPLE
        push_items(Kind::tuple, pop_to_mark());
        return;
      case 0x85:  // TUPLE1
        push_items(Kind::tuple, pop_many(1));
        return;
      case 0x86:  // TUPLE2
        push_items(Kind::tuple, pop_many(2));
        return;
      case 0x87:  // TUPLE3
        push_items(Kind::tuple, pop_many(3));
        return;
      case 0x8f:  // EMPTY_SET
        push(Kind::set);
        return;
      case 0x91:  // FROZENSET
        push_items(Kind::set, pop_to_mark());
        return;
      case '}':
        push(Kind::dict);
        return;    // EMPTY_DICT
      case 'd': {  // DICT
        const Values items = pop_to_mark();
        add(push(Kind::dict), items, true);
        return;
      }
      case 'a': {  // APPEND
        const Values items = pop_many(1);
        add(top(), items, false);
        return;
      }
      case 'e':     // APPENDS
      case 0x90: {  // ADDITEMS
        const Values items = pop_to_mark();
        add(top(), items, false);
        return;
      }
      case 's': {  // SETITEM
        const Values items = pop_many(2);
        add(top(), items, true);
        return;
      }
      case 'u': {  // SETITEMS
        const Values items = pop_to_mark();
        add(top(), items, true);
        return;
      }

      case 'c': {  // GLOBAL
        const std::string_view module = line();
        push_global(module, line());
        return;
      }
      case 0x93: {  // STACK_GLOBAL
        const Values names = pop_many(2);
        expect(names[0]->is(Kind::text) && names[1]->is(Kind::text), "a class has no name");
        push_global(names[0]->text, names[1]->text);
        return;
      }
      case 'R':     // REDUCE
      case 0x81: {  // NEWOBJ
        const Values call = pop_many(2);
        push_call(call[0], call[1]);
        return;
      }
      case 0x92: {  // NEWOBJ_EX: class, arguments, named arguments
        const Values call = pop_many(3);
        push_call(call[0], call[1]);
        return;
      }
      case 'b':
        pop_many(1);
        top();
        return;    // BUILD sets attributes of an object; a tensor in a dict has none
      case 'Q': {  // BINPERSID
        const Values id = pop_many(1);
        push_items(Kind::persistent, id);
        return;
      }

      case 'q':  // BINPUT
        memoize(number(1));
        return;
      case 'r':  // LONG_BINPUT
        memoize(number(4));
        return;
      case 0x94:  // MEMOIZE
        memoize(memo_.size());
        return;
      case 'h':  // BINGET
        get(number(1));
        return;
      case 'j':  // LONG_BINGET
        get(number(4));
        return;
      default:
        damaged(concat_text("opcode ", static_cast<int>(opcode), " is none of protocols 2 to 5"));
    }
  }

  double big_endian_double() {
    uint64_t bits = 0;
    for (const char c : take(8)) bits = bits << 8 | static_cast<unsigned char>(c);
    return std::bit_cast<double>(bits);
  }

  std::string_view text_;
  size_t at_ = 0;
  const std::string& where_;
  std::deque<PickleValue>& values_;
  Values stack_;
  std::unordered_map<uint64_t, PickleValue*> memo_;
  std::vector<size_t> marks_;
};

}  // namespace

Pickle::Pickle(std::span<const std::byte> bytes, const std::string& where)
    : value_(Machine(bytes, where, values_).run()) {}

}  // namespace rankine
