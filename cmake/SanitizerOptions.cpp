//===- SanitizerOptions.cpp - How sanitized programs run ------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The packaged LLVM is built without sanitizers. Its headers poison memory in
// our code that its libraries never unpoison, and it keeps what it allocates.
//
//===----------------------------------------------------------------------===//

extern "C" const char *__asan_default_options() {
  return "allow_user_poisoning=0:detect_leaks=0";
}
