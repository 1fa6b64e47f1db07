//===- Run.cpp - rnnc run -------------------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Run.h"
#include "compiler/driver/Alignments.h"
#include "compiler/driver/Arrays.h"
#include "compiler/driver/Commands/Commands.h"
#include "compiler/driver/Lengths.h"
#include "runtime/Axes.h"
#include "runtime/Npy.h"

#include <cmath>
#include <filesystem>

using namespace rnnc;
using namespace rnnc::driver;

/// Extents that the shapes of inputs decide, and sizes of the model.
static Result<void> readExtents(const hir::Model &model,
                                const hir::Input &input,
                                const rt::Tensor &tensor,
                                std::map<std::string, int64_t> &extents,
                                std::map<std::string, double> &sizes) {
  const hir::Type &type = input.type;
  size_t lead = type.axes.size() + 1;
  if (size_t(tensor.rank()) != lead + type.shape.size())
    return makeError("data-type", "'" + input.name + "' is " +
                                      rt::shapeText(tensor.shape()) +
                                      ", the model takes [time, batch, ...]: " +
                                      hir::describeType(model, type));
  auto set = [&](const std::string &axis, int64_t size) -> Result<void> {
    auto [it, fresh] = extents.emplace(axis, size);
    if (!fresh && it->second != size)
      return makeError("data-size", "'" + input.name + "' has " +
                                        std::to_string(size) + " along " +
                                        axis + ", other inputs have " +
                                        std::to_string(it->second));
    return {};
  };
  for (size_t i = 0; i < type.axes.size(); ++i)
    if (auto done = set(model.axes[size_t(model.rootAxis(type.axes[i]))].name,
                        tensor.shape()[i]);
        !done)
      return done;
  if (auto done = set("B", tensor.shape()[lead - 1]); !done)
    return done;
  for (size_t i = 0; i < type.shape.size(); ++i) {
    int64_t size = tensor.shape()[lead + i];
    auto known = model.value(type.shape[i]);
    if (known && *known != size)
      return makeError("data-size", "'" + input.name + "' is " +
                                        rt::shapeText(tensor.shape()) +
                                        ", the model takes " +
                                        hir::describeType(model, type));
    if (!known)
      if (auto name = sizeName(model, type.shape[i]))
        sizes.emplace(*name, double(size));
  }
  return {};
}

/// What `predict y ~ ctc(z)` says: labels y and their numbers y.lengths.
static Result<void>
addLabels(const hir::Model &model, Lengths &lengths,
          std::vector<std::pair<std::string, rt::Tensor>> &tensors) {
  if (!model.predict || model.predict->distribution != "ctc")
    return {};
  const std::string &target = model.predict->target;
  int64_t beam = 1;
  for (const hir::Option &option : model.predict->options)
    if (option.key == "beam") {
      double width = option.value.number;
      if (option.value.kind != hir::OptionValue::Number || width < 1 ||
          width > 10000 || width != std::floor(width))
        return makeError("option-value",
                         "beam of the prediction expects 1 to 10000");
      beam = int64_t(width);
    }
  // Logits have a name of their own, or the text gives them out.
  std::string logits = "predict." + target;
  for (const hir::Output &output : model.outputs)
    if (output.value == model.predict->value)
      logits = output.name;
  for (const auto &[name, tensor] : tensors)
    if (name == logits) {
      const std::vector<int> &axes = model.predict->value->type.axes;
      Spelled spelled =
          spell(tensor, model.predict->blank, beam,
                axes.empty() ? nullptr : lengths.find(model.lengthName(axes[0])));
      tensors.emplace_back(target, std::move(spelled.labels));
      tensors.emplace_back(target + ".lengths", std::move(spelled.lengths));
      return {};
    }
  return internalError("the logits of '" + target + "' are not there");
}

static Result<int> run(const CommandLine &line, Console &console) {
  Settings settings(line);
  settings.data.clear();
  auto opened =
      openModel(line.operands.front(), settings, console);
  if (!opened)
    return opened.error();
  Project &project = *opened->project;
  const hir::Model &first = project.model();

  std::map<std::string, rt::Tensor> inputs;
  std::map<std::string, int64_t> extents;
  std::map<std::string, double> sizes = project.dataSizes();
  bool f64 = project.settings().text("precision", "f32") == "f64";
  Lengths lengths(first);
  for (const std::string &text : line.all("data")) {
    auto [name, file] = splitPair(text);
    const hir::Input *input = first.findInput(name);
    bool isLengths = Lengths::isName(name);
    if (file.empty() || (!input && !isLengths))
      return file.empty()
                 ? usageError("--data expects NAME=FILE, found '" + text + "'")
                 : makeError("unknown-input",
                             "the model has no input '" + name + "'");
    auto tensor = rt::readNpy(file);
    if (!tensor)
      return fromRuntime(tensor.error());
    if (isLengths) {
      if (auto done = lengths.add(name, *tensor); !done)
        return done.error();
      continue;
    }
    auto converted =
        tensor->convert(input->type.elem == hir::Elem::Int    ? rt::DType::I32
                        : input->type.elem == hir::Elem::Bool ? rt::DType::Bool
                        : f64                                 ? rt::DType::F64
                                                              : rt::DType::F32);
    if (!converted)
      return fromRuntime(converted.error());
    if (auto done = readExtents(first, *input, *converted, extents, sizes);
        !done)
      return done.error();
    inputs.insert_or_assign(name, std::move(*converted));
  }
  if (auto done = lengths.settle(extents); !done)
    return done.error();
  for (auto &[name, tensor] : inputs) {
    const hir::Input *input = first.findInput(name);
    lengths.clearPadding(*input, tensor);
    if (input->type.elem == hir::Elem::Int && input->type.range)
      if (auto range = first.value(*input->type.range))
        for (int32_t id : tensor.as<int32_t>())
          if (id < 0 || id >= *range)
            return makeError("label-range",
                             name + " is " + std::to_string(id) +
                                 ", the model has classes 0 to " +
                                 std::to_string(*range - 1));
  }
  project.setSizes(sizes);

  auto variant = project.variant({"forward"}, false, lengths.axes());
  for (const Message &message : project.takeMessages())
    console.say(message);
  if (!variant)
    return variant.error();
  if (auto done = loadWeights(*opened, *(*variant)->code); !done)
    return done.error();
  auto made = Call::create((*variant)->code, "forward", project.team());
  if (!made)
    return made.error();
  Call &call = *made;
  const EntryInfo &info = *(*variant)->code->info("forward");
  std::vector<rnn::Array> arrays;
  for (const ArgInfo &arg : info.arguments) {
    if (arg.kind == "axis") {
      if (auto [base, every] = rt::baseAxis(arg.name); every > 1)
        if (auto it = extents.find(base); it != extents.end())
          extents[arg.name] = rt::stepsOf(it->second, every);
      auto it = extents.find(arg.name);
      if (it == extents.end())
        return makeError("unbound-data",
                         "no input says how long axis '" + arg.name + "' is");
      arrays.push_back(rnn::Array::index(it->second));
    } else if (arg.kind == "key") {
      arrays.push_back(rnn::Array::key(project.settings().whole("seed", 1)));
    } else if (arg.kind == "param") {
      arrays.push_back(toArray(*project.weights.find(arg.name)));
    } else if (arg.kind == "lengths") {
      const rt::Tensor *each = lengths.find(arg.name);
      if (!each)
        return internalError("axis '" + arg.name + "' has no lengths");
      arrays.push_back(toArray(*each));
    } else {
      auto it = inputs.find(arg.name);
      if (it == inputs.end())
        return makeError("unbound-data", "input '" + arg.name + "' has no data",
                         "give --data " + arg.name + "=FILE");
      arrays.push_back(toArray(it->second));
    }
  }
  RunFunction function = compiled(call, info);
  if (line.has("interpret")) {
    auto forward =
        (*variant)->code->source().lookupSymbol<mlir::func::FuncOp>("forward");
    if (!forward)
      return internalError("the module has no function 'forward'");
    // The interpreter's function may have more arguments than compiled code
    // kept; they have the same order.
    if (forward.getNumArguments() != info.arguments.size())
      return internalError("'forward' has other arguments as compiled");
    function = interpreted(forward);
  }
  auto results = function(arrays);
  if (!results)
    return makeError("run", llvm::toString(results.takeError()));

  std::map<std::string, std::string> wanted;
  for (const std::string &text : line.all("output")) {
    auto [name, file] = splitPair(text);
    if (file.empty())
      return usageError("-o expects NAME=FILE, found '" + text + "'");
    wanted[name] = file;
  }
  std::vector<std::pair<std::string, rt::Tensor>> tensors;
  for (size_t i = 0; i < info.results.size() && i < results->size(); ++i)
    if (info.results[i].kind == "output")
      tensors.emplace_back(info.results[i].name, toTensor((*results)[i]));
  if (auto done = addLabels(*(*variant)->model, lengths, tensors); !done)
    return done.error();
  Json outputs = Json::object();
  std::string text;
  for (const auto &[name, tensor] : tensors) {
    outputs[name] = {{"shape", tensor.shape()},
                     {"type", std::string(rt::nameOf(tensor.dtype()))}};
    text += name + ": " + std::string(rt::nameOf(tensor.dtype())) + " " +
            rt::shapeText(tensor.shape()) + "\n";
    auto it = wanted.find(name);
    if (it == wanted.end())
      continue;
    if (auto done = rt::writeNpy(it->second, tensor); !done)
      return fromRuntime(done.error());
    wanted.erase(it);
  }
  if (!wanted.empty()) {
    std::vector<std::string> names;
    for (const auto &[name, value] : outputs.items())
      names.push_back(name);
    std::string near = nearestName(wanted.begin()->first, names);
    return makeError("unknown-output",
                     "the model has no output '" + wanted.begin()->first + "'",
                     near.empty() ? "" : "did you mean '" + near + "'?");
  }
  console.object["outputs"] = outputs;
  return console.print(text) ? StatusDone : StatusInput;
}

int driver::runCommand(const CommandLine &line, Console &console) {
  auto status = run(line, console);
  return status ? *status : console.fail(status.error());
}
