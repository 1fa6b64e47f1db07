//===- SemaWithin.cpp - Lengths that depend on the step of another axis ---===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `seq(W, C(W))`: at each step of W axis C has a length of its own. What runs
// along C needs that length, so it is done step by step of W: a scan over W
// without states is put around it, unless the text is in a step of W already.
// What would run along W with C still there has no length for C; it is refused.
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/SemaImpl.h"

using namespace rnnc;
using namespace rnnc::sema;

/// Whether what is being built stands in a step of `axis`.
bool Sema::isStepping(int axis) const {
  for (const hir::Block *at = block; at && at->scan; at = at->parent)
    if (model->rootAxis(at->scan->axis) == model->rootAxis(axis))
      return true;
  return false;
}

/// The axis whose steps are needed to know how long `axis` is; -1 if none, or
/// if this is a step of it.
int Sema::missingOuter(int axis) const {
  int outer = model->outerAxis(axis);
  return outer >= 0 && isStepping(outer) ? -1 : outer;
}

/// False after a message if something along `axis` would keep another axis
/// whose length depends on its step.
bool Sema::checkInnerLengths(const Type &type, int axis,
                             const std::string &what, SourceRange at) {
  for (int inner : type.axes) {
    if (model->outerAxis(inner) < 0 ||
        model->outerAxis(inner) != model->rootAxis(axis))
      continue;
    const std::string &name = model->axes[inner].name;
    const std::string &outer = model->axes[axis].name;
    if (Diagnostic *diagnostic =
            error(at, "axis",
                  str(what, " along ", outer, ", but the length of ", name,
                      " depends on ", outer, "; reduce ", name, " before ",
                      outer)))
      diagnostic->note(model->axes[model->rootAxis(inner)].place,
                       str("'", name, "' declared here"));
    return false;
  }
  return true;
}

/// The time axis that `axis = NAME` means; -1 if it means none.
int Sema::namedAxis(const Arg &arg, const std::vector<Arg> &args) const {
  const auto *name = ast::dynCast<ast::NameExpr>(arg.expr);
  if (!name)
    return -1;
  if (int axis = findAxis(name->name); axis >= 0)
    return axis;
  for (const Arg &other : args)
    if (other.val.kind == Val::Tensor)
      for (int axis : other.val.node->type.axes)
        if (model->axes[axis].name == name->name)
          return axis;
  return -1;
}

/// `inside` at each step of `outer`, with the slices of those arguments that
/// have the axis. What it gives out is a sequence along `outer`.
Val Sema::atEachStep(int outer, std::vector<Arg> args, SourceRange at,
                     const std::function<Val(std::vector<Arg>)> &inside) {
  Node *scanNode = model->make(Op::Scan, {}, {}, at);
  hir::Block *around = block;
  scanNode->block = around;
  scanNode->axis = outer;
  scanNode->name = frame->paths ? frame->paths->path : "";
  scanNode->scan = std::make_unique<hir::Scan>();
  hir::Scan &scan = *scanNode->scan;
  scan.axis = outer;
  scan.body.scan = scanNode;
  scan.body.parent = around;
  for (Arg &arg : args)
    if (arg.val.kind == Val::Result) {
      arg.val = Val::of(toTensor(arg.val, arg.place));
      if (arg.val.isPoison())
        return poison();
    }
  Val val;
  {
    Saved<hir::Block *> in(block, &scan.body);
    for (Arg &arg : args) {
      if (arg.val.kind != Val::Tensor ||
          !arg.val.node->type.hasAxis(outer))
        continue;
      Type type = arg.val.node->type;
      std::erase(type.axes, outer);
      Node *slice = make(Op::BodyInput, type, {}, arg.place);
      if (!slice)
        return poison();
      slice->index = int64_t(scan.over.size());
      slice->text = arg.expr ? ast::toString(arg.expr) : "value";
      scan.over.push_back(arg.val.node);
      scan.bodyInputs.push_back(slice);
      arg.val = Val::of(slice);
    }
    val = inside(std::move(args));
  }
  if (val.isPoison())
    return poison();
  scanNode->operands = scan.over;
  around->nodes.push_back(scanNode);
  if (val.kind == Val::Result) {
    val.result->steps = scanNode;
    return val;
  }
  return Val::of(emittedFrom(scanNode, toTensor(val, at), at));
}
