//===- Signals.cpp - SIGINT and SIGTERM -----------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Signals.h"

#include <csignal>

using namespace rnnc;

static volatile std::sig_atomic_t received = 0;

static void remember(int signal) { received = signal; }

void driver::rememberSignals() {
  struct sigaction action = {};
  action.sa_handler = remember;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

int driver::rememberedSignal() { return received; }
