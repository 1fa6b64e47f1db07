// Trains a small model from C++ and runs it step by step.
//
// The task: a sequence of bits comes in, and each is to be repeated two steps
// later. What is learned is memory.
//
//   cmake -S examples/cpp -B build && cmake --build build && build/train

#include <rnnc/rnnc.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <vector>

static const char text[] = R"(
/// A memory that each unit overwrites as far as its gate opens.
cell Memory(n)(x: [d]) -> h {
  state h: [n]
  param Wk, Wv: [n, d] = glorot_uniform
  param Uk, Uv: [n, n] = orthogonal
  param bk, bv: [n] = 0
  k  = sigmoid(Wk @ x + Uk @ h + bk)
  h' = h + k * (tanh(Wv @ x + Uv @ h + bv) - h)
}

model Echo(n = 16) {
  input  x: seq [1]
  target y: seq [1]
  h = x |> Memory(n)
  z = h |> Dense(1)
  p = sigmoid(z)
  output p
  loss bce(z, y)
}
)";

/// A tensor over the memory of a vector.
static rnnc::Tensor view(std::vector<float> &data,
                         const std::array<int64_t, 3> &shape) {
  return {data.data(), rnnc::DType::F32, shape};
}

int main() {
  constexpr int64_t T = 20, B = 16;
  rnnc::Options options;
  options.threads = 1;
  auto model = rnnc::compileText(text, options);
  if (!model) {
    std::fprintf(stderr, "%s\n", model.error().message.c_str());
    return 1;
  }
  for (const rnnc::ParameterInfo &info : model->parameters())
    std::printf("%s\n", info.name.c_str());

  rnnc::TrainOptions train;
  train.lr = 0.02;
  rnnc::Trainer trainer = rnnc::Trainer::create(*model, train).value();

  std::vector<float> x(T * B), y(T * B);
  std::array<int64_t, 3> shape = {T, B, 1};
  unsigned random = 1;
  double first = 0, last = 0;
  for (int step = 1; step <= 300; ++step) {
    for (int64_t i = 0; i < T * B; ++i) {
      random = random * 1664525u + 1013904223u;
      x[i] = static_cast<float>(random >> 31);
      y[i] = i >= 2 * B ? x[i - 2 * B] : 0;
    }
    std::pair<std::string_view, rnnc::Tensor> batch[] = {{"x", view(x, shape)},
                                                         {"y", view(y, shape)}};
    last = trainer.step(batch).value();
    if (step == 1)
      first = last;
    if (step % 100 == 0)
      std::printf("step %d: loss %.4f\n", step, last);
  }

  // The whole sequence at once, and one step at a time: the same numbers.
  std::vector<float> whole(T * B), one(B), in(B);
  std::pair<std::string_view, rnnc::Tensor> input[] = {{"x", view(x, shape)}};
  std::pair<std::string_view, rnnc::Tensor> output[] = {
      {"p", view(whole, shape)}};
  model->run(input, output).value();
  rnnc::Stream stream = model->stream(B).value();
  std::array<int64_t, 2> row = {B, 1};
  double distance = 0;
  for (int64_t t = 0; t < T; ++t) {
    std::copy_n(x.begin() + t * B, B, in.begin());
    std::pair<std::string_view, rnnc::Tensor> stepIn[] = {
        {"x", {in.data(), rnnc::DType::F32, row}}};
    std::pair<std::string_view, rnnc::Tensor> stepOut[] = {
        {"p", {one.data(), rnnc::DType::F32, row}}};
    stream.step(stepIn, stepOut);
    for (int64_t b = 0; b < B; ++b)
      distance =
          std::max<double>(distance, std::abs(one[b] - whole[t * B + b]));
  }
  std::printf("loss %.4f -> %.4f, stream differs by %.1e\n", first, last,
              distance);

  model->save("echo.safetensors").value();
  model->load("echo.safetensors").value();
  return last < 0.1 && distance < 1e-5 ? 0 : 1;
}
