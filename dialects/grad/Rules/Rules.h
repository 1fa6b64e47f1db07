//===- Rules.h - Derivative rules, family by family -------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rules are external models of AdjointOpInterface. Most ops have one result;
// their rule is a plain function of op, cotangent and adjoint.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_DIALECTS_GRAD_RULES_RULES_H
#define RNNC_DIALECTS_GRAD_RULES_RULES_H

#include "dialects/grad/Interfaces/Adjoint.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/MLIRContext.h"

namespace rnnc::grad {

namespace detail {
template <class Op, class Rule>
struct RuleModel : AdjointOpInterface::ExternalModel<RuleModel<Op, Rule>, Op> {
  llvm::LogicalResult addAdjoint(mlir::Operation *op,
                                 llvm::ArrayRef<mlir::Value> cotangents,
                                 Adjoint &adjoint) const {
    Rule()(mlir::cast<Op>(op), cotangents.front(), adjoint);
    return llvm::success();
  }
};

template <class Op>
struct ZeroModel : AdjointOpInterface::ExternalModel<ZeroModel<Op>, Op> {
  llvm::LogicalResult addAdjoint(mlir::Operation *, llvm::ArrayRef<mlir::Value>,
                                 Adjoint &) const {
    return llvm::success();
  }
  bool stopsGradient(mlir::Operation *) const { return true; }
};
} // namespace detail

/// Gives `Op`, which has one result, the rule `rule(op, cotangent, adjoint)`;
/// a lambda without captures.
template <class Op, class Rule>
void attachRule(mlir::MLIRContext *context, Rule) {
  Op::template attachInterface<detail::RuleModel<Op, Rule>>(*context);
}

/// Marks ops whose derivative is 0 everywhere.
template <class... Ops> void attachZero(mlir::MLIRContext *context) {
  (Ops::template attachInterface<detail::ZeroModel<Ops>>(*context), ...);
}

void registerArithRules(mlir::DialectRegistry &registry);
void registerMathRules(mlir::DialectRegistry &registry);
void attachLabelledRules(mlir::MLIRContext *context);
void attachMovementRules(mlir::MLIRContext *context);
void attachValueRules(mlir::MLIRContext *context);
void attachScanRule(mlir::MLIRContext *context);

/// All of them.
void registerAdjointRules(mlir::DialectRegistry &registry);

} // namespace rnnc::grad

#endif
