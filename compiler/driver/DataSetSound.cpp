//===- DataSetSound.cpp - Sound as data -----------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A .wav as a series, a folder or a column of them as examples, and labels from
// the names of files and folders.
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/DataSetLoader.h"
#include "runtime/Sha256.h"

#include <algorithm>
#include <cstring>
#include <filesystem>

using namespace rnnc;
using namespace rnnc::driver;
namespace fs = std::filesystem;

Result<void> Loader::addSounds(const std::vector<std::string> &paths,
                               Column &made) {
  made.examples = made.sequence = made.scalable = true;
  made.offsets = {0};
  std::vector<float> values;
  for (const std::string &path : paths) {
    auto file = rt::MappedFile::open(path);
    if (!file)
      return fromRuntime(file.error());
    auto sound = rt::parseWav((*file)->bytes(), path);
    if (!sound)
      return fromRuntime(sound.error());
    if (soundRate == 0) {
      soundRate = sound->rate;
      soundRateOf = path;
    } else if (sound->rate != soundRate) {
      return makeError("data-size",
                       "'" + path + "' has " + std::to_string(sound->rate) +
                           " samples a second, '" + soundRateOf + "' has " +
                           std::to_string(soundRate));
    }
    rt::Tensor steps = rt::featuresOf(*sound, features);
    std::span<const float> from = steps.as<float>();
    values.insert(values.end(), from.begin(), from.end());
    made.offsets.push_back(made.offsets.back() + steps.shape()[0]);
  }
  auto converted = rt::Tensor::of<float>({made.offsets.back(), features.count},
                                         std::span<const float>(values))
                       .convert(elementType(*made.input));
  if (!converted)
    return fromRuntime(converted.error());
  made.tensor = std::move(*converted);
  return {};
}

Result<void> Loader::readSound(const Binding &binding,
                               std::vector<Column> &columns) {
  const hir::Type &type = binding.input->type;
  if (type.elem != hir::Elem::Real || type.axes.size() != 1 ||
      type.shape.size() != 1)
    return misfit(binding, "is sound");
  auto sound = rt::parseWav(binding.source->bytes(), binding.source->shown);
  if (!sound)
    return fromRuntime(sound.error());
  return addTensor(binding, *binding.input, rt::featuresOf(*sound, features),
                   columns);
}

Result<void> Loader::readFolder(const Binding &binding,
                                std::vector<Column> &columns) {
  // All .wav below the folder, in the order of their names.
  const fs::path folder = binding.source->path;
  const hir::Input &input = *binding.input;
  std::vector<std::string> paths;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end;
       !error && it != end; it.increment(error))
    if (it->path().extension() == ".wav" && it->is_regular_file(error))
      paths.push_back(it->path().string());
  if (error)
    return makeError("cannot-read", "cannot read '" + folder.string() +
                                        "': " + error.message());
  if (paths.empty())
    return makeError("empty-data",
                     "'" + folder.string() + "' has no .wav files");
  std::sort(paths.begin(), paths.end());
  if (!binding.source->file) {
    // One checksum for the folder: of the names and checksums of its files.
    rt::Sha256 all;
    uint64_t bytes = 0;
    for (const std::string &path : paths) {
      auto file = rt::MappedFile::open(path);
      if (!file)
        return fromRuntime(file.error());
      bytes += (*file)->bytes().size();
      all.update(fs::relative(path, folder, error).string() + "\n" +
                 rt::sha256((*file)->bytes()) + "\n");
    }
    out.files.push_back({{"path", fs::absolute(folder, error).string()},
                         {"bytes", bytes},
                         {"sha256", all.finish()}});
    binding.source->file = rt::MappedFile::of(std::string());
  }
  Column made;
  made.input = &input;
  made.source = binding.source;
  const hir::Type &type = input.type;
  if (binding.field.empty()) {
    if (type.elem != hir::Elem::Real || type.axes.size() != 1 ||
        type.shape.size() != 1) {
      bool label = type.elem == hir::Elem::Int && type.axes.empty();
      Error error = misfit(binding, "holds sounds");
      if (label)
        return makeError("data-type", error.message,
                         "write " + input.name + "=" + binding.file +
                             "#name (up to the first '_') or #folder");
      return error;
    }
    if (auto done = addSounds(paths, made); !done)
      return done;
    columns.push_back(std::move(made));
    return {};
  }
  // Labels: a table of one column made of the names.
  auto table = std::make_shared<rt::Table>(rt::TableKind::Tsv,
                                           binding.source->shown);
  for (const std::string &path : paths) {
    std::string label;
    if (binding.field == "folder")
      label = fs::path(path).parent_path().filename().string();
    else if (binding.field == "name")
      label = fs::path(path).stem().string().substr(
          0, fs::path(path).stem().string().find('_'));
    else
      return makeError("unknown-field", "'" + binding.source->shown +
                                            "' is a folder: its labels are "
                                            "#name or #folder, found '#" +
                                            binding.field + "'");
    table->addRow(std::move(label));
  }
  if (type.elem != hir::Elem::Int || !type.axes.empty() || !type.shape.empty())
    return misfit(binding, "gives labels");
  made.examples = true;
  auto source = std::make_shared<Source>(*binding.source);
  source->table = std::move(table);
  Binding labels = binding;
  labels.source = source;
  made.source = source;
  if (auto done = tableLabels(labels, 0, made); !done)
    return done;
  made.lines.clear();
  columns.push_back(std::move(made));
  return {};
}
