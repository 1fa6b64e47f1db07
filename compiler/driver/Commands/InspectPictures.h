//===- InspectPictures.h - The pictures of rnnc inspect ---------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_COMMANDS_INSPECTPICTURES_H
#define RNNC_COMPILER_DRIVER_COMMANDS_INSPECTPICTURES_H

#include "compiler/driver/Commands/InspectInput.h"
#include "compiler/driver/Observe.h"

#include <set>

namespace rnnc::driver {

/// Makes the pictures of one kind after the other, and the numbers behind them.
class Pictures {
public:
  Pictures(OpenedModel &opened, InspectData &data, Console &console,
           std::string folder, bool png)
      : opened(opened), data(data), console(console), folder(std::move(folder)),
        png(png) {}

  /// Each says whether the model has such a thing; an error if it cannot be
  /// made. `subject` is the example that is looked at.
  Result<bool> states(const Inspected &subject);
  Result<bool> gates(const Inspected &subject);
  Result<bool> gradients(const Inspected &subject);
  Result<bool> attention(const Inspected &subject);
  /// Tables of embeddings, and with data the states after the last step of at
  /// most so many examples.
  Result<bool> components(bool withData, int64_t points);

  /// The files written so far.
  const std::vector<std::string> &files() const { return written; }

private:
  using Change = std::function<std::vector<Observed>(hir::Model &)>;
  Result<std::unique_ptr<hir::Model>> freshModel(bool needLoss);
  /// The model that runs in evaluation.
  static hir::Model &evaluated(hir::Model &model) {
    return model.evaluation ? *model.evaluation : model;
  }
  Result<std::unique_ptr<Probe>> probe(std::unique_ptr<hir::Model> model,
                                       std::vector<std::string> entries,
                                       const ProbeInput *input);
  Result<bool> maps(const Inspected &subject, const char *what,
                    const Change &change);
  Result<void> tables(bool &any);
  Result<void> finals(int64_t points, bool &any);
  Result<void> save(const char *what, const std::string &name,
                    const std::string &svg);
  Result<void> savePng(const std::string &svgFile, const std::string &pngFile);
  std::string axisName(const hir::Model &model, int axis) const;
  /// The symbols along an axis, and the input they are of.
  std::vector<std::string> labelsOf(const hir::Model &model, int axis,
                                    const Inspected &subject,
                                    std::string *input = nullptr) const;
  std::string axisTitle(const hir::Model &model, int axis,
                        const Inspected &subject) const;

  OpenedModel &opened;
  InspectData &data;
  Console &console;
  std::string folder;
  bool png;
  std::set<std::string> names;
  std::vector<std::string> written;
};

} // namespace rnnc::driver

#endif
