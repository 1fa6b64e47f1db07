//===- rnnc.cpp - The command line ----------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Driver.h"

int main(int argc, char **argv) { return rnnc::runDriver(argc, argv); }
