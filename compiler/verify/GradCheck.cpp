//===- GradCheck.cpp - Gradients against central differences --------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/verify/GradCheck.h"
#include "compiler/verify/Random.h"

using namespace mlir;
using namespace rnnc;
using rnnc::rnn::ArgKind;
using rnnc::rnn::Array;
using rnnc::rnn::DType;

/// What a gradient of this name is taken by: a parameter, else an input, else
/// a state. Null if nothing real has that name.
static Bindings::Entry const *subjectOf(const Bindings &at,
                                        llvm::StringRef name) {
  for (ArgKind kind :
       {ArgKind::Param, ArgKind::Input, ArgKind::Target, ArgKind::State})
    for (const Bindings::Entry &entry : at.entries())
      if (entry.kind == kind && entry.name == name && entry.array.isReal())
        return &entry;
  return nullptr;
}

/// Which entries are checked: all, or `samples` of them, ascending.
static std::vector<int64_t> chooseEntries(int64_t size, int64_t samples,
                                          Random &random) {
  std::vector<int64_t> chosen(size);
  for (int64_t i = 0; i < size; ++i)
    chosen[i] = i;
  if (size > samples) {
    for (int64_t i = 0; i < samples; ++i)
      std::swap(chosen[i], chosen[random.between(i, size - 1)]);
    chosen.resize(samples);
    llvm::sort(chosen);
  }
  return chosen;
}

static double relativeError(double a, double b) {
  if (std::isnan(a) || std::isnan(b))
    return std::numeric_limits<double>::infinity();
  return std::fabs(a - b) / std::max({std::fabs(a), std::fabs(b), 1e-3});
}

llvm::Expected<SubjectCheck>
rnnc::checkGradients(llvm::StringRef subject, func::FuncOp loss,
                     const RunFunction &runLoss, func::FuncOp grad,
                     const RunFunction &runGrad, const Bindings &at,
                     const GradCheckOptions &options) {
  llvm::Expected<std::vector<Array>> args = at.arguments(grad);
  if (!args)
    return args.takeError();
  llvm::Expected<std::vector<Array>> results = runGrad(*args);
  if (!results)
    return results.takeError();

  SubjectCheck check;
  check.subject = subject.str();
  Random random(options.seed);
  Bindings moved = at;
  for (auto [i, gradient] : llvm::enumerate(*results)) {
    auto arg = grad.getResultAttrOfType<rnn::ArgAttr>(i, rnn::kArgAttrName);
    if (!arg || arg.getKind() != ArgKind::Grad)
      continue;
    const Bindings::Entry *entry = subjectOf(at, arg.getName());
    if (!entry)
      return llvm::createStringError("gradient of unknown '" +
                                     arg.getName().getValue() + "'");
    if (entry->array.dtype != DType::F64 || gradient.dtype != DType::F64)
      return llvm::createStringError("gradients are checked in f64");
    if (entry->array.shape != gradient.shape)
      return llvm::createStringError(
          "gradient of '" + arg.getName().getValue() + "' has shape " +
          rnn::shapeText(gradient.shape) + ", the value " +
          rnn::shapeText(entry->array.shape));

    TensorCheck tensor;
    tensor.name = entry->name;
    tensor.kind = rnn::stringifyArgKind(entry->kind).str();
    tensor.shape = entry->array.shape;
    Array &value = *moved.find(entry->kind, entry->name);
    for (int64_t k : chooseEntries(gradient.size(), options.samples, random)) {
      double original = value.number(k), computed = gradient.number(k);
      double best = std::numeric_limits<double>::infinity(), difference = 0;
      for (double step : {1e-4, 1e-5, 1e-6}) {
        double h = step * std::max(1.0, std::fabs(original));
        double f[4];
        for (auto [j, offset] :
             llvm::enumerate(std::array<double, 4>{-2, -1, 1, 2})) {
          value.set(k, original + offset * h);
          llvm::Expected<std::vector<Array>> lossArgs = moved.arguments(loss);
          if (!lossArgs)
            return lossArgs.takeError();
          llvm::Expected<std::vector<Array>> losses = runLoss(*lossArgs);
          if (!losses)
            return losses.takeError();
          f[j] = losses->front().number(0);
        }
        value.set(k, original);
        double slope = (f[0] - f[3] + 8 * (f[2] - f[1])) / (12 * h);
        double error = relativeError(computed, slope);
        if (error < best || std::isnan(slope)) {
          best = error;
          difference = slope;
        }
        if (best <= options.tolerance / 4)
          break;
      }
      ++tensor.checked;
      if (best > tensor.maxRelError || tensor.worst < 0) {
        tensor.maxRelError = best;
        tensor.worst = k;
        tensor.gradient = computed;
        tensor.difference = difference;
      }
    }
    check.maxRelError = std::max(check.maxRelError, tensor.maxRelError);
    check.tensors.push_back(std::move(tensor));
  }
  return check;
}
