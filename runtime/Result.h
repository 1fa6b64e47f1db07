//===- Result.h - a value or an error ---------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How functions of the runtime fail: they return a Result. Nothing here throws,
// and exceptions of libraries are caught where the library is called.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_RUNTIME_RESULT_H
#define RNNC_RUNTIME_RESULT_H

#include <cassert>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>

namespace rnnc::rt {

/// What went wrong. `message` is lower case, without full stop, says what was
/// found and what was expected, and does not repeat the place.
struct Error {
  std::string message;
  /// A word for programs, such as "bad-file" or "unknown-symbol".
  std::string id;
  /// How to mend it, or empty.
  std::string help;
  /// The file at fault, or empty.
  std::string file;
  /// From 1, column in bytes; 0: no such place.
  int64_t line = 0, column = 0;

  /// "file:line:column: message; help: ..." as far as the parts are known.
  std::string text() const {
    std::string out = file;
    if (!file.empty() && line > 0) {
      out += ":" + std::to_string(line);
      if (column > 0)
        out += ":" + std::to_string(column);
    }
    if (!out.empty())
      out += ": ";
    out += message;
    if (!help.empty())
      out += "; help: " + help;
    return out;
  }
};

/// An error of this id and message.
inline Error makeError(std::string id, std::string message,
                       std::string help = {}) {
  return {std::move(message), std::move(id), std::move(help), {}, 0, 0};
}

/// An error in a file, at a place if `line` is given.
inline Error makeFileError(std::string id, std::string file,
                           std::string message, int64_t line = 0,
                           int64_t column = 0) {
  return {std::move(message), std::move(id), {}, std::move(file), line, column};
}

/// A value or an Error. Test it, then use `*` or `error()`.
template <class T> class [[nodiscard]] Result {
public:
  Result(T value) : state(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state(std::in_place_index<1>, std::move(error)) {}

  /// Whether there is a value.
  explicit operator bool() const { return state.index() == 0; }

  /// The value; only if there is one.
  T &operator*() & { return get(); }
  const T &operator*() const & {
    assert(state.index() == 0 && "no value");
    return *std::get_if<0>(&state);
  }
  T &&operator*() && { return std::move(get()); }
  T *operator->() { return &get(); }
  const T *operator->() const { return &**this; }

  /// The error; only if there is no value.
  const Error &error() const {
    assert(state.index() == 1 && "no error");
    return *std::get_if<1>(&state);
  }

private:
  T &get() {
    assert(state.index() == 0 && "no value");
    return *std::get_if<0>(&state);
  }
  std::variant<T, Error> state;
};

/// Success or an Error. `return {};` is success.
template <> class [[nodiscard]] Result<void> {
public:
  Result() = default;
  Result(Error error) : failure(std::move(error)), failed(true) {}

  /// Whether all went well.
  explicit operator bool() const { return !failed; }

  /// The error; only after a failure.
  const Error &error() const {
    assert(failed && "no error");
    return failure;
  }

private:
  Error failure;
  bool failed = false;
};

} // namespace rnnc::rt

#endif // RNNC_RUNTIME_RESULT_H
