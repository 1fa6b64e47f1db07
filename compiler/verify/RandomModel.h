//===- RandomModel.h - Seeded random model texts ----------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Makes well-typed models at random: cells of random equations, stacks of
// them, initial states, reductions over time, losses. The tests send each
// through front end, interpreter and compiled code. A model is kept as phrases
// and not as text, so that one that fails can be made smaller.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_COMPILER_VERIFY_RANDOMMODEL_H
#define RNNC_COMPILER_VERIFY_RANDOMMODEL_H

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace rnnc {

/// A pattern whose $0, $1, ... stand for its parts.
struct Phrase {
  std::string pattern;
  /// Own shape as text, "[4]" or "real", and "seq" before it if it may have
  /// the time axis. A phrase may stand for another of the same type.
  std::string type;
  std::vector<Phrase> parts;

  std::string text() const;
};

/// One line of a block: a declaration or a statement, and the names it
/// defines. A line none of whose names is used can go.
struct Line {
  Phrase phrase;
  std::vector<std::string> defines;
};

/// A cell: `cell HEADER {` lines `}`.
struct RandomCell {
  std::string name, header;
  std::vector<Line> lines;
};

class RandomModel {
public:
  struct Options {
    uint64_t seed = 1;
    /// Names of library cells that take one size and one input.
    std::vector<std::string> cells;
  };

  /// The model of a seed: always the same one.
  static RandomModel generate(const Options &options);

  /// The text of all cells and of the model.
  std::string text() const;
  /// Extents to run it with, by axis name.
  const std::map<std::string, int64_t> &extents() const { return sizes; }
  /// Number of classes of each input and target of ids.
  const std::map<std::string, int64_t> &ranges() const { return classes; }
  /// Whether it is to be compiled as a stream: states are arguments.
  bool isStream() const { return stream; }

  /// Models a little smaller, the boldest first. Some may not be well-typed.
  std::vector<RandomModel> reductions() const;

private:
  friend class ModelWriter;
  void dropUnused();

  std::vector<RandomCell> cells;
  std::vector<Line> lines;
  std::map<std::string, int64_t> sizes, classes;
  bool stream = false;
};

/// The smallest model found, from `model` on, for which `fails` is true, in at
/// most `attempts` tries.
RandomModel shrink(RandomModel model,
                   const std::function<bool(const RandomModel &)> &fails,
                   int attempts = 1000);

} // namespace rnnc

#endif
