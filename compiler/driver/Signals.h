//===- Signals.h - SIGINT and SIGTERM ---------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_SIGNALS_H
#define RNNC_COMPILER_DRIVER_SIGNALS_H

namespace rnnc::driver {

/// From now on the first SIGINT or SIGTERM is only remembered; a second one
/// ends the process as usual.
void rememberSignals();
/// The signal that came, or 0.
int rememberedSignal();

} // namespace rnnc::driver

#endif
