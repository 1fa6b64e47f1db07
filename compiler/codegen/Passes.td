//===- Passes.td - From kernels to loops over memory -------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_CODEGEN_PASSES_TD
#define RNNC_CODEGEN_PASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertStepToLLVMPass : Pass<"convert-step-to-llvm", "::mlir::ModuleOp"> {
  let summary = "write the loops, vectors and pointers that run each function";
  let description = [{
    Accepts functions on tensors after `step-form-maps`; their arguments and
    results carry `rnn.arg`. Each public function NAME becomes
    `NAME(call: !llvm.ptr, thread: i64)`, which takes an `rnnrt_call`, and
    `NAME_arena(extents: !llvm.ptr) -> i64`, which tells the bytes of scratch
    memory; `NAME_prepared` tells those of memory that the caller keeps for
    what is made from arguments of kind `param` alone, and that a call with
    `is_prepared` does not make again (0 where the function returns a `param`);
    `NAME_threads(extents: !llvm.ptr, most: i64) -> i64` how many of `most`
    threads such a call is worth.
    The code allocates nothing. What is left are scf, arith, math and
    vector ops on scalars and vectors, and llvm loads and stores.
  }];
  let options = [
    Option<"vectorBits", "vector-bits", "int64_t", "512",
           "bits of a vector register: 128, 256 or 512">,
    Option<"hasPairs", "has-pairs", "bool", "false",
           "the CPU multiplies pairs of bf16 numbers">,
    Option<"linkedKernels", "linked-kernels", "bool", "false",
           "products of f32 matrices are declared; what links the code has them">,
    Option<"rows", "rows", "int64_t", "32", "rows that are usual">,
    Option<"threads", "threads", "int64_t", "1", "threads that are usual">,
    ListOption<"entries", "entries", "std::string",
               "functions to write; all others are dropped (default: all)">,
    Option<"singleStep", "single-step", "bool", "false",
           "every axis but the batch has one step in each call">
  ];
  let dependentDialects = [
    "::mlir::LLVM::LLVMDialect", "::mlir::scf::SCFDialect",
    "::mlir::vector::VectorDialect", "::mlir::arith::ArithDialect",
    "::mlir::math::MathDialect"
  ];
}

#endif
