//===- Passes.td - Passes on elementary functions ----------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From math ops to arithmetic, and to calls for the rest.
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_COMPILER_CODEGEN_MATH_PASSES_TD
#define RNNC_COMPILER_CODEGEN_MATH_PASSES_TD

include "mlir/Pass/PassBase.td"

def ExpandMathPass : Pass<"expand-math", "::mlir::func::FuncOp"> {
  let summary = "elementary functions become polynomials";
  let description = [{
    `math.exp`, `exp2`, `expm1`, `log`, `log2`, `log1p`, `tanh`, `rnn.sigmoid`
    and `rnn.softplus` on f32, scalars or vectors of any width, become `arith`
    ops and `math.fma`: at most 4 ulp from the exact value for every f32,
    denormal results and arguments included; overflow gives infinity, NaN gives
    NaN. A scalar and a lane of a vector give the same bits.

    `rnn.sigmoid` and `rnn.softplus` of other float types become formulas over
    `math.exp` and `math.log1p` that neither overflow nor cancel. All other ops
    stay, and so does everything on tensors.

    Accepts any function. Run before `convert-math-to-calls`.

    ```mlir
    %e = math.exp %x : f32
    // becomes, without the limits of the range
    %n = roundeven(%x * log2(e));  %r = %x - %n * log(2);  %e = polynomial(%r) * 2^%n
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
  let statistics = [Statistic<"numExpanded", "functions-expanded", "Number of ops that became arithmetic">];
}

def ConvertMathToCallsPass : Pass<"convert-math-to-calls", "::mlir::ModuleOp"> {
  let summary = "elementary functions without an instruction become calls of libm";
  let description = [{
    What `expand-math` left (`sin`, `erf`, `powf`, f64 `exp`, ..) becomes calls of
    libm, vectors lane by lane. Ops that are an instruction on the CPU or that
    LLVM expands exactly (`sqrt`, `absf`, `floor`, `fma`, `copysign`, integer
    ops, ..) stay.

    ```mlir
    %s = math.sin %x : f32
    // becomes
    %s = call @sinf(%x) : (f32) -> f32
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
                           "::mlir::vector::VectorDialect"];
}

#endif
