//===- ApiState.h - What the handles of the C++ interface hold --*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_APISTATE_H
#define RNNC_COMPILER_DRIVER_APISTATE_H

#include "compiler/driver/TrainLoop.h"

#include <atomic>

namespace rnnc::api {

struct ModelState {
  std::shared_ptr<driver::Project> project;
  std::unique_ptr<hir::Model> model;
  /// Whether steps of training follow one another.
  bool stream = false;
  /// Calls of the forward function that nobody uses right now.
  std::vector<std::unique_ptr<driver::Call>> idle;
  std::mutex mutex;
  std::atomic<bool> teamTaken = false;

  Result<std::unique_ptr<driver::Call>> take();
  void giveBack(std::unique_ptr<driver::Call> call);
};

struct StreamState {
  std::shared_ptr<driver::Project> project;
  std::optional<driver::Call> call;
  /// All states in one piece, each at a multiple of 64, then one byte that says
  /// whether a step was made. A step reads one piece and writes the other.
  driver::Buffer memory[2];
  int current = 0;
  int64_t bytes = 0;
  /// Arguments and results that a step touches.
  std::vector<driver::Call::Slot *> fresh, inputs, outputs;

  std::byte &started(int piece) {
    return static_cast<std::byte *>(memory[piece].data())[bytes - 64];
  }
};

struct TrainerState {
  Model model;
  std::unique_ptr<driver::Session> session;
  driver::TrainPlan plan;
  driver::TrainState state;
  bool stream = false;
  std::set<std::string> ragged;
};

} // namespace rnnc::api

namespace rnnc::driver {

rt::DType toRuntime(api::DType type);
/// Reads extents from the shape of an input or target.
Result<void> readShape(const hir::Model &model, const hir::Input &input,
                       const api::Tensor &tensor,
                       std::map<std::string, int64_t> &extents);
/// Copies an array into an argument; type, shape and range must fit.
Result<void> copyIn(Call::Slot &slot, const api::Tensor &tensor,
                    const hir::Model &model);

} // namespace rnnc::driver

#endif
