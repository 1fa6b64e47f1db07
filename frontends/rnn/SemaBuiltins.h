//===- SemaBuiltins.h - One call of a built-in operation --------*- C++ -*-===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_FRONTENDS_RNN_SEMABUILTINS_H
#define RNNC_FRONTENDS_RNN_SEMABUILTINS_H

#include "frontends/rnn/SemaImpl.h"

namespace rnnc::sema {

/// The arguments of a call. `used` collects the keywords an operation knows.
struct Sema::BuiltinCall {
  std::string name;
  std::vector<Arg> args;
  std::vector<const Arg *> positional;
  std::set<std::string> used;
  SourceRange at;

  const Arg *keyword(const std::string &key);
  /// What a reduction is over: own axes or a time axis. False after a message.
  bool reduced(Sema &sema, Node *x, bool lastOnly, std::vector<int64_t> &own,
               int &time);
};

} // namespace rnnc::sema

#endif // RNNC_FRONTENDS_RNN_SEMABUILTINS_H
