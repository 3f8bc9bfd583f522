#include "io/torch_file.h"

#include <set>

#include "base/error.h"
#include "io/zip_write.h"

namespace rankine {
namespace {

// Opcodes of pickle's protocol 2, by their names in Python's pickletools.
namespace op {
constexpr char proto = '\x80', stop = '.', mark = '(', empty_dict = '}', set_items = 'u', global = 'c', tuple = 't',
               empty_tuple = ')', reduce = 'R', persistent_id = 'Q', new_false = '\x89', unicode = 'X', int1 = 'K',
               int4 = 'J', long1 = '\x8a';
}

class Pickle {
 public:
  Pickle& code(char opcode) {
    out_ += opcode;
    return *this;
  }
  Pickle& global(std::string_view module, std::string_view name) {
    out_.append(1, op::global).append(module).append(1, '\n').append(name).append(1, '\n');
    return *this;
  }
  Pickle& text(std::string_view value) {
    out_ += op::unicode;
    return little_endian(value.size(), 4, value);
  }
  Pickle& number(int64_t value) {
    check(value >= 0, "torch file: ", value, " is negative");
    if (value < 0x100) return code(op::int1).little_endian(static_cast<uint64_t>(value), 1);
    if (value < 0x80000000) return code(op::int4).little_endian(static_cast<uint64_t>(value), 4);
    return code(op::long1).code(8).little_endian(static_cast<uint64_t>(value), 8);
  }
  Pickle& numbers(const Shape& values) {
    code(op::mark);
    for (const int64_t value : values) number(value);
    return code(op::tuple);
  }
  const std::string& bytes() const { return out_; }

 private:
  Pickle& little_endian(uint64_t value, int bytes, std::string_view then = {}) {
    for (int i = 0; i < bytes; ++i) out_ += static_cast<char>(value >> (8 * i) & 0xff);
    out_.append(then);
    return *this;
  }

  std::string out_;
};

std::string_view storage_type(const TensorToWrite& tensor) {
  if (tensor.dtype == DType::f32) return "FloatStorage";
  if (tensor.dtype == DType::f16) return "HalfStorage";
  check(tensor.dtype == DType::bf16, "torch file: \"", tensor.name, "\" is ", tensor.dtype,
        ", which is not one of f32, f16 and bf16");
  return "BFloat16Storage";
}

Shape row_major_strides(const Shape& shape) {
  Shape strides(shape.size());
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

/// torch._utils._rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks)
void add_tensor(Pickle& pickle, const TensorToWrite& tensor, std::string_view member) {
  pickle.text(tensor.name).global("torch._utils", "_rebuild_tensor_v2").code(op::mark);
  pickle.code(op::mark).text("storage").global("torch", storage_type(tensor)).text(member).text("cpu");
  pickle.number(count_of(tensor.shape)).code(op::tuple).code(op::persistent_id);
  pickle.number(0).numbers(tensor.shape).numbers(row_major_strides(tensor.shape)).code(op::new_false);
  pickle.global("collections", "OrderedDict").code(op::empty_tuple).code(op::reduce);
  pickle.code(op::tuple).code(op::reduce);
}

}  // namespace

std::string serialize_torch(std::span<const TensorToWrite> tensors) {
  constexpr size_t alignment = 64;  // as in torch.save, so that the file can be memory mapped
  Pickle pickle;
  std::set<std::string_view> names;
  pickle.code(op::proto).code(2).code(op::empty_dict).code(op::mark);
  for (size_t i = 0; i < tensors.size(); ++i) {
    check(names.insert(tensors[i].name).second, "torch file: two tensors are named \"", tensors[i].name, "\"");
    check(tensors[i].bytes.size() == static_cast<size_t>(count_of(tensors[i].shape)) * size_of(tensors[i].dtype),
          "torch file: \"", tensors[i].name, "\" is ", tensors[i].dtype, as_text(tensors[i].shape), ", which is not ",
          tensors[i].bytes.size(), " bytes");
    add_tensor(pickle, tensors[i], std::to_string(i));
  }
  pickle.code(op::set_items).code(op::stop);

  ZipWriter zip("torch file");
  zip.add("archive/data.pkl", pickle.bytes(), {}, alignment);
  zip.add("archive/byteorder", "little", {}, alignment);
  for (size_t i = 0; i < tensors.size(); ++i) zip.add(concat_text("archive/data/", i), {}, tensors[i].bytes, alignment);
  zip.add("archive/version", "3\n", {}, alignment);
  return zip.finish();
}

}  // namespace rankine
