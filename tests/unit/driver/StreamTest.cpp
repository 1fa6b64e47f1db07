//===- StreamTest.cpp - Tests of streams and of prepared weights ----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A stream is the forward function step by step: the same bits, no memory asked
// for, and always of the weights as they are.
//
//===----------------------------------------------------------------------===//

#include <rnnc/rnnc.h>

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <gtest/gtest.h>
#include <new>
#include <thread>
#include <unistd.h>

/// How often this program has asked for memory.
static std::atomic<int64_t> allocations;

static void *counted(std::size_t bytes, std::size_t alignment) {
  ++allocations;
  void *memory =
      std::aligned_alloc(alignment, (bytes + alignment) / alignment * alignment);
  if (!memory)
    std::abort();
  return memory;
}
void *operator new(std::size_t bytes) { return counted(bytes, 16); }
void *operator new(std::size_t bytes, std::align_val_t alignment) {
  return counted(bytes, std::size_t(alignment));
}
// LLVM asks in these ways, too.
void *operator new(std::size_t bytes, const std::nothrow_t &) noexcept {
  return counted(bytes, 16);
}
void *operator new(std::size_t bytes, std::align_val_t alignment,
                   const std::nothrow_t &) noexcept {
  return counted(bytes, std::size_t(alignment));
}
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void *memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void *memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}

namespace {
namespace fs = std::filesystem;
using Shape = std::vector<int64_t>;
using Named = std::pair<std::string_view, rnnc::Tensor>;

/// Joined weights, a weight that is used twice, a reduction over units, a value
/// of parameters alone, and outputs from outside the loop.
const char text[] = R"(cell Twist(n)(x: [d]) -> h {
  state h: [n]
  param W: [n, d] = glorot_uniform
  param U, V: [n, n] = glorot_uniform
  param s: [n] = normal(0, 1)
  a = sigmoid(W @ x + U @ h)
  c = tanh(V @ (a * h) + U @ h + s / (1 + norm(s)))
  h' = (1 - a) * h + a * c
}
model Turn(n = 20) {
  input  x: seq [3]
  target y: seq [2]
  z = x |> Twist(n) |> GRU(n) |> Dense(2)
  output z
  loss mse(z, y)
}
)";

struct Values {
  std::vector<float> data;
  Shape shape;
  explicit Values(Shape shape, float phase = 1) : shape(std::move(shape)) {
    int64_t size = 1;
    for (int64_t extent : this->shape)
      size *= extent;
    data.resize(size_t(size));
    for (int64_t i = 0; i < size; ++i)
      data[size_t(i)] = std::sin(0.7f * float(i) + phase);
  }
  rnnc::Tensor view() { return {data.data(), rnnc::DType::F32, shape}; }
};

rnnc::Model make(int seed = 1, int threads = 1, int units = 20) {
  rnnc::Options options;
  options.set = {{"n", std::to_string(units)}};
  options.threads = threads;
  options.cache = false;
  options.seed = seed;
  auto model = rnnc::compileText(text, options);
  EXPECT_TRUE(model) << model.error().message;
  return model.value();
}

/// Outputs of the steps of a stream.
std::vector<float> steps(rnnc::Stream &stream, Values &x, int64_t from = 0) {
  std::vector<float> all;
  int64_t B = x.shape[1];
  Values in({B, 3}), out({B, 2});
  for (int64_t t = from; t < x.shape[0]; ++t) {
    std::copy_n(x.data.begin() + t * B * 3, B * 3, in.data.begin());
    Named stepIn[] = {{"x", in.view()}};
    Named stepOut[] = {{"z", out.view()}};
    stream.step(stepIn, stepOut);
    all.insert(all.end(), out.data.begin(), out.data.end());
  }
  return all;
}

std::vector<float> whole(const rnnc::Model &model, Values &x) {
  Values z({x.shape[0], x.shape[1], 2});
  Named in[] = {{"x", x.view()}};
  Named out[] = {{"z", z.view()}};
  auto done = model.run(in, out);
  EXPECT_TRUE(done) << done.error().message;
  return z.data;
}
} // namespace

TEST(Stream, HasTheBitsOfTheWholeSequence) {
  // In a call of one step products that are added are not joined; units in
  // whole panels have code of their own for one row.
  for (int units : {20, 64}) {
    rnnc::Model alone = make(1, 1, units);
    for (int threads : {1, 2, 3}) {
      rnnc::Model model = make(1, threads, units);
      for (int64_t batch : {1, 3, 33}) {
        Values x({9, batch, 3});
        rnnc::Stream stream = model.stream(int(batch)).value();
        std::vector<float> found = steps(stream, x);
        EXPECT_EQ(found, whole(model, x))
            << units << " units, " << threads << " threads, " << batch;
        EXPECT_EQ(found, whole(alone, x))
            << units << " units, " << threads << " threads, " << batch;
      }
    }
  }
}

TEST(Stream, StepsAskForNoMemory) {
  rnnc::Model model = make();
  rnnc::Stream stream = model.stream(2).value();
  Values in({2, 3}), out({2, 2});
  Named stepIn[] = {{"x", in.view()}};
  Named stepOut[] = {{"z", out.view()}};
  int64_t before = allocations;
  for (int i = 0; i < 100; ++i)
    stream.step(stepIn, stepOut);
  stream.reset();
  stream.step(stepIn, stepOut);
  EXPECT_EQ(allocations, before);
}

TEST(Stream, AForkGoesOnLikeTheOriginal) {
  rnnc::Model model = make();
  Values x({12, 2, 3});
  rnnc::Stream stream = model.stream(2).value();
  for (int64_t cut : {3, 4}) {
    stream.reset();
    Values head({cut, 2, 3});
    std::copy_n(x.data.begin(), head.data.size(), head.data.begin());
    steps(stream, head);
    rnnc::Stream fork = model.stream(2).value();
    std::span<std::byte> from = stream.state(), to = fork.state();
    ASSERT_EQ(from.size(), to.size());
    std::memcpy(to.data(), from.data(), from.size());
    EXPECT_EQ(steps(fork, x, cut), steps(stream, x, cut)) << cut;
  }
}

TEST(Stream, FollowsWeightsThatChange) {
  rnnc::Model model = make(1), other = make(7);
  Values x({6, 2, 3});
  rnnc::Stream stream = model.stream(2).value();
  std::vector<float> expected = whole(other, x);
  EXPECT_NE(steps(stream, x), expected);
  EXPECT_NE(whole(model, x), expected);
  for (const rnnc::ParameterInfo &info : other.parameters())
    ASSERT_TRUE(model.set(info.name, other.parameter(info.name).value()));
  stream.reset();
  EXPECT_EQ(steps(stream, x), expected) << "after set";
  EXPECT_EQ(whole(model, x), expected) << "after set";

  fs::path file = fs::temp_directory_path() /
                  ("rnnc-stream-" + std::to_string(getpid()) + ".safetensors");
  rnnc::Model third = make(9);
  ASSERT_TRUE(third.save(file));
  ASSERT_TRUE(model.load(file));
  fs::remove(file);
  stream.reset();
  EXPECT_EQ(steps(stream, x), whole(third, x)) << "after load";
  EXPECT_EQ(whole(model, x), whole(third, x)) << "after load";
}

TEST(Stream, FollowsTheTrainer) {
  rnnc::Model model = make();
  Values x({6, 2, 3}), y({6, 2, 2}, 3);
  rnnc::Stream stream = model.stream(2).value();
  std::vector<float> before = steps(stream, x);
  rnnc::TrainOptions options;
  options.lr = 0.1;
  rnnc::Trainer trainer = rnnc::Trainer::create(model, options).value();
  Named batch[] = {{"x", x.view()}, {"y", y.view()}};
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(trainer.step(batch));
    stream.reset();
    std::vector<float> now = steps(stream, x);
    EXPECT_NE(now, before);
    EXPECT_EQ(now, whole(model, x)) << "after update " << i;
    before = now;
  }
}

TEST(Stream, ManyStreamsShareWeights) {
  rnnc::Model model = make();
  Values x({40, 1, 3});
  std::vector<float> expected = whole(model, x);
  std::vector<rnnc::Stream> streams;
  for (int i = 0; i < 4; ++i)
    streams.push_back(model.stream(1).value());
  rnnc::Model other = make(5);
  for (int round = 0; round < 2; ++round) {
    std::vector<std::vector<float>> results(streams.size());
    std::vector<std::thread> threads;
    for (size_t i = 0; i < streams.size(); ++i)
      threads.emplace_back([&, i] {
        Values mine = x;
        results[i] = steps(streams[i], mine);
        streams[i].reset();
      });
    for (std::thread &thread : threads)
      thread.join();
    for (const std::vector<float> &result : results)
      EXPECT_EQ(result, expected) << round;
    // All of them find other weights at once.
    for (const rnnc::ParameterInfo &info : other.parameters())
      ASSERT_TRUE(model.set(info.name, other.parameter(info.name).value()));
    expected = whole(other, x);
  }
}
