//===- RandomModelShrink.cpp - Text of random models, smaller ones --------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/verify/RandomModel.h"
#include <algorithm>
#include <cctype>
#include <set>

using namespace rnnc;

std::string Phrase::text() const {
  std::string result;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '$') {
      result += pattern[i];
      continue;
    }
    size_t part = pattern[++i] - '0';
    const Phrase &phrase = parts[part];
    // Brackets wherever a phrase might bind less tightly than its place.
    std::string inner = phrase.text();
    bool isAtom = std::all_of(inner.begin(), inner.end(), [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) || c == '_' ||
             c == '.';
    });
    result += isAtom ? inner : "(" + inner + ")";
  }
  return result;
}

static std::string textOf(const std::vector<Line> &lines) {
  std::string result;
  for (const Line &line : lines)
    result += "  " + line.phrase.text() + "\n";
  return result;
}

std::string RandomModel::text() const {
  std::string result;
  for (const RandomCell &cell : cells)
    result += "cell " + cell.header + " {\n" + textOf(cell.lines) + "}\n";
  return result + "model Random() {\n" + textOf(lines) + "}\n";
}

/// The names in a text.
static void collectNames(const std::string &text, std::set<std::string> &out) {
  for (size_t i = 0; i < text.size();) {
    size_t end = i;
    while (end < text.size() &&
           (std::isalnum(static_cast<unsigned char>(text[end])) ||
            text[end] == '_'))
      ++end;
    if (end > i)
      out.insert(text.substr(i, end - i));
    i = std::max(end, i + 1);
  }
}

/// Removes lines whose names are not needed for `used`.
static void dropUnusedLines(std::vector<Line> &lines,
                            std::set<std::string> used) {
  // An update of a state comes after uses of the state, so go on until
  // nothing is new.
  std::vector<bool> lives(lines.size());
  for (bool isNew = true; isNew;) {
    isNew = false;
    for (size_t i = 0; i < lines.size(); ++i) {
      const std::vector<std::string> &names = lines[i].defines;
      bool isUsed = names.empty() || std::any_of(names.begin(), names.end(),
                                                 [&](const std::string &name) {
                                                   return used.count(name);
                                                 });
      if (lives[i] || !isUsed)
        continue;
      lives[i] = isNew = true;
      collectNames(lines[i].phrase.text(), used);
    }
  }
  std::vector<Line> kept;
  for (size_t i = 0; i < lines.size(); ++i)
    if (lives[i])
      kept.push_back(std::move(lines[i]));
  lines = std::move(kept);
}

void RandomModel::dropUnused() {
  dropUnusedLines(lines, {});
  std::set<std::string> used;
  collectNames(textOf(lines), used);
  // Cells use cells before them; the model may read any name of a cell.
  std::vector<RandomCell> kept;
  for (auto cell = cells.rbegin(); cell != cells.rend(); ++cell) {
    if (!used.count(cell->name))
      continue;
    std::set<std::string> own = used;
    collectNames(cell->header, own);
    dropUnusedLines(cell->lines, own);
    collectNames(textOf(cell->lines), used);
    kept.push_back(std::move(*cell));
  }
  std::reverse(kept.begin(), kept.end());
  cells = std::move(kept);
}

/// A constant of a phrase's type, or nothing sensible.
static std::string constantOf(const std::string &type) {
  std::string own = type.rfind("seq ", 0) == 0 ? type.substr(4) : type;
  if (own == "real")
    return "0.5";
  return own.rfind("[", 0) == 0 ? "fill(0.5, " + own + ")" : "";
}

/// Collects the phrases below `phrase` (itself left out) of type `type`.
static void collectSameType(const Phrase &phrase, const std::string &type,
                            std::vector<Phrase> &out) {
  for (const Phrase &part : phrase.parts) {
    if (part.type == type)
      out.push_back(part);
    collectSameType(part, type, out);
  }
}

/// Calls `visit` for every phrase of a tree that may be replaced.
static void forEachPhrase(Phrase &phrase,
                          const std::function<void(Phrase &)> &visit) {
  visit(phrase);
  for (Phrase &part : phrase.parts)
    forEachPhrase(part, visit);
}

std::vector<RandomModel> RandomModel::reductions() const {
  std::vector<RandomModel> result;
  auto add = [&](RandomModel model) {
    model.dropUnused();
    if (model.text() != text() || model.sizes != sizes)
      result.push_back(std::move(model));
  };
  add(*this);
  for (const auto &[axis, extent] : sizes)
    for (int64_t smaller : {int64_t(1), int64_t(2), extent - 1})
      if (smaller < extent && smaller >= 1) {
        RandomModel model = *this;
        model.sizes[axis] = smaller;
        add(std::move(model));
      }

  // One line less.
  for (size_t i = 0; i < lines.size(); ++i) {
    RandomModel model = *this;
    model.lines.erase(model.lines.begin() + static_cast<int64_t>(i));
    add(std::move(model));
  }
  for (size_t c = 0; c < cells.size(); ++c)
    for (size_t i = 0; i < cells[c].lines.size(); ++i) {
      RandomModel model = *this;
      auto &own = model.cells[c].lines;
      own.erase(own.begin() + static_cast<int64_t>(i));
      add(std::move(model));
    }

  // One phrase replaced by a part of it, or by a constant.
  auto allPhrases = [](RandomModel &model) {
    std::vector<Phrase *> all;
    auto collect = [&](std::vector<Line> &block) {
      for (Line &line : block)
        forEachPhrase(line.phrase, [&](Phrase &p) { all.push_back(&p); });
    };
    collect(model.lines);
    for (RandomCell &cell : model.cells)
      collect(cell.lines);
    return all;
  };
  RandomModel source = *this;
  std::vector<Phrase *> phrases = allPhrases(source);
  for (size_t i = 0; i < phrases.size(); ++i) {
    std::vector<Phrase> instead;
    collectSameType(*phrases[i], phrases[i]->type, instead);
    std::string constant = constantOf(phrases[i]->type);
    if (!constant.empty() && phrases[i]->pattern != constant)
      instead.push_back({constant, phrases[i]->type, {}});
    for (Phrase &phrase : instead) {
      RandomModel model = *this;
      *allPhrases(model)[i] = std::move(phrase);
      add(std::move(model));
    }
  }
  return result;
}

RandomModel rnnc::shrink(RandomModel model,
                         const std::function<bool(const RandomModel &)> &fails,
                         int attempts) {
  for (bool smaller = true; smaller && attempts > 0;) {
    smaller = false;
    for (RandomModel &candidate : model.reductions()) {
      if (attempts-- <= 0)
        break;
      if (!fails(candidate))
        continue;
      model = std::move(candidate);
      smaller = true;
      break;
    }
  }
  return model;
}
