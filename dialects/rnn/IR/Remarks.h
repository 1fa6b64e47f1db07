//===- Remarks.h - What passes say of their decisions -----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One line in a pass makes one remark, at the place in the model's text. The
// remarks that there are stand in docs/remarks.md.
//
//   remarkDone(op, "hoisted", DEBUG_TYPE,
//              subjectOf(op) + " is computed for all steps at once");
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_DIALECTS_RNN_IR_REMARKS_H
#define RNNC_DIALECTS_RNN_IR_REMARKS_H

#include "mlir/IR/Operation.h"
#include "llvm/ADT/Twine.h"
#include <string>

namespace rnnc::rnn {

/// Whether somebody reads remarks. Ask before work that only they need.
bool wantsRemarks(mlir::Operation *op);

/// Something was done to `op`, was refused (the text says why), or is so. `id`
/// is the remark's word; `pass` its category. The remark stands where `op` was
/// written; ops of a scan name the scan as well. Does nothing unless somebody
/// reads remarks.
void remarkDone(mlir::Operation *op, llvm::StringRef id, llvm::StringRef pass,
                const llvm::Twine &text);
void remarkRefused(mlir::Operation *op, llvm::StringRef id,
                   llvm::StringRef pass, const llvm::Twine &text);
void remarkFact(mlir::Operation *op, llvm::StringRef id, llvm::StringRef pass,
                const llvm::Twine &text);

/// The same of several ops that became one, or that one is refused because of.
/// The first one's place is the remark's, the others follow as notes.
void remarkDone(llvm::ArrayRef<mlir::Operation *> ops, llvm::StringRef id,
                llvm::StringRef pass, const llvm::Twine &text);
void remarkRefused(llvm::ArrayRef<mlir::Operation *> ops, llvm::StringRef id,
                   llvm::StringRef pass, const llvm::Twine &text);

/// The kind of thing `op` is, for a remark's text: "product", "look-up", "loop
/// over time"; "gradient product" if a derivative made it, "repeated product"
/// if a loop of a derivative does it again.
std::string subjectOf(mlir::Operation *op);

/// " of 'net.0'" where `op` belongs to an instance of that name; else "".
std::string ofInstance(mlir::Operation *op);

/// "1 value", "2 values".
std::string counted(size_t count, llvm::StringRef noun);

/// The place of what the derivative of something written at `loc` adds.
mlir::Location gradientLoc(mlir::Location loc);
/// Whether `loc` is such a place.
bool isGradientLoc(mlir::Location loc);

/// "12 KiB", "1.5 MiB".
std::string bytesText(int64_t bytes);

} // namespace rnnc::rnn

#endif
