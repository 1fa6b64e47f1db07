//===- BenchPeers.h - Other systems beside us -------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A peer is a program that runs other systems: one request a line on its
// standard input, one answer a line on its standard output, both JSON; the form
// is in tests/bench/peers/peer.py. While it is not asked it is stopped, so that
// threads that spin there cost nothing here.
//
//===----------------------------------------------------------------------===//
#ifndef RNNC_COMPILER_DRIVER_COMMANDS_BENCHPEERS_H
#define RNNC_COMPILER_DRIVER_COMMANDS_BENCHPEERS_H

#include "compiler/driver/Commands/BenchRow.h"

#include <filesystem>
#include <sys/types.h>

namespace rnnc::driver {

/// A running peer. Use from one thread.
class Peer {
public:
  /// Starts it for so many threads and reads what systems it has. An error says
  /// why it has none.
  static Result<std::unique_ptr<Peer>>
  start(const std::vector<std::string> &command, int64_t threads, bool talks);
  ~Peer();
  Peer(const Peer &) = delete;
  Peer &operator=(const Peer &) = delete;

  const std::vector<std::string> &systems() const { return names; }
  bool running() const { return process >= 0; }
  /// Sends a request, gives the answer; an error if there is none in time, and
  /// then never again.
  Result<Json> ask(const Json &request, double seconds);

private:
  Peer() = default;
  Result<std::string> readLine(double seconds);
  void stop();

  pid_t process = -1;
  int input = -1, output = -1;
  std::string unread, name;
  std::vector<std::string> names;
};

/// The folder with the suite and the peers' scripts: RNNC_BENCH_DIR, or
/// share/rnnc/bench beside the program's folder. Empty if there is none.
std::filesystem::path benchFolder();
/// Commands of peers: programs in libexec/rnnc/peers beside the program's
/// folder, those given, and the scripts with each interpreter.
std::vector<std::vector<std::string>>
peerCommands(const std::vector<std::string> &programs,
             const std::vector<std::string> &pythons);

} // namespace rnnc::driver

#endif
