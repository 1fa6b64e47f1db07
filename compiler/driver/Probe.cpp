//===- Probe.cpp - A changed model, compiled and run ----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Probe.h"

#include <cstring>

using namespace rnnc;
using namespace rnnc::driver;

Result<std::unique_ptr<Probe>> Probe::create(OpenedModel &opened,
                                             std::unique_ptr<hir::Model> model,
                                             const std::string &entry,
                                             int64_t length) {
  Project &project = *opened.project;
  auto probe = std::make_unique<Probe>();
  probe->model = std::move(model);
  auto options = CodeOptions::of(project.settings());
  if (!options)
    return options.error();
  options->evaluationLoss = true;
  options->remarks = false;
  options->pipeline.entries = {entry};
  options->pipeline.inputGradients = entry == "grad";
  options->pipeline.batch = 1;
  options->pipeline.length = std::max<int64_t>(length, 1);
  options->pipeline.unroll = 0;
  auto code = Code::generate(project.spec(), *probe->model, *options);
  if (!code)
    return code.error();
  if (auto done = (*code)->load(); !done)
    return done.error();
  probe->code = *code;
  if (!project.haveWeights())
    if (auto done = loadWeights(opened, *probe->code); !done)
      return done.error();
  auto call = Call::create(probe->code, entry, project.team());
  if (!call)
    return call.error();
  probe->call.emplace(std::move(*call));
  if (auto done = project.weights.bind(*probe->call); !done)
    return done.error();
  return probe;
}

Result<void> Probe::run(const ProbeInput &input) {
  for (Call::Slot &slot : call->args()) {
    const std::string &kind = slot.info.kind, &name = slot.info.name;
    if ((kind == "input" || kind == "target") && !name.starts_with("see.") &&
        !input.values.contains(name))
      return makeError("unbound-data", kind + " '" + name + "' has no value",
                       "give --input " + name + "=VALUE");
  }
  std::map<std::string, int64_t> extents = input.extents;
  extents["B"] = 1;
  if (auto done = call->resize(extents); !done)
    return done;
  for (Call::Slot &slot : call->args()) {
    const std::string &kind = slot.info.kind, &name = slot.info.name;
    if (kind != "input" && kind != "target")
      continue;
    auto it = input.values.find(name);
    if (it == input.values.end()) {
      std::memset(slot.data, 0, size_t(slot.bytes));
      continue;
    }
    if (it->second.bytes() != slot.bytes || it->second.dtype() != slot.dtype())
      return makeError("data-size", "'" + name + "' is " +
                                        rt::shapeText(it->second.shape()) +
                                        ", the model takes " +
                                        rt::shapeText(slot.shape));
    std::memcpy(slot.data, it->second.data(), size_t(slot.bytes));
  }
  call->run();
  return {};
}

Probe::Values Probe::valuesOf(const Call::Slot *slot) const {
  Values values;
  if (!slot)
    return values;
  values.shape = slot->shape;
  values.numbers.resize(size_t(slot->count()));
  for (size_t i = 0; i < values.numbers.size(); ++i)
    values.numbers[i] = slot->number(int64_t(i));
  return values;
}

Probe::Values Probe::output(const std::string &name) {
  return valuesOf(call->result("output", name));
}

Probe::Values Probe::gradient(const std::string &input) {
  return valuesOf(call->result("grad", input));
}

double Probe::loss() {
  for (const Call::Slot &slot : call->results())
    if (slot.info.kind == "loss")
      return slot.number();
  return 0;
}
