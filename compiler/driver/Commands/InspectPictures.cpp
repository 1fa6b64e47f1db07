//===- InspectPictures.cpp - The pictures of rnnc inspect -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Commands/InspectPictures.h"
#include "compiler/driver/Principal.h"
#include "runtime/AtomicFile.h"
#include "runtime/Plot.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <numeric>

using namespace rnnc;
using namespace rnnc::driver;

/// Arrays with more numbers are in the pictures only.
static constexpr size_t mostNumbers = 4096;

static Json numbersJson(std::span<const double> values) {
  Json list = Json::array();
  for (double value : values)
    list.push_back(number(value));
  return list;
}

static std::string fourDigits(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

static std::string oneDecimal(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

//===----------------------------------------------------------------------===//
// Models and files
//===----------------------------------------------------------------------===//

Result<std::unique_ptr<hir::Model>> Pictures::freshModel(bool needLoss) {
  auto model = opened.project->analyzed(false, needLoss);
  if (!model)
    return model.error();
  forgetOutputs(**model);
  if ((*model)->evaluation)
    forgetOutputs(*(*model)->evaluation);
  return model;
}

Result<std::unique_ptr<Probe>>
Pictures::probe(std::unique_ptr<hir::Model> model,
                std::vector<std::string> entries, const ProbeInput *input) {
  int64_t length = 1;
  if (input)
    for (const auto &[axis, steps] : input->extents)
      length = std::max(length, steps);
  auto made =
      Probe::create(opened, std::move(model), std::move(entries), length);
  if (made)
    for (const auto &[stage, ms] : (*made)->compiled().timings())
      console.detail("stage " + stage + ": " + oneDecimal(ms) + " ms");
  return made;
}

Result<void> Pictures::save(const char *what, const std::string &name,
                            const std::string &svg) {
  std::string base = what;
  if (!name.empty())
    base += "-" + name;
  for (char &c : base)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '.' && c != '_')
      c = '-';
  std::string unique = base;
  for (int i = 2; !names.insert(unique).second; ++i)
    unique = base + "-" + std::to_string(i);
  const std::string file = folder + "/" + unique + ".svg";
  if (auto done = rt::writeFile(file, svg); !done)
    return fromRuntime(done.error());
  auto add = [&](const std::string &path) {
    written.push_back(path);
    console.object["files"].push_back({{"file", path}, {"what", what}});
  };
  add(file);
  if (!png)
    return {};
  const std::string picture = folder + "/" + unique + ".png";
  if (auto done = savePng(file, picture); !done)
    return done;
  add(picture);
  return {};
}

std::string Pictures::axisName(const hir::Model &model, int axis) const {
  return axis < 0 ? "" : model.axes[size_t(model.rootAxis(axis))].name;
}

std::vector<std::string> Pictures::labelsOf(const hir::Model &model, int axis,
                                            const Inspected &subject,
                                            std::string *from) const {
  if (axis < 0)
    return {};
  for (bool target : {false, true})
    for (const hir::Input &input : model.inputs) {
      if (input.target != target || input.type.axes.size() != 1 ||
          model.rootAxis(input.type.axes[0]) != model.rootAxis(axis))
        continue;
      auto it = subject.tokens.find(input.name);
      if (it == subject.tokens.end())
        continue;
      if (from)
        *from = input.name;
      return it->second;
    }
  return {};
}

std::string Pictures::axisTitle(const hir::Model &model, int axis,
                                const Inspected &subject) const {
  std::string input;
  labelsOf(model, axis, subject, &input);
  return "step of " + axisName(model, axis) +
         (input.empty() ? "" : ": " + input);
}

//===----------------------------------------------------------------------===//
// States and gates
//===----------------------------------------------------------------------===//

namespace {
/// [time axes, 1, own axes] by its sizes.
struct Layout {
  std::vector<int64_t> steps;
  int64_t units = 1;
};
Layout layoutOf(const Probe::Values &values, const hir::Type &type) {
  Layout layout;
  const size_t axes = type.axes.size();
  layout.steps.assign(values.shape.begin(),
                      values.shape.begin() + int64_t(axes));
  for (size_t i = axes + 1; i < values.shape.size(); ++i)
    layout.units *= values.shape[i];
  return layout;
}

/// The size of each step's value along the axis numbered `along`: the root of
/// the sum of squares over all the rest.
std::vector<double> normsAlong(const Probe::Values &values,
                               const Layout &layout, size_t along) {
  int64_t inner = layout.units;
  for (size_t i = along + 1; i < layout.steps.size(); ++i)
    inner *= layout.steps[i];
  const int64_t count = layout.steps[along];
  std::vector<double> sums(size_t(count), 0);
  for (size_t i = 0; i < values.numbers.size(); ++i)
    sums[size_t(int64_t(i) / inner % count)] +=
        values.numbers[i] * values.numbers[i];
  for (double &sum : sums)
    sum = std::sqrt(sum);
  return sums;
}
} // namespace

Result<bool> Pictures::states(const Inspected &subject) {
  return maps(subject, "states", observeStates);
}

Result<bool> Pictures::gates(const Inspected &subject) {
  return maps(subject, "gates", observeNamed);
}

Result<bool> Pictures::maps(const Inspected &subject, const char *what,
                            const Change &change) {
  auto model = freshModel(false);
  if (!model)
    return model.error();
  std::vector<Observed> all = change(evaluated(**model));
  std::erase_if(all, [](const Observed &seen) {
    return seen.type.axes.empty() || seen.type.axes.size() > 2;
  });
  if (all.empty())
    return false;
  const hir::Model &graph = evaluated(**model);
  auto made = probe(std::move(*model), {"forward"}, &subject.input);
  if (!made)
    return made.error();
  if (auto done = (*made)->run("forward", subject.input); !done)
    return done.error();
  // A figure for each scan, in the order of the model.
  std::vector<std::pair<std::string, std::vector<rt::HeatMap>>> figures;
  int lastAxis = -1;
  for (const Observed &seen : all) {
    const Probe::Values values = (*made)->output(seen.output);
    const Layout layout = layoutOf(values, seen.type);
    rt::HeatMap map;
    size_t along = 0;
    while (seen.type.axes[along] != seen.axis &&
           along + 1 < seen.type.axes.size())
      ++along;
    map.columns = layout.steps[along];
    map.columnLabels = labelsOf(graph, seen.axis, subject);
    map.columnTitle = axisTitle(graph, seen.axis, subject);
    map.title = seen.full();
    if (layout.steps.size() == 1) {
      map.rows = layout.units;
      map.rowTitle = "unit";
      map.values.resize(values.numbers.size());
      for (int64_t t = 0; t < map.columns; ++t)
        for (int64_t u = 0; u < map.rows; ++u)
          map.values[size_t(u * map.columns + t)] =
              values.numbers[size_t(t * map.rows + u)];
    } else {
      // A value at each place of two axes: its size.
      const size_t other = 1 - along;
      map.rows = layout.steps[other];
      map.rowLabels = labelsOf(graph, seen.type.axes[other], subject);
      map.rowTitle = axisTitle(graph, seen.type.axes[other], subject);
      if (layout.units > 1)
        map.title += "  (norm)";
      map.square = true;
      map.values.assign(size_t(map.rows * map.columns), 0);
      for (int64_t a = 0; a < layout.steps[0]; ++a)
        for (int64_t c = 0; c < layout.steps[1]; ++c) {
          double sum = 0;
          for (int64_t u = 0; u < layout.units; ++u) {
            const double value = values.numbers[size_t(
                (a * layout.steps[1] + c) * layout.units + u)];
            sum += value * value;
          }
          const int64_t row = other == 0 ? a : c, column = other == 0 ? c : a;
          map.values[size_t(row * map.columns + column)] =
              layout.units > 1
                  ? std::sqrt(sum)
                  : values.numbers[size_t(a * layout.steps[1] + c)];
        }
    }
    double low = HUGE_VAL, high = -HUGE_VAL, sum = 0;
    for (double value : values.numbers) {
      low = std::min(low, value);
      high = std::max(high, value);
      sum += value;
    }
    Json shape = Json::array(), axes = Json::array();
    for (int64_t steps : layout.steps)
      shape.push_back(steps);
    for (size_t i = seen.type.axes.size() + 1; i < values.shape.size(); ++i)
      shape.push_back(values.shape[i]);
    for (int axis : seen.type.axes)
      axes.push_back(axisName(graph, axis));
    Json entry = {{"name", seen.full()},
                  {"axes", axes},
                  {"shape", shape},
                  {"min", number(low)},
                  {"max", number(high)},
                  {"mean", number(sum / double(values.numbers.size()))},
                  {"norms", numbersJson(normsAlong(values, layout, along))}};
    entry["values"] = values.numbers.size() <= mostNumbers
                          ? numbersJson(values.numbers)
                          : Json(nullptr);
    console.object[what].push_back(entry);
    if (figures.empty() || figures.back().first != seen.instance ||
        lastAxis != seen.axis)
      figures.emplace_back(seen.instance, std::vector<rt::HeatMap>());
    lastAxis = seen.axis;
    figures.back().second.push_back(std::move(map));
  }
  for (const auto &[instance, panels] : figures) {
    const std::string title =
        std::string(what == std::string_view("states") ? "States" : "Gates") +
        (instance.empty() ? "" : " of " + instance) + ", " + subject.title;
    if (auto done = save(what, instance, rt::heatMapFigure(title, panels));
        !done)
      return done.error();
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

Result<bool> Pictures::attention(const Inspected &subject) {
  auto model = freshModel(false);
  if (!model)
    return model.error();
  const std::vector<Observed> all = observeWeights(evaluated(**model));
  if (all.empty())
    return false;
  const hir::Model &graph = evaluated(**model);
  auto made = probe(std::move(*model), {"forward"}, &subject.input);
  if (!made)
    return made.error();
  if (auto done = (*made)->run("forward", subject.input); !done)
    return done.error();
  for (const Observed &seen : all) {
    const Probe::Values values = (*made)->output(seen.output);
    const Layout layout = layoutOf(values, seen.type);
    size_t along = 0;
    while (along < seen.type.axes.size() && seen.type.axes[along] != seen.axis)
      ++along;
    if (along == seen.type.axes.size())
      return internalError("weights along an axis they have not");
    // Rows: the last of the other axes; each place of the rest, and each head,
    // has a map of its own.
    size_t rowAxis = seen.type.axes.size();
    for (size_t i = 0; i < seen.type.axes.size(); ++i)
      if (i != along)
        rowAxis = i;
    const bool hasRows = rowAxis < seen.type.axes.size();
    std::vector<int64_t> extents = layout.steps;
    extents.push_back(layout.units);
    std::vector<int64_t> strides(extents.size(), 1);
    for (size_t i = extents.size() - 1; i-- > 0;)
      strides[i] = strides[i + 1] * extents[i + 1];
    int64_t maps = 1;
    for (size_t i = 0; i < extents.size(); ++i)
      if (i != along && i != rowAxis)
        maps *= extents[i];
    std::vector<rt::HeatMap> panels;
    constexpr int64_t most = 16;
    for (int64_t m = 0; m < std::min(maps, most); ++m) {
      int64_t base = 0, rest = m;
      for (size_t i = extents.size(); i-- > 0;)
        if (i != along && i != rowAxis) {
          base += rest % extents[i] * strides[i];
          rest /= extents[i];
        }
      rt::HeatMap map;
      map.title = seen.full();
      if (maps > 1)
        map.title += " " + std::to_string(m);
      map.rows = hasRows ? extents[rowAxis] : 1;
      map.columns = extents[along];
      map.square = hasRows;
      map.columnLabels = labelsOf(graph, seen.axis, subject);
      map.columnTitle = axisTitle(graph, seen.axis, subject);
      if (hasRows) {
        map.rowLabels = labelsOf(graph, seen.type.axes[rowAxis], subject);
        map.rowTitle = axisTitle(graph, seen.type.axes[rowAxis], subject);
      } else {
        map.rowLabels = {""};
      }
      for (int64_t r = 0; r < map.rows; ++r)
        for (int64_t c = 0; c < map.columns; ++c)
          map.values.push_back(
              values
                  .numbers[size_t(base + (hasRows ? r * strides[rowAxis] : 0) +
                                  c * strides[along])]);
      panels.push_back(std::move(map));
    }
    Json axes = Json::array(), shape = Json::array();
    for (int axis : seen.type.axes)
      axes.push_back(axisName(graph, axis));
    for (size_t i = 0; i < values.shape.size(); ++i)
      if (i != seen.type.axes.size())
        shape.push_back(values.shape[i]);
    Json entry = {{"name", seen.full()},
                  {"over", axisName(graph, seen.axis)},
                  {"axes", axes},
                  {"shape", shape}};
    entry["values"] = values.numbers.size() <= mostNumbers
                          ? numbersJson(values.numbers)
                          : Json(nullptr);
    console.object["attention"].push_back(entry);
    std::string title = "Attention " + seen.full() + ", " + subject.title;
    if (maps > most)
      title += " (" + std::to_string(most) + " of " + std::to_string(maps) +
               " maps)";
    if (auto done =
            save("attention", seen.full(), rt::heatMapFigure(title, panels));
        !done)
      return done.error();
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Gradients
//===----------------------------------------------------------------------===//

/// The greatest spectral radius among the matrices of a recurrence.
static double radiusOf(const Recurrence &form, const Probe::Values &values,
                       int64_t &size) {
  // The batch of one leads.
  std::vector<int64_t> shape(values.shape.begin() + 1, values.shape.end());
  if (form.diagonal) {
    size = shape[0];
    double largest = 0;
    for (double value : values.numbers)
      largest = std::isnan(value) ? value : std::max(largest, std::abs(value));
    return largest;
  }
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t i = shape.size() - 1; i-- > 0;)
    strides[i] = strides[i + 1] * shape[i + 1];
  size = shape[form.kept];
  std::vector<size_t> others;
  int64_t count = 1;
  for (size_t i = 0; i < shape.size(); ++i)
    if (i != form.kept && i != form.summed) {
      others.push_back(i);
      count *= shape[i];
    }
  double largest = 0;
  for (int64_t m = 0; m < count; ++m) {
    int64_t base = form.from * strides[form.summed], rest = m;
    for (size_t i = others.size(); i-- > 0;) {
      base += rest % shape[others[i]] * strides[others[i]];
      rest /= shape[others[i]];
    }
    std::vector<double> matrix;
    for (int64_t r = 0; r < size; ++r)
      for (int64_t c = 0; c < size; ++c)
        matrix.push_back(values.numbers[size_t(base + r * strides[form.kept] +
                                               c * strides[form.summed])]);
    const double radius = spectralRadius(matrix, size);
    largest = std::isnan(radius) ? radius : std::max(largest, radius);
  }
  return largest;
}

Result<bool> Pictures::gradients(const Inspected &subject) {
  auto model = freshModel(true);
  if (!model)
    return model.error();
  hir::Model &graph = evaluated(**model);
  if (graph.losses.empty())
    return false;
  // One program: recurrent matrices as the weights make them, the whole loss,
  // and that of the last step alone, which shows what reaches far back.
  const std::vector<Recurrence> forms = observeRecurrences(graph);
  const LossChoice choice = chooseLosses(graph);
  const std::vector<Perturbed> all = perturbStates(graph);
  if (all.empty())
    return false;
  std::vector<std::string> entries = {"grad"};
  if (!forms.empty())
    entries.push_back("forward");
  auto made = probe(std::move(*model), std::move(entries), &subject.input);
  if (!made)
    return made.error();
  std::vector<int> axes;
  for (const Perturbed &state : all)
    if (std::find(axes.begin(), axes.end(), state.axis) == axes.end())
      axes.push_back(state.axis);

  std::vector<rt::CurvePanel> panels;
  Json list = Json::array();
  std::map<std::string, size_t> entryOf;
  for (bool last : {false, true}) {
    if (last && choice.last.empty())
      break;
    if (auto done = (*made)->run("grad", subject.input,
                                 {{last ? choice.last : choice.whole, 1.0}});
        !done)
      return done.error();
    console.object[last ? "last_loss" : "loss"] = number((*made)->loss());
    for (int axis : axes) {
      rt::CurvePanel panel;
      panel.title = last ? "loss of the last step alone" : "whole loss";
      panel.columnLabels = labelsOf(graph, axis, subject);
      panel.columnTitle = axisTitle(graph, axis, subject);
      panel.valueTitle = "norm of the gradient";
      panel.logarithmic = true;
      for (const Perturbed &state : all) {
        if (state.axis != axis)
          continue;
        const Probe::Values values = (*made)->gradient(state.input);
        const Layout layout = layoutOf(values, state.type);
        if (values.numbers.empty())
          return internalError("no gradient of '" + state.input + "'");
        size_t along = 0;
        while (state.type.axes[along] != axis)
          ++along;
        rt::PlotCurve curve;
        curve.name = state.instance.empty()
                         ? state.state
                         : state.instance + "." + state.state;
        curve.values = normsAlong(values, layout, along);
        const Json norms = numbersJson(curve.values);
        auto [it, fresh] = entryOf.emplace(state.input, list.size());
        if (fresh)
          list.push_back({{"name", curve.name},
                          {"axis", axisName(graph, axis)},
                          {"norms", Json::array()},
                          {"last_step_norms", nullptr}});
        list[it->second][last ? "last_step_norms" : "norms"] = norms;
        panel.curves.push_back(std::move(curve));
      }
      panels.push_back(std::move(panel));
    }
  }
  console.object["gradients"] = list;

  Json matrices = Json::array();
  std::vector<std::string> notes;
  if (!forms.empty())
    if (auto done = (*made)->run("forward", subject.input); !done)
      return done.error();
  for (const Recurrence &form : forms) {
    const Probe::Values values = (*made)->output(form.output);
    int64_t size = 0;
    const double radius = radiusOf(form, values, size);
    matrices.push_back({{"parameters", form.parameters},
                        {"state", form.state},
                        {"size", size},
                        {"diagonal", form.diagonal},
                        {"spectral_radius", number(radius)}});
    notes.push_back("spectral radius " + fourDigits(radius) + ": " +
                    form.parameters + " on " + form.state +
                    (form.diagonal ? " (entry by entry)" : ""));
  }
  console.object["matrices"] = matrices;
  const std::string title =
      "Gradient of the loss with respect to each state, " + subject.title;
  if (auto done = save("gradients", "", rt::curveFigure(title, panels, notes));
      !done)
    return done.error();
  return true;
}

//===----------------------------------------------------------------------===//
// Principal components
//===----------------------------------------------------------------------===//

static rt::PointPanel panelOf(const Principal &found, int64_t points,
                              const std::string &title) {
  rt::PointPanel panel;
  panel.title = title;
  char text[64];
  for (int i = 0; i < 2; ++i) {
    std::snprintf(text, sizeof text, "component %d (%.0f %% of the variance)",
                  i + 1, found.explained[i] * 100);
    (i ? panel.yTitle : panel.xTitle) = text;
  }
  for (int64_t i = 0; i < points; ++i)
    panel.points.push_back(
        {found.places[size_t(i * 2)], found.places[size_t(i * 2 + 1)], "", -1});
  return panel;
}

static Json principalJson(const std::string &name, const char *kind,
                          int64_t points, int64_t size, const Principal &found,
                          const rt::PointPanel &panel) {
  Json places = Json::array();
  if (found.places.size() <= mostNumbers)
    for (const rt::PlotPoint &point : panel.points) {
      Json place = {{"x", number(point.x)}, {"y", number(point.y)}};
      if (!point.label.empty())
        place["label"] = point.label;
      if (point.group >= 0)
        place["group"] = panel.groups[size_t(point.group)];
      places.push_back(place);
    }
  return {
      {"name", name},
      {"kind", kind},
      {"points", points},
      {"size", size},
      {"explained", {number(found.explained[0]), number(found.explained[1])}},
      {"places", places}};
}

Result<bool> Pictures::components(bool withData, int64_t points) {
  bool any = false;
  if (auto done = tables(any); !done)
    return done.error();
  if (withData)
    if (auto done = finals(points, any); !done)
      return done.error();
  return any;
}

Result<void> Pictures::tables(bool &any) {
  auto model = freshModel(false);
  if (!model)
    return model.error();
  hir::Model &graph = evaluated(**model);
  const std::vector<Table> found = findTables(graph);
  if (found.empty())
    return {};
  if (!opened.project->haveWeights()) {
    // Code of nothing, for the names and shapes of the weights.
    auto options = CodeOptions::of(opened.project->settings());
    if (!options)
      return options.error();
    auto code = Code::generate(opened.project->spec(), **model, *options);
    if (!code)
      return code.error();
    if (auto done = loadWeights(opened, **code); !done)
      return done;
  }
  for (const Table &table : found) {
    const std::string &name = graph.params[size_t(table.param)].name;
    const rt::Tensor *tensor = opened.project->weights.find(name);
    if (!tensor || tensor->rank() != 2)
      return internalError("the weights have no table '" + name + "'");
    const int64_t rows = tensor->shape()[0], size = tensor->shape()[1];
    if (rows < 3)
      continue;
    any = true;
    constexpr int64_t most = 2000;
    const int64_t shown = std::min(rows, most);
    std::vector<double> values;
    for (int64_t i = 0; i < shown * size; ++i)
      values.push_back(tensor->number(i));
    const Principal principal = principalComponents(values, shown, size);
    std::string title =
        name + ": " + std::to_string(rows) + " rows of " + std::to_string(size);
    if (shown < rows)
      title += ", the first " + std::to_string(shown);
    rt::PointPanel panel = panelOf(principal, shown, title);
    const rt::Vocabulary *symbols =
        table.ids >= 0 ? data.symbols(graph.inputs[size_t(table.ids)].name)
                       : nullptr;
    for (int64_t i = 0; i < shown; ++i)
      panel.points[size_t(i)].label = symbols && i < symbols->size()
                                          ? symbols->symbol(i)
                                          : std::to_string(i);
    console.object["pca"].push_back(
        principalJson(name, "embedding", shown, size, principal, panel));
    if (auto done =
            save("pca", name,
                 rt::pointFigure("Principal components of " + name, {panel}));
        !done)
      return done;
  }
  return {};
}

Result<void> Pictures::finals(int64_t points, bool &any) {
  if (auto done = data.load(); !done)
    return done;
  if (data.all().stream)
    return {};
  auto model = freshModel(false);
  if (!model)
    return model.error();
  hir::Model &graph = evaluated(**model);
  std::vector<Observed> all = observeFinals(graph);
  std::erase_if(all,
                [](const Observed &seen) { return seen.type.shape.empty(); });
  if (all.empty())
    return {};
  // Classes of examples, or what they read.
  const hir::Input *classes = nullptr, *text = nullptr;
  for (const hir::Input &input : opened.project->model().inputs) {
    if (input.type.elem != hir::Elem::Int || !input.type.shape.empty())
      continue;
    if (input.target && input.type.axes.empty() && !classes)
      classes = &input;
    if (!input.target && input.type.axes.size() == 1 && !text &&
        data.symbols(input.name))
      text = &input;
  }
  const int64_t count = std::min(points, data.count());
  if (count < 3)
    return {};
  any = true;
  std::vector<Inspected> subjects;
  int64_t longest = 1;
  for (int64_t i = 0; i < count; ++i) {
    auto subject = data.row(size_t(i));
    if (!subject)
      return subject.error();
    for (const auto &[axis, steps] : subject->input.extents)
      longest = std::max(longest, steps);
    subjects.push_back(std::move(*subject));
  }
  auto made = Probe::create(opened, std::move(*model), {"forward"}, longest);
  if (!made)
    return made.error();
  std::vector<std::vector<double>> values(all.size());
  for (const Inspected &subject : subjects) {
    if (auto done = (*made)->run("forward", subject.input); !done)
      return done;
    for (size_t i = 0; i < all.size(); ++i) {
      const Probe::Values now = (*made)->output(all[i].output);
      values[i].insert(values[i].end(), now.numbers.begin(), now.numbers.end());
    }
  }
  for (size_t i = 0; i < all.size(); ++i) {
    const int64_t size = int64_t(values[i].size()) / count;
    const Principal principal = principalComponents(values[i], count, size);
    const std::string name = all[i].full();
    rt::PointPanel panel =
        panelOf(principal, count,
                name + " after the last step: " + std::to_string(count) +
                    " examples of the " + data.partName() + " part, " +
                    std::to_string(size) + " units");
    for (int64_t p = 0; p < count; ++p) {
      const Inspected &subject = subjects[size_t(p)];
      rt::PlotPoint &point = panel.points[size_t(p)];
      if (classes) {
        auto it = subject.input.values.find(classes->name);
        if (it == subject.input.values.end())
          continue;
        const int64_t id = int64_t(it->second.number(0));
        const rt::Vocabulary *symbols = data.symbols(classes->name);
        const std::string group = symbols && id < symbols->size()
                                      ? symbols->symbol(id)
                                      : std::to_string(id);
        auto known = std::find(panel.groups.begin(), panel.groups.end(), group);
        point.group = known - panel.groups.begin();
        if (known == panel.groups.end())
          panel.groups.push_back(group);
        // Colours alone do not tell many classes apart.
        point.label = group;
      } else if (text) {
        auto it = subject.input.values.find(text->name);
        if (it != subject.input.values.end())
          point.label = data.symbols(text->name)
                            ->decodeSequence(it->second.as<int32_t>());
      }
    }
    console.object["pca"].push_back(
        principalJson(name, "state", count, size, principal, panel));
    if (panel.groups.size() > 0 && panel.groups.size() <= 12)
      for (rt::PlotPoint &point : panel.points)
        point.label.clear();
    if (auto done =
            save("pca", name,
                 rt::pointFigure("Principal components of " + name, {panel}));
        !done)
      return done;
  }
  return {};
}
