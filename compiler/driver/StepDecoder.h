//===- StepDecoder.h - Sequences made for examples --------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Makes the target of a prediction for examples of data, token by token: what
// no token changes is computed once for each example, then a step after the
// other for all examples side by side.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_STEPDECODER_H
#define RNNC_COMPILER_DRIVER_STEPDECODER_H

#include "compiler/driver/Beam.h"
#include "compiler/driver/Training.h"

namespace rnnc::driver {

class StepDecoder {
public:
  /// Compiles both parts. An error if nothing takes the token made before, or
  /// if an input goes along the target's axis.
  static Result<std::unique_ptr<StepDecoder>>
  create(std::shared_ptr<Project> project, const std::set<std::string> &ragged);

  /// The code, to load weights for.
  Code &code() { return *parts.step->code; }

  /// For each example the `width` likeliest sequences found, the best first; 1
  /// takes the likeliest token at each step.
  Result<std::vector<std::vector<Sample>>>
  decode(const DataPart &part, std::span<const int64_t> rows, int64_t width,
         const SampleOptions &options);

private:
  Result<void> fill(const rt::ExampleBatch &batch, Call *once, int64_t width);
  void give(std::span<const int32_t> tokens);
  void moveRows(std::span<const int32_t> from);

  std::shared_ptr<Project> project;
  StepCode parts;
  std::unique_ptr<Session> once;
  std::optional<Call> step;
  /// States that hold the token before, and the target's axes.
  std::vector<std::string> tokenStates, targetAxes;
  std::vector<char> moved;
};

} // namespace rnnc::driver

#endif
