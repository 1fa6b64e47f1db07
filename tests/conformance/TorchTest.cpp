//===- TorchTest.cpp - PyTorch's recurrent modules ------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Outputs, final states, loss and gradients of stacked, bidirectional, packed
// and projected modules, and of a classifier on the last step.
//
//===----------------------------------------------------------------------===//

#include "TorchCase.h"
#include "gtest/gtest.h"

using namespace rnnc;
using namespace rnnc::test;
using rnnc::rnn::ArgKind;
using rnnc::rnn::Array;

namespace {
struct Module {
  const char *name, *cell;
  int layers = 1;
  bool bidirectional = false;
  /// Final states are part of the loss.
  bool hasWeightedH = false, hasWeightedC = false;
  bool hasStart = false;
  /// A classifier on each row's last step instead of mean squared error.
  bool classifies = false;
};

const Module kModules[] = {
    {"rnn_tanh_1l", "TorchRNN"},
    {.name = "rnn_relu_3l_h0",
     .cell = "TorchReLU",
     .layers = 3,
     .hasStart = true},
    {.name = "rnn_tanh_packed", .cell = "TorchRNN", .hasWeightedH = true},
    {.name = "lstm_1l_h0c0",
     .cell = "TorchLSTM",
     .hasWeightedH = true,
     .hasWeightedC = true,
     .hasStart = true},
    {.name = "lstm_bi", .cell = "TorchLSTM", .bidirectional = true},
    {.name = "lstm_packed",
     .cell = "TorchLSTM",
     .hasWeightedH = true,
     .hasWeightedC = true},
    {.name = "lstm_proj", .cell = "TorchLSTMProjected"},
    {.name = "lstm_T1_B1",
     .cell = "TorchLSTM",
     .hasWeightedH = true,
     .hasWeightedC = true,
     .hasStart = true},
    {.name = "gru_2l_h0",
     .cell = "TorchGRU",
     .layers = 2,
     .hasWeightedH = true,
     .hasStart = true},
    {.name = "gru_bi_2l_h0",
     .cell = "TorchGRU",
     .layers = 2,
     .bidirectional = true,
     .hasWeightedH = true,
     .hasStart = true},
    {.name = "gru_bi_packed",
     .cell = "TorchGRU",
     .bidirectional = true,
     .hasWeightedH = true},
    {.name = "gru_xent_last_packed", .cell = "TorchGRU", .classifies = true},
};

/// A module's text, and which of its names stand for which arrays.
struct TorchModel {
  TorchModel(const Module &module, const TorchCase &data);

  std::string text;
  /// Parameter to key without "param." or "grad.".
  std::map<std::string, std::string> parameters;
  /// Number of single states: layers times directions.
  int states = 0;
  bool hasMemory = false;
};

std::string number(int64_t n) { return std::to_string(n); }

TorchModel::TorchModel(const Module &module, const TorchCase &data) {
  std::string prefix = module.classifies ? "rnn." : "";
  int directions = module.bidirectional ? 2 : 1;
  states = module.layers * directions;
  hasMemory = data.has("out.cn");
  bool isProjected = data.has("param.weight_hr_l0");
  int64_t inputs = data["in.x"].shape[2];
  int64_t outputs = data["param." + prefix + "weight_hh_l0"].shape[1];
  int64_t units = isProjected ? data["out.cn"].shape[2] : outputs;

  std::string declarations = "  input x: seq [" + number(inputs) + "]\n";
  std::string body, current = "x", outs, ends;
  for (int layer = 0; layer < module.layers; ++layer) {
    std::string parts;
    for (int direction = 0; direction < directions; ++direction) {
      int k = layer * directions + direction;
      std::string n = number(k), instance = "f" + n, result = "a" + n;
      std::string input = direction ? "reverse(" + current + ")" : current;
      std::string start;
      if (module.hasStart) {
        declarations += "  input h0_" + n + ": [" + number(outputs) + "]\n";
        start += ", h = h0_" + n;
        if (hasMemory) {
          declarations += "  input c0_" + n + ": [" + number(units) + "]\n";
          start += ", c = c0_" + n;
        }
      }
      body += "  " + instance + " = " + module.cell + "(" + number(units) +
              (isProjected ? ", " + number(outputs) : "") + ")\n";
      body += "  " + result + " = " + instance + "(" + input + start + ")\n";
      outs += ", hn_" + n + " = last(" + result + ")";
      if (hasMemory)
        outs += ", cn_" + n + " = last(" + result + ".c)";
      auto ending = [&](const std::string &weight, const std::string &value,
                        int64_t size) {
        declarations +=
            "  input " + weight + "_" + n + ": [" + number(size) + "]\n";
        ends += "  loss mean(last(" + value + ") * " + weight + "_" + n +
                ") / " + number(states) + "\n";
      };
      if (module.hasWeightedH)
        ending("whn", result, outputs);
      if (module.hasWeightedC)
        ending("wcn", result + ".c", units);
      parts += (direction ? ", reverse(" + result + ")" : result);
      std::string suffix = "_l" + number(layer) + (direction ? "_reverse" : "");
      parameters[instance + ".W"] = prefix + "weight_ih" + suffix;
      parameters[instance + ".U"] = prefix + "weight_hh" + suffix;
      parameters[instance + ".bi"] = prefix + "bias_ih" + suffix;
      parameters[instance + ".bh"] = prefix + "bias_hh" + suffix;
      if (isProjected)
        parameters[instance + ".R"] = "weight_hr" + suffix;
    }
    std::string y = "y" + number(layer);
    body += "  " + y + " = " +
            (directions == 2 ? "concat(" + parts + ")" : parts) + "\n";
    current = y;
  }
  if (module.classifies) {
    int64_t classes = data["param.out.weight"].shape[0];
    std::string c = number(classes);
    declarations += "  target goal: int[" + c + "]\n  param W: [" + c + ", " +
                    number(outputs) + "] = 0, b: [" + c + "] = 0\n";
    parameters["W"] = "out.weight";
    parameters["b"] = "out.bias";
    body += "  logits = W @ last(" + current + ") + b\n";
    outs += ", logits";
    body += "  loss cross_entropy(logits, goal)\n";
  } else {
    declarations +=
        "  target goal: seq [" + number(outputs * directions) + "]\n";
    body += "  loss mse(" + current + ", goal)\n";
  }
  text = torchCells() + "model Torch() {\n" + declarations + body + ends +
         "  output y = " + current + outs + "\n}\n";
}

/// One array per layer and direction of `key`.
void bindEach(Bindings &at, const TorchCase &data, const std::string &key,
              const std::string &name) {
  if (!data.has(key))
    return;
  for (int64_t k = 0; k < data[key].shape[0]; ++k)
    at.set(ArgKind::Input, name + "_" + number(k), data.entry(key, k));
}

using Parameter = std::tuple<Module, bool, Way>;
class Torch : public testing::TestWithParam<Parameter> {};
} // namespace

TEST_P(Torch, Module) {
  auto [module, f64, way] = GetParam();
  double tolerance = f64 ? 1e-10 : 2e-5;
  TorchCase data(module.name, f64);
  ASSERT_TRUE(data.has("in.x"));
  TorchModel text(module, data);
  ModelOptions options;
  options.f64 = f64;
  if (data.has("in.lengths"))
    options.ragged = {"T"};
  options.pipeline.entries = {"forward", "grad"};
  options.pipeline.inputGradients = true;
  auto runner = Runner::create(text.text, options, way);
  ASSERT_TRUE(static_cast<bool>(runner))
      << llvm::toString(runner.takeError()) << text.text;

  Bindings at;
  at.set(ArgKind::Axis, "T", Array::index(data["in.x"].shape[0]));
  at.set(ArgKind::Axis, "B", Array::index(data["in.x"].shape[1]));
  at.set(ArgKind::Input, "x", data["in.x"]);
  at.set(ArgKind::Target, "goal", data["in.target"]);
  const Array *lengths = nullptr;
  if (data.has("in.lengths")) {
    lengths = &data["in.lengths"];
    at.set(ArgKind::Lengths, "T", *lengths);
  }
  bindEach(at, data, "in.h0", "h0");
  bindEach(at, data, "in.c0", "c0");
  bindEach(at, data, "in.whn", "whn");
  bindEach(at, data, "in.wcn", "wcn");
  for (const auto &[name, key] : text.parameters)
    at.set(ArgKind::Param, name, data["param." + key]);

  auto outputs = runner->run("forward", at);
  ASSERT_TRUE(static_cast<bool>(outputs))
      << llvm::toString(outputs.takeError());
  expectClose("y", outputs->find(ArgKind::Output, "y"), data["out.y"],
              tolerance, lengths);
  for (int k = 0; k < text.states; ++k) {
    if (data.has("out.hn"))
      expectClose("hn", outputs->find(ArgKind::Output, "hn_" + number(k)),
                  data.entry("out.hn", k), tolerance);
    if (text.hasMemory)
      expectClose("cn", outputs->find(ArgKind::Output, "cn_" + number(k)),
                  data.entry("out.cn", k), tolerance);
  }
  if (module.classifies)
    expectClose("logits", outputs->find(ArgKind::Output, "logits"),
                data["out.logits"], tolerance);

  auto gradients = runner->run("grad", at);
  ASSERT_TRUE(static_cast<bool>(gradients))
      << llvm::toString(gradients.takeError());
  ASSERT_FALSE(gradients->entries().empty());
  expectClose("loss", &gradients->entries()[0].array, data["out.loss"],
              tolerance);
  for (const auto &[name, key] : text.parameters)
    expectClose("gradient of " + key, gradients->find(ArgKind::Grad, name),
                data["grad." + key], tolerance);
  if (data.has("grad.x"))
    expectClose("gradient of x", gradients->find(ArgKind::Grad, "x"),
                data["grad.x"], tolerance, lengths);
  for (const char *start : {"h0", "c0"}) {
    std::string key = std::string("grad.") + start;
    for (int k = 0; data.has(key) && k < text.states; ++k)
      expectClose(
          "gradient of " + std::string(start),
          gradients->find(ArgKind::Grad, std::string(start) + "_" + number(k)),
          data.entry(key, k), tolerance);
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, Torch,
    testing::Combine(testing::ValuesIn(kModules), testing::Bool(),
                     testing::Values(Way::Interpreter, Way::Compiled)),
    [](const auto &info) {
      return std::string(std::get<0>(info.param).name) +
             (std::get<1>(info.param) ? "_f64" : "_f32") +
             (std::get<2>(info.param) == Way::Interpreter ? "_interpreted"
                                                          : "_compiled");
    });
