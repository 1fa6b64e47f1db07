//===- TestFolder.h - a folder for one test ---------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tests that write files use it.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_TESTS_UNIT_RUNTIME_TESTFOLDER_H
#define RNNC_TESTS_UNIT_RUNTIME_TESTFOLDER_H

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace rnnc::rt {

/// A new empty folder, removed with all it holds at the end.
struct TestFolder {
  TestFolder() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "rnnrt-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::filesystem::path operator/(const char *name) const {
    return path / name;
  }
  /// The names in it, sorted.
  std::vector<std::string> names() const {
    std::vector<std::string> result;
    for (const auto &entry : std::filesystem::directory_iterator(path))
      result.push_back(entry.path().filename().string());
    std::sort(result.begin(), result.end());
    return result;
  }
  std::filesystem::path path;
};

} // namespace rnnc::rt

#endif // RNNC_TESTS_UNIT_RUNTIME_TESTFOLDER_H
