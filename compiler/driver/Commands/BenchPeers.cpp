//===- BenchPeers.cpp - Other systems beside us ---------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Commands/BenchPeers.h"
#include "compiler/driver/Host.h"
#include "runtime/AtomicFile.h"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace rnnc;
using namespace rnnc::driver;
namespace fs = std::filesystem;

extern char **environ;

/// The environment with what tells libraries how many threads to use.
static std::vector<std::string> environmentFor(int64_t threads) {
  std::string count = std::to_string(threads);
  std::vector<std::string> own = {
      "RNNC_BENCH_THREADS=" + count, "OMP_NUM_THREADS=" + count,
      "OPENBLAS_NUM_THREADS=" + count, "MKL_NUM_THREADS=" + count};
  for (char **entry = environ; *entry; ++entry) {
    std::string text = *entry;
    std::string key = text.substr(0, text.find('=') + 1);
    if (std::none_of(own.begin(), own.end(), [&](const std::string &mine) {
          return mine.starts_with(key);
        }))
      own.push_back(text);
  }
  return own;
}

static std::vector<char *> pointersTo(std::vector<std::string> &texts) {
  std::vector<char *> pointers;
  for (std::string &text : texts)
    pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

Result<std::unique_ptr<Peer>>
Peer::start(const std::vector<std::string> &command, int64_t threads,
            bool talks) {
  std::unique_ptr<Peer> peer(new Peer);
  peer->name = fs::path(command.back()).filename().string();
  int toPeer[2], fromPeer[2];
  if (pipe2(toPeer, O_CLOEXEC) != 0 || pipe2(fromPeer, O_CLOEXEC) != 0)
    return makeError("peer", "cannot start '" + peer->name +
                                 "': " + rt::systemMessage(errno));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, toPeer[0], 0);
  posix_spawn_file_actions_adddup2(&actions, fromPeer[1], 1);
  if (!talks)
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  std::vector<std::string> words = command;
  std::vector<std::string> environment = environmentFor(threads);
  int failed =
      posix_spawnp(&peer->process, words[0].c_str(), &actions, nullptr,
                   pointersTo(words).data(), pointersTo(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  close(toPeer[0]);
  close(fromPeer[1]);
  peer->input = toPeer[1];
  peer->output = fromPeer[0];
  if (failed) {
    peer->process = -1;
    return makeError("peer", "cannot start '" + command[0] +
                                 "': " + rt::systemMessage(failed));
  }
  // Importing a framework takes its time.
  auto line = peer->readLine(120);
  if (!line)
    return line.error();
  Json answer = Json::parse(*line, nullptr, false);
  if (!answer.is_object())
    return makeError("peer", peer->name + " said something else than JSON");
  if (answer.contains("absent") && answer["absent"].is_string())
    return makeError("peer", answer["absent"].get<std::string>());
  if (answer.contains("systems") && answer["systems"].is_array())
    for (const Json &system : answer["systems"])
      if (system.is_string())
        peer->names.push_back(system.get<std::string>());
  kill(peer->process, SIGSTOP);
  return peer;
}

void Peer::stop() {
  for (int *end : {&input, &output}) {
    if (*end >= 0)
      close(*end);
    *end = -1;
  }
  if (process < 0)
    return;
  kill(process, SIGKILL);
  waitpid(process, nullptr, 0);
  process = -1;
}

Peer::~Peer() { stop(); }

Result<std::string> Peer::readLine(double seconds) {
  double end = steadySeconds() + seconds;
  for (;;) {
    if (size_t at = unread.find('\n'); at != std::string::npos) {
      std::string line = unread.substr(0, at);
      unread.erase(0, at + 1);
      return line;
    }
    double left = end - steadySeconds();
    pollfd waiting = {output, POLLIN, 0};
    int ready = left > 0 ? poll(&waiting, 1, int(left * 1000) + 1) : 0;
    if (ready < 0 && errno == EINTR)
      return makeError("peer", name + " was interrupted");
    char bytes[4096];
    ssize_t count = ready > 0 ? read(output, bytes, sizeof bytes) : 0;
    if (count <= 0) {
      stop();
      return makeError("peer", name + (ready == 0
                                           ? " gave no answer in time"
                                           : " ended without an answer"));
    }
    unread.append(bytes, size_t(count));
  }
}

Result<Json> Peer::ask(const Json &request, double seconds) {
  if (process < 0)
    return makeError("peer", name + " has ended");
  std::string line = request.dump() + "\n";
  kill(process, SIGCONT);
  if (write(input, line.data(), line.size()) != ssize_t(line.size())) {
    stop();
    return makeError("peer", name + " has ended");
  }
  auto answer = readLine(seconds);
  if (!answer)
    return answer.error();
  kill(process, SIGSTOP);
  Json json = Json::parse(*answer, nullptr, false);
  if (!json.is_object())
    return makeError("peer", name + " said something else than JSON");
  return json;
}

/// The folder above that of the running program.
static fs::path installFolder() {
  std::error_code error;
  fs::path program = fs::read_symlink("/proc/self/exe", error);
  return error ? fs::path() : program.parent_path().parent_path();
}

fs::path driver::benchFolder() {
  if (const char *given = std::getenv("RNNC_BENCH_DIR"); given && *given)
    return given;
  std::error_code ignored;
  fs::path folder = installFolder() / "share" / "rnnc" / "bench";
  return fs::is_directory(folder, ignored) ? folder : fs::path();
}

std::vector<std::vector<std::string>>
driver::peerCommands(const std::vector<std::string> &programs,
                     const std::vector<std::string> &pythons) {
  std::vector<std::vector<std::string>> commands;
  std::error_code ignored;
  std::vector<std::string> built;
  for (const auto &entry : fs::directory_iterator(
           installFolder() / "libexec" / "rnnc" / "peers", ignored))
    if (entry.is_regular_file(ignored))
      built.push_back(entry.path().string());
  std::sort(built.begin(), built.end());
  built.insert(built.end(), programs.begin(), programs.end());
  for (const std::string &program : built)
    commands.push_back({program});
  for (const std::string &python : pythons)
    for (const char *script : {"torch_peer.py", "jax_peer.py", "ort_peer.py"})
      commands.push_back(
          {python, (benchFolder() / "peers" / script).string()});
  return commands;
}
