//===- Safetensors.cpp - weights in files ---------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading checks: header length, JSON, types, shapes, offsets, overlaps, holes.
//
//===----------------------------------------------------------------------===//
#include "runtime/Safetensors.h"

#include "runtime/AtomicFile.h"
#include "runtime/Widen.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

namespace rnnc::rt {

using Json = nlohmann::json;

/// The longest header that is read, as the reference implementation has it.
static constexpr uint64_t headerLimit = 100'000'000;

const Tensor *TensorFile::find(std::string_view name) const {
  for (const NamedTensor &entry : tensors)
    if (entry.name == name)
      return &entry.tensor;
  return nullptr;
}

Tensor *TensorFile::find(std::string_view name) {
  return const_cast<Tensor *>(std::as_const(*this).find(name));
}

/// The stored type of a safetensors dtype, or nothing.
static std::optional<StoredType> storedType(std::string_view name) {
  static constexpr std::pair<std::string_view, StoredType> table[] = {
      {"F32", StoredType::F32},   {"F64", StoredType::F64},
      {"I32", StoredType::I32},   {"I64", StoredType::I64},
      {"BOOL", StoredType::Bool}, {"F16", StoredType::F16},
      {"BF16", StoredType::BF16}, {"U8", StoredType::U8},
      {"I8", StoredType::I8},     {"I16", StoredType::I16},
      {"U16", StoredType::U16},   {"U32", StoredType::U32}};
  for (const auto &[key, type] : table)
    if (key == name)
      return type;
  return std::nullopt;
}

/// The safetensors dtype of a tensor.
static std::string_view storedName(DType type) {
  switch (type) {
  case DType::F32:
    return "F32";
  case DType::F64:
    return "F64";
  case DType::I32:
    return "I32";
  case DType::I64:
    return "I64";
  case DType::Bool:
    return "BOOL";
  }
  return "";
}

/// A JSON number that is a whole number of at least 0 and fits.
static std::optional<int64_t> wholeNumber(const Json &value) {
  if (!value.is_number_unsigned())
    return std::nullopt;
  uint64_t number = value.get<uint64_t>();
  if (number > uint64_t(INT64_MAX))
    return std::nullopt;
  return static_cast<int64_t>(number);
}

namespace {
/// A tensor's entry in the header, checked.
struct Entry {
  std::string name;
  StoredType type;
  std::vector<int64_t> shape;
  int64_t begin, end;
};
} // namespace

/// Reads an entry of the header; the message of an error lacks the name.
static Result<Entry> readEntry(const std::string &name, const Json &value,
                               int64_t dataSize) {
  auto bad = [](std::string message) {
    return makeError("bad-file", std::move(message));
  };
  if (!value.is_object())
    return bad("expected an object with dtype, shape and data_offsets");
  auto dtype = value.find("dtype"), shape = value.find("shape"),
       offsets = value.find("data_offsets");
  if (dtype == value.end() || !dtype->is_string())
    return bad("no dtype");
  std::optional<StoredType> type =
      storedType(dtype->get_ref<const std::string &>());
  if (!type)
    return bad("dtype '" + dtype->get<std::string>() + "' is not known");
  if (shape == value.end() || !shape->is_array() || shape->size() > 64)
    return bad("no shape");
  Entry entry{name, *type, {}, 0, 0};
  for (const Json &extent : *shape) {
    std::optional<int64_t> number = wholeNumber(extent);
    if (!number)
      return bad("the shape has an extent that is no whole number");
    entry.shape.push_back(*number);
  }
  if (offsets == value.end() || !offsets->is_array() || offsets->size() != 2)
    return bad("no data_offsets");
  std::optional<int64_t> begin = wholeNumber((*offsets)[0]);
  std::optional<int64_t> end = wholeNumber((*offsets)[1]);
  if (!begin || !end || *begin > *end)
    return bad("data_offsets are not two rising whole numbers");
  if (*end > dataSize)
    return bad("data end at byte " + std::to_string(*end) + ", the file has " +
               std::to_string(dataSize) + " bytes of data");
  std::optional<int64_t> count = elementCount(entry.shape, storedSize(*type));
  if (!count ||
      *count * static_cast<int64_t>(storedSize(*type)) != *end - *begin)
    return bad("shape " + shapeText(entry.shape) + " of " +
               dtype->get<std::string>() + " does not fit " +
               std::to_string(*end - *begin) + " bytes");
  entry.begin = *begin;
  entry.end = *end;
  return entry;
}

/// Parses the header; a name that occurs twice is an error.
static Result<Json> parseHeader(std::string_view text,
                                const std::string &file) {
  std::string duplicate;
  bool twice = false, deep = false;
  std::set<std::string> names;
  auto watch = [&](int depth, Json::parse_event_t event, Json &parsed) {
    if (depth > 8) {
      deep = true;
      return false;
    }
    if (event == Json::parse_event_t::key && depth == 1 &&
        !names.insert(parsed.get<std::string>()).second && !twice) {
      twice = true;
      duplicate = parsed.get<std::string>();
    }
    return true;
  };
  Json header = Json::parse(text.begin(), text.end(), watch, false);
  if (header.is_discarded() || !header.is_object() || deep)
    return makeFileError("bad-file", file,
                         "the header of the safetensors file is not a JSON "
                         "object");
  if (twice)
    return makeFileError("bad-file", file,
                         "'" + duplicate + "' occurs twice in the header");
  return header;
}

Result<TensorFile> parseSafetensors(std::string_view bytes,
                                    const std::string &file) {
  auto bad = [&](std::string message) {
    return makeFileError("bad-file", file, std::move(message));
  };
  if (bytes.size() < 8)
    return bad("not a safetensors file: " + std::to_string(bytes.size()) +
               " bytes, at least 8 are needed");
  uint64_t headerSize = 0;
  for (int i = 0; i < 8; ++i)
    headerSize |= uint64_t(uint8_t(bytes[i])) << (8 * i);
  if (headerSize > headerLimit || headerSize > bytes.size() - 8)
    return bad("not a safetensors file, or cut short: the header has " +
               std::to_string(headerSize) + " bytes, the file " +
               std::to_string(bytes.size()));
  Result<Json> header = parseHeader(bytes.substr(8, headerSize), file);
  if (!header)
    return header.error();
  std::string_view data = bytes.substr(8 + headerSize);

  TensorFile result;
  std::vector<Entry> entries;
  for (const auto &[name, value] : header->items()) {
    if (name == "__metadata__") {
      if (!value.is_object())
        return bad("'__metadata__' is not an object");
      for (const auto &[key, text] : value.items()) {
        if (!text.is_string())
          return bad("'__metadata__' has a value that is not text: '" + key +
                     "'");
        result.metadata[key] = text.get<std::string>();
      }
      continue;
    }
    Result<Entry> entry =
        readEntry(name, value, static_cast<int64_t>(data.size()));
    if (!entry)
      return bad("'" + name + "': " + entry.error().message);
    entries.push_back(std::move(*entry));
  }

  std::sort(entries.begin(), entries.end(), [](const Entry &a, const Entry &b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  int64_t reached = 0;
  for (size_t i = 0; i < entries.size(); ++i) {
    const Entry &entry = entries[i];
    if (entry.begin < reached)
      return bad("'" + entry.name + "' overlaps '" + entries[i - 1].name + "'");
    if (entry.begin > reached)
      return bad("bytes " + std::to_string(reached) + " to " +
                 std::to_string(entry.begin) +
                 " of the data belong to no "
                 "tensor");
    reached = entry.end;
  }
  if (reached != static_cast<int64_t>(data.size()))
    return bad("the tensors have " + std::to_string(reached) +
               " bytes, the file has " + std::to_string(data.size()) +
               " bytes of data");

  for (Entry &entry : entries) {
    Result<Tensor> tensor =
        widen(entry.type, std::move(entry.shape),
              data.substr(static_cast<size_t>(entry.begin),
                          static_cast<size_t>(entry.end - entry.begin)));
    if (!tensor)
      return bad("'" + entry.name + "': " + tensor.error().message);
    result.add(std::move(entry.name), std::move(*tensor));
  }
  return result;
}

Result<TensorFile> readSafetensors(const std::filesystem::path &path) {
  Result<std::string> bytes = readFile(path);
  if (!bytes)
    return bytes.error();
  return parseSafetensors(*bytes, path == "-" ? "<stdin>" : path.string());
}

Result<std::string>
serialiseSafetensors(const TensorFile &content,
                     const std::map<std::string, std::string> &extra) {
  auto bad = [](std::string message) {
    return makeError("bad-name", std::move(message));
  };
  Json header = Json::object();
  std::map<std::string, std::string> metadata = extra;
  metadata.insert(content.metadata.begin(), content.metadata.end());
  if (!metadata.empty())
    header["__metadata__"] = metadata;
  // Wider types first, so that every tensor is aligned to its own size.
  std::vector<const NamedTensor *> order;
  for (const NamedTensor &entry : content.tensors)
    order.push_back(&entry);
  std::sort(order.begin(), order.end(),
            [](const NamedTensor *a, const NamedTensor *b) {
              size_t left = sizeOf(a->tensor.dtype()),
                     right = sizeOf(b->tensor.dtype());
              return left != right ? left > right : a < b;
            });
  int64_t offset = 0;
  std::set<std::string_view> names{"__metadata__"};
  for (const NamedTensor *entry : order) {
    if (!names.insert(entry->name).second)
      return bad("a tensor cannot be named '" + entry->name +
                 "': the name is taken");
    header[entry->name] = {
        {"dtype", storedName(entry->tensor.dtype())},
        {"shape", entry->tensor.shape()},
        {"data_offsets", {offset, offset + entry->tensor.bytes()}}};
    offset += entry->tensor.bytes();
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const Json::exception &) {
    return bad("a tensor's name or the metadata are not UTF-8");
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');
  std::string bytes;
  bytes.reserve(8 + text.size() + static_cast<size_t>(offset));
  for (int i = 0; i < 8; ++i)
    bytes += static_cast<char>(text.size() >> (8 * i) & 0xff);
  bytes += text;
  for (const NamedTensor *entry : order)
    bytes.append(static_cast<const char *>(entry->tensor.data()),
                 static_cast<size_t>(entry->tensor.bytes()));
  return bytes;
}

Result<void> writeSafetensors(const std::filesystem::path &path,
                              const TensorFile &content) {
  Result<std::string> bytes = serialiseSafetensors(content);
  if (!bytes) {
    Error error = bytes.error();
    error.file = path.string();
    return error;
  }
  return writeFile(path, *bytes);
}

} // namespace rnnc::rt
