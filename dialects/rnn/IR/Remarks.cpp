//===- Remarks.cpp - What passes say of their decisions -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Remarks go to the remark engine of MLIR. The place of one is the op's, as
// called from its scan, so that a cell's line tells which of its uses is meant.
//
//===----------------------------------------------------------------------===//

#include "dialects/rnn/IR/Remarks.h"
#include "dialects/rnn/IR/RNNDialect.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace rnnc;

static constexpr llvm::StringLiteral kGradient = "gradient";

bool rnn::wantsRemarks(Operation *op) {
  return op->getContext()->getRemarkEngine() != nullptr;
}

Location rnn::gradientLoc(Location loc) {
  if (isGradientLoc(loc))
    return loc;
  MLIRContext *context = loc.getContext();
  return FusedLoc::get({loc}, StringAttr::get(context, kGradient), context);
}

bool rnn::isGradientLoc(Location loc) {
  bool found = false;
  loc->walk([&](Location part) {
    auto fused = dyn_cast<FusedLoc>(part);
    auto word = fused ? dyn_cast_if_present<StringAttr>(fused.getMetadata())
                      : StringAttr();
    found |= word && word.getValue() == kGradient;
    return found ? WalkResult::interrupt() : WalkResult::advance();
  });
  return found;
}

/// The place of `op`, with that of the scan around it.
static Location placeOf(Operation *op) {
  auto scan = op->getParentOfType<rnn::ScanOp>();
  return scan ? Location(CallSiteLoc::get(op->getLoc(), scan.getLoc()))
              : op->getLoc();
}

/// The places of several ops, the first one's in front.
static Location placeOf(ArrayRef<Operation *> ops) {
  SmallVector<Location> places;
  for (Operation *op : ops)
    places.push_back(op == ops.front() ? placeOf(op) : op->getLoc());
  return FusedLoc::get(places, {}, ops.front()->getContext());
}

static remark::RemarkOpts optionsOf(StringRef id, StringRef pass) {
  return remark::RemarkOpts::name(id).category(pass);
}

void rnn::remarkDone(Operation *op, StringRef id, StringRef pass,
                     const Twine &text) {
  remarkDone(ArrayRef(op), id, pass, text);
}

void rnn::remarkRefused(Operation *op, StringRef id, StringRef pass,
                        const Twine &text) {
  remarkRefused(ArrayRef(op), id, pass, text);
}

void rnn::remarkDone(ArrayRef<Operation *> ops, StringRef id, StringRef pass,
                     const Twine &text) {
  if (wantsRemarks(ops.front()))
    remark::passed(placeOf(ops), optionsOf(id, pass)) << text.str();
}

void rnn::remarkRefused(ArrayRef<Operation *> ops, StringRef id, StringRef pass,
                        const Twine &text) {
  if (wantsRemarks(ops.front()))
    remark::missed(placeOf(ops), optionsOf(id, pass)) << text.str();
}

void rnn::remarkFact(Operation *op, StringRef id, StringRef pass,
                     const Twine &text) {
  if (wantsRemarks(op))
    remark::analysis(placeOf(op), optionsOf(id, pass)) << text.str();
}

std::string rnn::subjectOf(Operation *op) {
  StringRef kind = llvm::TypeSwitch<Operation *, StringRef>(op)
                       .Case<ContractOp>([](auto) { return "product"; })
                       .Case<GatherOp>([](auto) { return "look-up"; })
                       .Case<ScatterAddOp>([](auto) { return "sum of rows"; })
                       .Case<ReduceOp>([](auto) { return "reduction"; })
                       .Case<ScanOp>([](auto) { return "loop over time"; })
                       .Default([](Operation *other) {
                         return other->getName().stripDialect();
                       });
  auto scan = op->getParentOfType<ScanOp>();
  StringRef whose = isGradientLoc(op->getLoc())             ? "gradient "
                    : scan && isGradientLoc(scan->getLoc()) ? "repeated "
                                                            : "";
  return (whose + kind).str();
}

std::string rnn::counted(size_t count, StringRef noun) {
  return std::to_string(count) + " " + noun.str() + (count == 1 ? "" : "s");
}

std::string rnn::ofInstance(Operation *op) {
  std::string name;
  op->getLoc()->walk([&](Location part) {
    auto named = dyn_cast<NameLoc>(part);
    if (!named)
      return WalkResult::advance();
    name = (" of '" + named.getName().getValue() + "'").str();
    return WalkResult::interrupt();
  });
  return name;
}

std::string rnn::bytesText(int64_t bytes) {
  StringRef unit = "bytes";
  double shown = static_cast<double>(bytes);
  for (StringRef next : {"KiB", "MiB", "GiB"})
    if (shown >= 1024) {
      shown /= 1024;
      unit = next;
    }
  std::string text;
  llvm::raw_string_ostream os(text);
  int64_t tenths = static_cast<int64_t>(shown * 10 + 0.5);
  os << tenths / 10;
  if (tenths % 10)
    os << '.' << tenths % 10;
  os << ' ' << unit;
  return text;
}
