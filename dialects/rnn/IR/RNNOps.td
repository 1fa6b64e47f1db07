//===- RNNOps.td - All ops of the rnn dialect --------------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

include "dialects/rnn/IR/RNNAttributes.td"
include "dialects/rnn/IR/ScanOps.td"
include "dialects/rnn/IR/LabelledOps.td"
include "dialects/rnn/IR/MovementOps.td"
include "dialects/rnn/IR/ValueOps.td"
