//===- Npz.cpp - arrays of NumPy in zip files -----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The part of the zip format that `.npz` files use: stored and deflated
// members, with the 64-bit extension. Sizes are believed only as far as the
// bytes carry.
//
//===----------------------------------------------------------------------===//
#include "runtime/AtomicFile.h"
#include "runtime/Npy.h"

#include <algorithm>
#include <climits>
#include <set>
#include <zlib.h>

namespace rnnc::rt {

/// A little-endian number of `count` bytes; the caller has checked the range.
static uint64_t number(std::string_view bytes, size_t at, int count) {
  uint64_t value = 0;
  for (int i = 0; i < count; ++i)
    value |= uint64_t(uint8_t(bytes[at + i])) << (8 * i);
  return value;
}

static void put(std::string &out, uint64_t value, int count) {
  for (int i = 0; i < count; ++i)
    out += static_cast<char>(value >> (8 * i) & 0xff);
}

/// CRC-32 of bytes of any count.
static uint32_t crcOf(std::string_view bytes) {
  return static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef *>(bytes.data()), bytes.size()));
}

namespace {
/// A member of the zip, from the central directory.
struct Member {
  std::string name;
  uint64_t method, crc, packed, size, offset;
};

/// Where the central directory is.
struct Directory {
  uint64_t offset, size, count;
};
} // namespace

/// Finds the record at the end, through the 64-bit one if there is one.
static std::optional<Directory> findDirectory(std::string_view bytes) {
  constexpr size_t endSize = 22, locatorSize = 20, end64Size = 56;
  if (bytes.size() < endSize)
    return std::nullopt;
  // A comment of up to 65535 bytes may follow the record.
  size_t lowest =
      bytes.size() > endSize + 65535 ? bytes.size() - endSize - 65535 : 0;
  for (size_t at = bytes.size() - endSize + 1; at-- > lowest;) {
    if (number(bytes, at, 4) != 0x06054b50 ||
        at + endSize + number(bytes, at + 20, 2) != bytes.size())
      continue;
    Directory found{number(bytes, at + 16, 4), number(bytes, at + 12, 4),
                    number(bytes, at + 10, 2)};
    if (at >= locatorSize && number(bytes, at - locatorSize, 4) == 0x07064b50) {
      uint64_t at64 = number(bytes, at - locatorSize + 8, 8);
      if (bytes.size() < end64Size || at64 > bytes.size() - end64Size ||
          number(bytes, at64, 4) != 0x06064b50)
        return std::nullopt;
      found = {number(bytes, at64 + 48, 8), number(bytes, at64 + 40, 8),
               number(bytes, at64 + 32, 8)};
    }
    if (found.offset > bytes.size() || found.size > bytes.size() - found.offset)
      return std::nullopt;
    return found;
  }
  return std::nullopt;
}

/// Reads the 64-bit extension of a member's sizes and offset; false if needed
/// and not there.
static bool readExtension(std::string_view extra, Member &member) {
  constexpr uint64_t full = 0xffffffff;
  if (member.size != full && member.packed != full && member.offset != full)
    return true;
  while (extra.size() >= 4) {
    uint64_t id = number(extra, 0, 2), size = number(extra, 2, 2);
    extra.remove_prefix(4);
    if (size > extra.size())
      return false;
    if (id == 1) {
      std::string_view field = extra.substr(0, size);
      for (uint64_t *value : {&member.size, &member.packed, &member.offset}) {
        if (*value != full)
          continue;
        if (field.size() < 8)
          return false;
        *value = number(field, 0, 8);
        field.remove_prefix(8);
      }
      return true;
    }
    extra.remove_prefix(size);
  }
  return false;
}

/// Reads the member at the start of the directory's rest and moves on.
static std::optional<Member> readMember(std::string_view &rest) {
  constexpr size_t entrySize = 46;
  if (rest.size() < entrySize || number(rest, 0, 4) != 0x02014b50)
    return std::nullopt;
  size_t nameSize = number(rest, 28, 2), extraSize = number(rest, 30, 2),
         commentSize = number(rest, 32, 2);
  if (rest.size() - entrySize < nameSize + extraSize + commentSize)
    return std::nullopt;
  Member member{std::string(rest.substr(entrySize, nameSize)),
                number(rest, 10, 2),
                number(rest, 16, 4),
                number(rest, 20, 4),
                number(rest, 24, 4),
                number(rest, 42, 4)};
  // Bit 0 of the flags: encrypted. Such a member is given no known method.
  if (number(rest, 8, 2) & 1)
    member.method = 0xffff;
  if (!readExtension(rest.substr(entrySize + nameSize, extraSize), member))
    return std::nullopt;
  rest.remove_prefix(entrySize + nameSize + extraSize + commentSize);
  return member;
}

/// Unpacks a raw deflate stream that must give exactly `size` bytes.
static std::optional<std::string> unpack(std::string_view packed,
                                         uint64_t size) {
  // Deflate cannot do better than about 1032:1, so a greater size is a lie.
  if (size / 1032 > packed.size() + 1)
    return std::nullopt;
  std::string out;
  try {
    out.resize(size);
  } catch (const std::exception &) {
    return std::nullopt;
  }
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK)
    return std::nullopt;
  auto *input = reinterpret_cast<const Bytef *>(packed.data());
  stream.next_in = const_cast<Bytef *>(input);
  stream.next_out = reinterpret_cast<Bytef *>(out.data());
  uint64_t inLeft = packed.size(), outLeft = size;
  Bytef spare = 0;
  int status = Z_OK;
  while (status == Z_OK) {
    uInt in = static_cast<uInt>(std::min<uint64_t>(inLeft, UINT_MAX));
    uInt room = static_cast<uInt>(std::min<uint64_t>(outLeft, UINT_MAX));
    stream.avail_in = in;
    stream.avail_out = room;
    // With nothing left to fill, one spare byte shows whether more would come.
    if (room == 0) {
      stream.next_out = &spare;
      stream.avail_out = 1;
    }
    status = inflate(&stream, Z_NO_FLUSH);
    inLeft -= in - stream.avail_in;
    if (room == 0) {
      if (stream.avail_out == 0)
        status = Z_DATA_ERROR;
    } else {
      outLeft -= room - stream.avail_out;
    }
  }
  inflateEnd(&stream);
  if (status != Z_STREAM_END || outLeft != 0)
    return std::nullopt;
  return out;
}

/// The bytes of a member, checked; an error without place.
static Result<std::string> readContent(std::string_view bytes,
                                       const Member &member) {
  auto bad = [](std::string message) {
    return makeError("bad-file", std::move(message));
  };
  constexpr size_t localSize = 30;
  if (bytes.size() < localSize || member.offset > bytes.size() - localSize ||
      number(bytes, member.offset, 4) != 0x04034b50)
    return bad("its data are not where the directory of the file says");
  uint64_t begin = member.offset + localSize +
                   number(bytes, member.offset + 26, 2) +
                   number(bytes, member.offset + 28, 2);
  if (begin > bytes.size() || member.packed > bytes.size() - begin)
    return bad("the file ends inside its data");
  std::string_view packed = bytes.substr(begin, member.packed);
  std::string content;
  if (member.method == 0) {
    if (member.packed != member.size)
      return bad("its two sizes differ though it is not compressed");
    content = packed;
  } else if (member.method == 8) {
    std::optional<std::string> out = unpack(packed, member.size);
    if (!out)
      return bad("its compressed data are damaged");
    content = std::move(*out);
  } else {
    return bad("it is packed in a way that is not known");
  }
  if (crcOf(content) != member.crc)
    return bad("its checksum is wrong");
  return content;
}

Result<std::vector<NamedTensor>> parseNpz(std::string_view bytes,
                                          const std::string &file) {
  auto bad = [&](std::string message) {
    return makeFileError("bad-file", file, std::move(message));
  };
  std::optional<Directory> directory = findDirectory(bytes);
  if (!directory)
    return bad("not an .npz file, or cut short: it has no zip directory");
  std::string_view rest = bytes.substr(directory->offset, directory->size);
  std::vector<NamedTensor> result;
  std::set<std::string> names;
  for (uint64_t i = 0; i < directory->count; ++i) {
    std::optional<Member> member = readMember(rest);
    if (!member)
      return bad("its zip directory is damaged");
    if (!member->name.ends_with(".npy"))
      continue;
    std::string name = member->name.substr(0, member->name.size() - 4);
    if (!names.insert(name).second)
      return bad("'" + name + "' occurs twice");
    Result<std::string> content = readContent(bytes, *member);
    if (!content)
      return bad("'" + name + "': " + content.error().message);
    Result<Tensor> tensor = parseNpy(*content, file);
    if (!tensor)
      return bad("'" + name + "': " + tensor.error().message);
    result.push_back({std::move(name), std::move(*tensor)});
  }
  return result;
}

Result<std::vector<NamedTensor>> readNpz(const std::filesystem::path &path) {
  Result<std::string> bytes = readFile(path);
  if (!bytes)
    return bytes.error();
  return parseNpz(*bytes, path == "-" ? "<stdin>" : path.string());
}

Result<Tensor> readNpzArray(const std::filesystem::path &path,
                            std::string_view name) {
  Result<std::vector<NamedTensor>> all = readNpz(path);
  if (!all)
    return all.error();
  std::string names;
  for (NamedTensor &entry : *all) {
    if (entry.name == name)
      return std::move(entry.tensor);
    names += (names.empty() ? "'" : ", '") + entry.name + "'";
  }
  return makeFileError("unknown-name", path.string(),
                       "no array '" + std::string(name) + "'; found " +
                           (names.empty() ? "none" : names));
}

/// A raw deflate stream of the bytes, or nothing if zlib cannot.
static std::optional<std::string> pack(std::string_view bytes) {
  if (bytes.size() > UINT_MAX / 2)
    return std::nullopt;
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8,
                   Z_DEFAULT_STRATEGY) != Z_OK)
    return std::nullopt;
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  auto *input = reinterpret_cast<const Bytef *>(bytes.data());
  stream.next_in = const_cast<Bytef *>(input);
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef *>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  int status = deflate(&stream, Z_FINISH);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  if (status != Z_STREAM_END)
    return std::nullopt;
  return out;
}

Result<void> writeNpz(const std::filesystem::path &path,
                      std::span<const NamedTensor> arrays, bool deflate) {
  constexpr uint64_t limit = 0xfffffffe;
  std::string out, directory;
  for (const NamedTensor &entry : arrays) {
    std::string content = serialiseNpy(entry.tensor);
    std::optional<std::string> packed;
    if (deflate)
      packed = pack(content);
    std::string name = entry.name + ".npy";
    const std::string &stored = packed ? *packed : content;
    if (out.size() + stored.size() > limit || content.size() > limit ||
        name.size() > 65535 || arrays.size() > 65534)
      return makeFileError("cannot-write", path.string(),
                           "cannot write: an .npz file above 4 GiB");
    // Version, flags (names are UTF-8), method, time 0 of 1 January 1980.
    std::string common;
    put(common, 20, 2);
    put(common, 0x800, 2);
    put(common, packed ? 8 : 0, 2);
    put(common, 0, 2);
    put(common, 0x21, 2);
    put(common, crcOf(content), 4);
    put(common, stored.size(), 4);
    put(common, content.size(), 4);
    put(common, name.size(), 2);
    put(common, 0, 2);

    put(directory, 0x02014b50, 4);
    put(directory, 20, 2);
    directory += common;
    // No comment, first disk, no attributes.
    directory.append(2 + 2 + 2 + 4, '\0');
    put(directory, out.size(), 4);
    directory += name;

    put(out, 0x04034b50, 4);
    out += common + name + stored;
  }
  uint64_t begin = out.size();
  if (begin + directory.size() > limit)
    return makeFileError("cannot-write", path.string(),
                         "cannot write: an .npz file above 4 GiB");
  out += directory;
  put(out, 0x06054b50, 4);
  put(out, 0, 4);
  put(out, arrays.size(), 2);
  put(out, arrays.size(), 2);
  put(out, directory.size(), 4);
  put(out, begin, 4);
  put(out, 0, 2);
  return writeFile(path, out);
}

} // namespace rnnc::rt
