//===- TorchLanguageModelTest.cpp - Training over consecutive windows -----===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A language model trained for a few windows of one text: the state is carried
// and detached, gradients are clipped by their global norm, Adam updates.
//
//===----------------------------------------------------------------------===//

#include "TorchCase.h"
#include "gtest/gtest.h"

using namespace rnnc;
using namespace rnnc::test;
using rnnc::rnn::ArgKind;
using rnnc::rnn::Array;

namespace {
struct LanguageModel {
  const char *name;
  bool isTied;
  double lr, clip;
};

const LanguageModel kModels[] = {
    {"lstm_lm_tbptt_adam", false, 0.01, 0.25},
    {"lstm_lm_tied_adam", true, 0.02, 100},
};

using Parameter = std::tuple<LanguageModel, bool, Way>;
class TorchLanguageModel : public testing::TestWithParam<Parameter> {};

std::string number(int64_t n) { return std::to_string(n); }
} // namespace

TEST_P(TorchLanguageModel, Training) {
  auto [lm, f64, way] = GetParam();
  double tolerance = f64 ? 1e-10 : 2e-5;
  TorchCase data(lm.name, f64);
  ASSERT_TRUE(data.has("in.ids"));
  const Array &embedding = data["param.emb.weight"];
  int64_t vocabulary = embedding.shape[0], width = embedding.shape[1];
  int64_t units = data["in.h0"].shape[2], steps = data["step0.logits"].shape[0];
  int64_t rows = data["in.ids"].shape[1];
  std::string v = number(vocabulary);

  std::map<std::string, std::string> parameters = {
      {"E", "emb.weight"},           {"rnn.W", "rnn.weight_ih_l0"},
      {"rnn.U", "rnn.weight_hh_l0"}, {"rnn.bi", "rnn.bias_ih_l0"},
      {"rnn.bh", "rnn.bias_hh_l0"},  {"b", "out.bias"}};
  if (!lm.isTied)
    parameters["O"] = "out.weight";
  std::string text = torchCells() + "model Torch() {\n  input x: seq int[" + v +
                     "]\n  target y: seq int[" + v + "]\n  param E: [" + v +
                     ", " + number(width) + "] = normal(0, 1), b: [" + v +
                     "] = 0\n";
  if (!lm.isTied)
    text += "  param O: [" + v + ", " + number(units) + "] = normal(0, 1)\n";
  text += "  rnn = TorchLSTM(" + number(units) +
          ")\n  logits = " + (lm.isTied ? "E" : "O") +
          " @ rnn(E[x]) + b\n  output logits\n"
          "  loss cross_entropy(logits, y)\n}\n";

  ModelOptions options;
  options.f64 = f64;
  options.stream = true;
  options.pipeline.entries = {"forward", "grad", "train"};
  options.pipeline.optimizer = "adam";
  options.pipeline.clipNorm = lm.clip;
  auto runner = Runner::create(text, options, way);
  ASSERT_TRUE(static_cast<bool>(runner))
      << llvm::toString(runner.takeError()) << text;

  rnn::DType type = f64 ? rnn::DType::F64 : rnn::DType::F32;
  Bindings at;
  at.set(ArgKind::Axis, "T", Array::index(steps));
  at.set(ArgKind::Axis, "B", Array::index(rows));
  for (const auto &[name, key] : parameters)
    at.set(ArgKind::Param, name, data["param." + key]);
  at.set(ArgKind::State, "rnn.h", data.entry("in.h0", 0));
  at.set(ArgKind::State, "rnn.c", data.entry("in.c0", 0));
  // The optimiser begins with zeros.
  auto train = runner->getModel().function("grad", "train");
  ASSERT_TRUE(static_cast<bool>(train)) << llvm::toString(train.takeError());
  for (unsigned i = 0; i < train->getNumArguments(); ++i) {
    auto arg = train->getArgAttrOfType<rnn::ArgAttr>(i, rnn::kArgAttrName);
    auto tensor =
        mlir::dyn_cast<mlir::RankedTensorType>(train->getArgumentTypes()[i]);
    if (arg.getKind() == ArgKind::Slot)
      at.set(ArgKind::Slot, arg.getName(),
             Array::zeros(type, tensor.getShape()));
  }

  for (int step = 0; data.has("step" + number(step) + ".loss"); ++step) {
    SCOPED_TRACE("step " + number(step));
    std::string prefix = "step" + number(step) + ".";
    at.set(ArgKind::Input, "x",
           data.range("in.ids", step * steps, (step + 1) * steps));
    at.set(ArgKind::Target, "y",
           data.range("in.ids", step * steps + 1, (step + 1) * steps + 1));
    at.set(ArgKind::Hyper, "lr", Array::real(type, lm.lr));
    at.set(ArgKind::Hyper, "bias1",
           Array::real(type, 1 / (1 - std::pow(0.9, step + 1))));
    at.set(ArgKind::Hyper, "bias2",
           Array::real(type, 1 / (1 - std::pow(0.999, step + 1))));

    auto outputs = runner->run("forward", at);
    ASSERT_TRUE(static_cast<bool>(outputs))
        << llvm::toString(outputs.takeError());
    expectClose("logits", outputs->find(ArgKind::Output, "logits"),
                data[prefix + "logits"], tolerance);
    auto gradients = runner->run("grad", at);
    ASSERT_TRUE(static_cast<bool>(gradients))
        << llvm::toString(gradients.takeError());
    for (const auto &[name, key] : parameters)
      expectClose("gradient of " + key, gradients->find(ArgKind::Grad, name),
                  data[prefix + "grad." + key], tolerance);

    auto trained = runner->run("train", at);
    ASSERT_TRUE(static_cast<bool>(trained))
        << llvm::toString(trained.takeError());
    expectClose("loss", &trained->entries()[0].array, data[prefix + "loss"],
                tolerance);
    expectClose("hn", trained->find(ArgKind::State, "rnn.h"),
                data.entry(prefix + "hn", 0), tolerance);
    expectClose("cn", trained->find(ArgKind::State, "rnn.c"),
                data.entry(prefix + "cn", 0), tolerance);
    for (const Bindings::Entry &entry : trained->entries())
      if (entry.kind == ArgKind::Grad_norm)
        expectClose("gradient norm", &entry.array, data[prefix + "gradnorm"],
                    tolerance);
    for (const auto &[name, key] : parameters)
      expectClose("updated " + key, trained->find(ArgKind::Param, name),
                  data[prefix + "param." + key], tolerance);
    for (const Bindings::Entry &entry : trained->entries())
      if (entry.kind == ArgKind::Param || entry.kind == ArgKind::Slot ||
          entry.kind == ArgKind::State)
        at.set(entry.kind, entry.name, entry.array);
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, TorchLanguageModel,
    testing::Combine(testing::ValuesIn(kModels), testing::Bool(),
                     testing::Values(Way::Interpreter, Way::Compiled)),
    [](const auto &info) {
      return std::string(std::get<0>(info.param).name) +
             (std::get<1>(info.param) ? "_f64" : "_f32") +
             (std::get<2>(info.param) == Way::Interpreter ? "_interpreted"
                                                          : "_compiled");
    });
