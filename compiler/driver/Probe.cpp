//===- Probe.cpp - A changed model, compiled and run ----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Probe.h"

#include <algorithm>
#include <cstring>

using namespace rnnc;
using namespace rnnc::driver;

Result<std::unique_ptr<Probe>> Probe::create(OpenedModel &opened,
                                             std::unique_ptr<hir::Model> model,
                                             std::vector<std::string> entries,
                                             int64_t length) {
  Project &project = *opened.project;
  auto probe = std::make_unique<Probe>();
  probe->model = std::move(model);
  auto options = CodeOptions::of(project.settings());
  if (!options)
    return options.error();
  options->evaluationLoss = true;
  options->remarks = false;
  options->pipeline.entries = entries;
  options->pipeline.inputGradients =
      std::find(entries.begin(), entries.end(), "grad") != entries.end();
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
  for (const std::string &entry : entries) {
    auto call = Call::create(probe->code, entry, project.team());
    if (!call)
      return call.error();
    auto &kept = probe->calls.emplace(entry, std::move(*call)).first->second;
    if (auto done = project.weights.bind(kept); !done)
      return done.error();
  }
  return probe;
}

Result<void> Probe::run(const std::string &entry, const ProbeInput &input,
                        const std::map<std::string, double> &added) {
  Call &call = calls.at(entry);
  for (Call::Slot &slot : call.args()) {
    const std::string &kind = slot.info.kind, &name = slot.info.name;
    if ((kind == "input" || kind == "target") && !name.starts_with("see.") &&
        !input.values.contains(name))
      return makeError("unbound-data", kind + " '" + name + "' has no value",
                       "give --input " + name + "=VALUE");
  }
  std::map<std::string, int64_t> extents = input.extents;
  extents["B"] = 1;
  if (auto done = call.resize(extents); !done)
    return done;
  for (Call::Slot &slot : call.args()) {
    const std::string &kind = slot.info.kind, &name = slot.info.name;
    if (kind != "input" && kind != "target")
      continue;
    if (auto it = added.find(name); it != added.end()) {
      slot.setNumber(it->second);
      continue;
    }
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
  call.run();
  return {};
}

Probe::Values Probe::valuesOf(const std::string &entry, const char *kind,
                              const std::string &name) {
  Values values;
  auto it = calls.find(entry);
  const Call::Slot *slot =
      it == calls.end() ? nullptr : it->second.result(kind, name);
  if (!slot)
    return values;
  values.shape = slot->shape;
  values.numbers.resize(size_t(slot->count()));
  for (size_t i = 0; i < values.numbers.size(); ++i)
    values.numbers[i] = slot->number(int64_t(i));
  return values;
}

Probe::Values Probe::output(const std::string &name) {
  return valuesOf("forward", "output", name);
}

Probe::Values Probe::gradient(const std::string &input) {
  return valuesOf("grad", "grad", input);
}

double Probe::loss() {
  if (auto it = calls.find("grad"); it != calls.end())
    for (const Call::Slot &slot : it->second.results())
      if (slot.info.kind == "loss")
        return slot.number();
  return 0;
}
