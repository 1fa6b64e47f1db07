//===- Npy.cpp - arrays of NumPy in single files --------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The `.npy` format: magic, version, a Python dictionary as text, the data.
//
//===----------------------------------------------------------------------===//
#include "runtime/Npy.h"

#include "runtime/AtomicFile.h"
#include "runtime/Widen.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace rnnc::rt {

namespace {
/// The header's dictionary.
struct Header {
  std::string descr;
  bool fortran = false;
  std::vector<int64_t> shape;
};

/// Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
class HeaderParser {
public:
  explicit HeaderParser(std::string_view text) : rest(text) {}

  std::optional<Header> parse() {
    Header header;
    bool haveDescr = false, haveOrder = false, haveShape = false;
    if (!take('{'))
      return std::nullopt;
    while (!take('}')) {
      std::optional<std::string> key = string();
      if (!key || !take(':'))
        return std::nullopt;
      if (*key == "descr" && !haveDescr) {
        std::optional<std::string> value = string();
        if (!value)
          return std::nullopt;
        header.descr = *value;
        haveDescr = true;
      } else if (*key == "fortran_order" && !haveOrder) {
        if (word("True"))
          header.fortran = true;
        else if (!word("False"))
          return std::nullopt;
        haveOrder = true;
      } else if (*key == "shape" && !haveShape) {
        if (!tuple(header.shape))
          return std::nullopt;
        haveShape = true;
      } else {
        return std::nullopt;
      }
      if (!take(',')) {
        if (!take('}'))
          return std::nullopt;
        break;
      }
    }
    skip();
    if (!rest.empty() || !haveDescr || !haveOrder || !haveShape)
      return std::nullopt;
    return header;
  }

private:
  void skip() {
    while (!rest.empty() && (rest[0] == ' ' || rest[0] == '\n'))
      rest.remove_prefix(1);
  }
  bool take(char c) {
    skip();
    if (rest.empty() || rest[0] != c)
      return false;
    rest.remove_prefix(1);
    return true;
  }
  bool word(std::string_view text) {
    skip();
    if (!rest.starts_with(text))
      return false;
    rest.remove_prefix(text.size());
    return true;
  }
  std::optional<std::string> string() {
    skip();
    if (rest.empty() || (rest[0] != '\'' && rest[0] != '"'))
      return std::nullopt;
    size_t end = rest.find(rest[0], 1);
    if (end == std::string_view::npos)
      return std::nullopt;
    std::string value(rest.substr(1, end - 1));
    rest.remove_prefix(end + 1);
    return value;
  }
  bool tuple(std::vector<int64_t> &values) {
    if (!take('('))
      return false;
    while (!take(')')) {
      skip();
      int64_t value = 0;
      auto [end, code] =
          std::from_chars(rest.data(), rest.data() + rest.size(), value);
      if (code != std::errc() || value < 0 || values.size() >= 64)
        return false;
      rest.remove_prefix(static_cast<size_t>(end - rest.data()));
      word("L");
      values.push_back(value);
      if (!take(',')) {
        if (!take(')'))
          return false;
        break;
      }
    }
    return true;
  }

  std::string_view rest;
};
} // namespace

static std::optional<StoredType> storedType(std::string_view descr) {
  static constexpr std::pair<std::string_view, StoredType> table[] = {
      {"f4", StoredType::F32},  {"f8", StoredType::F64},
      {"i4", StoredType::I32},  {"i8", StoredType::I64},
      {"b1", StoredType::Bool}, {"f2", StoredType::F16},
      {"u1", StoredType::U8},   {"i1", StoredType::I8},
      {"i2", StoredType::I16},  {"u2", StoredType::U16},
      {"u4", StoredType::U32},  {"u8", StoredType::U64}};
  for (const auto &[key, type] : table)
    if (key == descr)
      return type;
  return std::nullopt;
}

/// A column-major array (its extents reversed, read row major) as row major.
static Tensor transposeAll(const Tensor &reversed,
                           const std::vector<int64_t> &shape) {
  Tensor result(reversed.dtype(), shape);
  const size_t width = sizeOf(reversed.dtype());
  const auto *from = static_cast<const char *>(reversed.data());
  auto *to = static_cast<char *>(result.data());
  // Walks the result in order and keeps the column-major offset of its index.
  std::vector<int64_t> index(shape.size(), 0), stride(shape.size(), 1);
  for (size_t i = 1; i < shape.size(); ++i)
    stride[i] = stride[i - 1] * shape[i - 1];
  int64_t offset = 0;
  for (int64_t n = 0; n < result.size(); ++n) {
    std::memcpy(to + n * width, from + offset * width, width);
    for (size_t axis = shape.size(); axis-- > 0;) {
      offset += stride[axis];
      if (++index[axis] < shape[axis])
        break;
      offset -= stride[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return result;
}

Result<Tensor> parseNpy(std::string_view bytes, const std::string &file) {
  auto bad = [&](std::string message) {
    return makeFileError("bad-file", file, std::move(message));
  };
  if (bytes.size() < 10 || bytes.substr(0, 6) != "\x93NUMPY")
    return bad("not an .npy file: it does not begin with \\x93NUMPY");
  int major = uint8_t(bytes[6]);
  if (major < 1 || major > 3)
    return bad("version " + std::to_string(major) +
               " of the .npy format is not known");
  size_t prefix = major == 1 ? 10 : 12;
  if (bytes.size() < prefix)
    return bad("the file ends inside its header");
  uint64_t length = 0;
  for (size_t i = 8; i < prefix; ++i)
    length |= uint64_t(uint8_t(bytes[i])) << (8 * (i - 8));
  if (length > bytes.size() - prefix)
    return bad("the file ends inside its header");
  std::optional<Header> header =
      HeaderParser(bytes.substr(prefix, length)).parse();
  if (!header)
    return bad("the header is not that of a single array");
  std::string_view descr = header->descr;
  if (descr.empty() || descr.size() > 16)
    return bad("the element type is not known");
  if (descr[0] == '>' && !descr.ends_with("1"))
    return bad("element type '" + header->descr +
               "' is big endian; only little endian is read");
  if (std::string_view("<|=>").find(descr[0]) != std::string_view::npos)
    descr.remove_prefix(1);
  std::optional<StoredType> type = storedType(descr);
  if (!type)
    return bad("element type '" + header->descr +
               "' is not known; expected f4, f8, i4, i8, b1 or a narrower one");

  std::string_view data = bytes.substr(prefix + length);
  std::optional<int64_t> count = elementCount(header->shape, storedSize(*type));
  if (!count)
    return bad("shape " + shapeText(header->shape) + " is not possible");
  uint64_t needed = uint64_t(*count) * storedSize(*type);
  if (needed != data.size())
    return bad("shape " + shapeText(header->shape) + " of '" + header->descr +
               "' needs " + std::to_string(needed) +
               " bytes of data, the file has " + std::to_string(data.size()));
  std::vector<int64_t> shape = header->shape;
  bool transpose = header->fortran && shape.size() > 1;
  if (transpose)
    std::reverse(shape.begin(), shape.end());
  Result<Tensor> tensor = widen(*type, std::move(shape), data);
  if (!tensor)
    return bad(tensor.error().message);
  if (transpose)
    return transposeAll(*tensor, header->shape);
  return tensor;
}

Result<Tensor> readNpy(const std::filesystem::path &path) {
  Result<std::string> bytes = readFile(path);
  if (!bytes)
    return bytes.error();
  return parseNpy(*bytes, path == "-" ? "<stdin>" : path.string());
}

std::string serialiseNpy(const Tensor &tensor) {
  std::string_view descr;
  switch (tensor.dtype()) {
  case DType::F32:
    descr = "<f4";
    break;
  case DType::F64:
    descr = "<f8";
    break;
  case DType::I32:
    descr = "<i4";
    break;
  case DType::I64:
    descr = "<i8";
    break;
  case DType::Bool:
    descr = "|b1";
    break;
  }
  std::string header = "{'descr': '" + std::string(descr) +
                       "', 'fortran_order': False, 'shape': (";
  for (int64_t extent : tensor.shape())
    header += std::to_string(extent) + ", ";
  if (tensor.rank() > 0)
    header.resize(header.size() - (tensor.rank() == 1 ? 1 : 2));
  header += "), }";
  // The data begin at a multiple of 64; the header ends with a newline.
  size_t total = (10 + header.size() + 1 + 63) / 64 * 64;
  header.resize(total - 11, ' ');
  header += '\n';
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(header.size() & 0xff);
  bytes += static_cast<char>(header.size() >> 8);
  bytes += header;
  bytes.append(static_cast<const char *>(tensor.data()),
               static_cast<size_t>(tensor.bytes()));
  return bytes;
}

Result<void> writeNpy(const std::filesystem::path &path, const Tensor &tensor) {
  return writeFile(path, serialiseNpy(tensor));
}

} // namespace rnnc::rt
