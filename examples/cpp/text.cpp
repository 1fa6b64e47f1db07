// Trains a model of bytes on a text, evaluates it, draws: build/text input.txt

#include <rnnc/rnnc.h>

#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

static const char spec[] = R"(
/// Keeps its state, or takes a new one, as a gate says.
cell Keeper(n)(x: [d]) -> h {
  state h: [n]
  param W, V: [n, d] = glorot_uniform, U, R: [n, n] = orthogonal, b: [n] = 0
  keep = sigmoid(V @ x + R @ h + b)
  h' = keep * h + (1 - keep) * tanh(W @ x + U @ h)
}

model Bytes(V = 256, n = 64) {
  input  x: seq int[V]
  target y: seq int[V]
  logits = x |> Embedding(V, n) |> Keeper(n) |> Dense(V)
  output logits
  loss cross_entropy(logits, y)
  train { optimizer = adam(lr = 1e-2), batch = 16, window = 32 }
}
)";

int main(int argc, char **argv) {
  if (argc < 2)
    return std::fprintf(stderr, "usage: text FILE [STEPS]\n"), 2;
  rnnc::Model model = rnnc::compileText(spec, {.window = 32}).value();

  rnnc::TrainOptions options;
  options.steps = argc > 2 ? std::atoi(argv[2]) : 300;
  rnnc::Trainer trainer = rnnc::Trainer::create(model, options).value();
  rnnc::Data data{.data = {argv[1]}, .tokens = "bytes"};
  auto progress = [](const rnnc::Progress &now) {
    now.step % 100 || std::printf("loss %.3f\n", now.loss);
    return true; // go on
  };
  rnnc::TrainResult result = trainer.fit(data, progress).value();
  std::printf("validation loss %.3f, of all of it %.3f\n", result.bestLoss,
              trainer.evaluate(data).value().loss);
  trainer.save("text.ckpt").value(); // Trainer::resume goes on from here

  rnnc::Stream stream = model.stream(1).value();
  std::vector<float> logits(256), weights(256);
  std::mt19937 random;
  const int64_t one[] = {1}, row[] = {1, 256};
  for (int32_t byte = ' ', i = 0; i < 200; ++i) {
    stream.step({{{"x", {&byte, rnnc::DType::I32, one}}}},
                {{{"logits", {logits.data(), rnnc::DType::F32, row}}}});
    for (int k = 0; k < 256; ++k)
      weights[k] = std::exp(logits[k]);
    byte = std::discrete_distribution(weights.begin(), weights.end())(random);
    std::putchar(byte);
  }
}
