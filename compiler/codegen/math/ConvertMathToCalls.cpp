//===- ConvertMathToCalls.cpp - The rest of math becomes calls ------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Upstream's patterns for libm, applied only to what has no instruction.
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/math/Passes.h"
#include "mlir/Conversion/MathToLibm/MathToLibm.h"
#include "mlir/Transforms/DialectConversion.h"

#define DEBUG_TYPE "convert-math-to-calls"

namespace rnnc {
#define GEN_PASS_DEF_CONVERTMATHTOCALLSPASS
#include "compiler/codegen/math/Passes.h.inc"
} // namespace rnnc

using namespace mlir;
using namespace rnnc;

namespace {
struct ConvertMathToCallsPass
    : rnnc::impl::ConvertMathToCallsPassBase<ConvertMathToCallsPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateMathToLibmConversionPatterns(patterns);
    ConversionTarget target(getContext());
    target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
    target.addIllegalOp<
        math::AcosOp, math::AcoshOp, math::AsinOp, math::AsinhOp, math::AtanOp,
        math::Atan2Op, math::AtanhOp, math::CbrtOp, math::CosOp, math::CoshOp,
        math::ErfOp, math::ErfcOp, math::ExpOp, math::Exp2Op, math::ExpM1Op,
        math::LogOp, math::Log10Op, math::Log1pOp, math::Log2Op, math::PowFOp,
        math::RoundOp, math::SinOp, math::SinhOp, math::TanOp, math::TanhOp>();
    if (failed(applyPartialConversion(getOperation(), target,
                                      std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
