//===- Idx.cpp - IDX files ------------------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The header, the elements, and gzip around them.
//
//===----------------------------------------------------------------------===//
#include "runtime/Idx.h"

#include <bit>
#include <cstring>
#include <stdexcept>
#include <zlib.h>

namespace rnnc::rt {

/// Bytes of one element of an IDX type; 0: no such type.
static size_t idxSize(uint8_t type) {
  switch (type) {
  case 0x08: // unsigned byte
  case 0x09: // signed byte
    return 1;
  case 0x0b: // short
    return 2;
  case 0x0c: // int
  case 0x0d: // float
    return 4;
  case 0x0e: // double
    return 8;
  default:
    return 0;
  }
}

bool isIdx(std::string_view bytes) {
  return bytes.size() >= 8 && bytes[0] == 0 && bytes[1] == 0 &&
         idxSize(static_cast<uint8_t>(bytes[2])) > 0 && bytes[3] >= 1;
}

/// A big endian number of `size` bytes.
static uint64_t bigEndian(const char *from, size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i)
    value = value << 8 | static_cast<uint8_t>(from[i]);
  return value;
}

Result<Tensor> parseIdx(std::string_view bytes, const std::string &file) {
  auto bad = [&](std::string message) {
    return makeFileError("bad-file", file, std::move(message));
  };
  if (!isIdx(bytes))
    return bad("not an IDX file");
  const uint8_t type = static_cast<uint8_t>(bytes[2]);
  const size_t rank = static_cast<uint8_t>(bytes[3]), size = idxSize(type);
  const size_t begin = 4 + rank * 4;
  if (bytes.size() < begin)
    return bad("the header is cut");
  std::vector<int64_t> shape;
  for (size_t i = 0; i < rank; ++i)
    shape.push_back(
        static_cast<int64_t>(bigEndian(bytes.data() + 4 + i * 4, 4)));
  std::optional<int64_t> count = elementCount(shape, size);
  if (!count || static_cast<uint64_t>(*count) * size != bytes.size() - begin)
    return bad("the header says " + shapeText(shape) + ", but there are " +
               std::to_string(bytes.size() - begin) + " bytes of data");
  DType to = type == 0x0d ? DType::F32 : type == 0x0e ? DType::F64 : DType::I32;
  Result<Tensor> tensor = Tensor::create(to, std::move(shape));
  if (!tensor)
    return tensor;
  const char *from = bytes.data() + begin;
  for (int64_t i = 0; i < *count; ++i, from += size) {
    const uint64_t raw = bigEndian(from, size);
    switch (type) {
    case 0x08:
      tensor->as<int32_t>()[i] = static_cast<uint8_t>(raw);
      break;
    case 0x09:
      tensor->as<int32_t>()[i] = static_cast<int8_t>(raw);
      break;
    case 0x0b:
      tensor->as<int32_t>()[i] = static_cast<int16_t>(raw);
      break;
    case 0x0c:
      tensor->as<int32_t>()[i] = static_cast<int32_t>(raw);
      break;
    case 0x0d:
      tensor->as<float>()[i] = std::bit_cast<float>(static_cast<uint32_t>(raw));
      break;
    default:
      tensor->as<double>()[i] = std::bit_cast<double>(raw);
      break;
    }
  }
  return tensor;
}

Result<std::string> gunzip(std::string_view bytes, const std::string &file,
                           uint64_t limit) {
  auto bad = [&](const char *message) {
    return makeFileError("bad-file", file, message);
  };
  z_stream stream = {};
  // 16: gzip with its header and checksum.
  if (inflateInit2(&stream, 15 + 16) != Z_OK)
    return bad("memory is short");
  struct Closer {
    z_stream &stream;
    ~Closer() { inflateEnd(&stream); }
  } closer{stream};
  std::string out;
  size_t used = 0;
  while (true) {
    if (stream.avail_in == 0) {
      size_t part = std::min<size_t>(bytes.size() - used, 1 << 30);
      stream.next_in =
          reinterpret_cast<Bytef *>(const_cast<char *>(bytes.data() + used));
      stream.avail_in = static_cast<uInt>(part);
      used += part;
    }
    const size_t filled = out.size(), room = size_t(1) << 20;
    try {
      out.resize(filled + room);
    } catch (const std::exception &) {
      return bad("memory is short");
    }
    stream.next_out = reinterpret_cast<Bytef *>(out.data() + filled);
    stream.avail_out = static_cast<uInt>(room);
    int status = inflate(&stream, Z_NO_FLUSH);
    out.resize(filled + room - stream.avail_out);
    if (out.size() > limit)
      return bad("what is packed is too large");
    if (status == Z_STREAM_END) {
      if (stream.avail_in == 0 && used == bytes.size())
        return out;
      // Several members one after the other are one file.
      if (inflateReset(&stream) != Z_OK)
        return bad("the gzip file is damaged");
      continue;
    }
    if (status != Z_OK ||
        (stream.avail_in == 0 && used == bytes.size() && stream.avail_out > 0))
      return bad(status == Z_OK || status == Z_BUF_ERROR
                     ? "the gzip file is cut"
                     : "the gzip file is damaged");
  }
}

} // namespace rnnc::rt
