//===- BuildEntries.cpp - Derive @grad and @train from @loss --------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/grad/Transforms/Optimizers.h"
#include "dialects/grad/Transforms/Passes.h"
#include "dialects/rnn/IR/Arguments.h"

#define DEBUG_TYPE "grad-build-entries"

namespace rnnc::grad {
#define GEN_PASS_DEF_BUILDENTRIESPASS
#include "dialects/grad/Transforms/Passes.h.inc"
} // namespace rnnc::grad

using namespace mlir;
using namespace rnnc;
using namespace rnnc::grad;
using namespace rnnc::rnn;

static DictionaryAttr describe(MLIRContext *context, ArgKind kind,
                               const Twine &name,
                               ArrayRef<StringAttr> axes = {}) {
  auto arg = ArgAttr::get(context, kind, StringAttr::get(context, name), axes);
  return DictionaryAttr::get(
      context, NamedAttribute(StringAttr::get(context, kArgAttrName), arg));
}

static bool isReal(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && isa<FloatType>(tensor.getElementType());
}

/// A copy of `loss` named `name`, after it.
static func::FuncOp copyOf(func::FuncOp loss, StringRef name) {
  OpBuilder b(loss->getContext());
  b.setInsertionPointAfter(loss);
  auto copy = cast<func::FuncOp>(b.clone(*loss));
  copy.setName(name);
  return copy;
}

/// Appends `value` to what `function` returns.
static void addResult(func::FuncOp function, Value value,
                      DictionaryAttr attrs) {
  (void)function.insertResult(function.getNumResults(), value.getType(), attrs);
  auto end = cast<func::ReturnOp>(function.getBody().front().getTerminator());
  end.getOperandsMutable().append(value);
}

/// The arguments of `function` that are trained.
static SmallVector<unsigned> trainedArguments(func::FuncOp function) {
  SmallVector<unsigned> numbers;
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    if (ArgAttr arg = argOf(function, i);
        arg && arg.getKind() == ArgKind::Param &&
        !function.getArgAttr(i, "rnn.fixed") &&
        isReal(function.getArgumentTypes()[i]))
      numbers.push_back(i);
  return numbers;
}

/// The number of the first argument that is no extent, key or hyper.
static unsigned firstParameter(func::FuncOp function) {
  unsigned at = 0;
  for (; at < function.getNumArguments(); ++at) {
    ArgAttr arg = argOf(function, at);
    if (!arg ||
        (arg.getKind() != ArgKind::Axis && arg.getKind() != ArgKind::Key &&
         arg.getKind() != ArgKind::Hyper))
      break;
  }
  return at;
}

/// Asks for the gradients of result 0 with respect to arguments.
static SmallVector<Value> gradientsOf(func::FuncOp function,
                                      ArrayRef<unsigned> arguments) {
  auto end = cast<func::ReturnOp>(function.getBody().front().getTerminator());
  OpBuilder b(end);
  SmallVector<Value> wrt;
  for (unsigned i : arguments)
    wrt.push_back(function.getArgument(i));
  if (wrt.empty())
    return {};
  auto gradient = GradientOp::create(
      b, function.getLoc(), ValueRange(wrt).getTypes(), end.getOperand(0), wrt);
  return SmallVector<Value>(gradient.getGradients());
}

/// The real arguments of `function` of these kinds.
static SmallVector<unsigned> realArguments(func::FuncOp function,
                                           ArrayRef<ArgKind> kinds) {
  SmallVector<unsigned> numbers;
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    if (ArgAttr arg = argOf(function, i);
        arg && isReal(function.getArgumentTypes()[i]) &&
        llvm::is_contained(kinds, arg.getKind()))
      numbers.push_back(i);
  return numbers;
}

/// Appends the gradients with respect to arguments to the results.
static void addGradients(func::FuncOp function, ArrayRef<unsigned> arguments,
                         ArrayRef<Value> gradients) {
  for (auto [i, gradient] : llvm::zip_equal(arguments, gradients)) {
    ArgAttr arg = argOf(function, i);
    addResult(function, gradient,
              describe(function.getContext(), ArgKind::Grad,
                       arg.getName().getValue(), arg.getAxes()));
  }
}

static void buildGrad(func::FuncOp loss, bool inputGradients) {
  func::FuncOp function = copyOf(loss, "grad");
  SmallVector<unsigned> arguments = trainedArguments(function);
  if (inputGradients)
    arguments.append(
        realArguments(function, {ArgKind::Input, ArgKind::State}));
  addGradients(function, arguments, gradientsOf(function, arguments));
}

namespace {
struct BuildEntriesPass : grad::impl::BuildEntriesPassBase<BuildEntriesPass> {
  using BuildEntriesPassBase::BuildEntriesPassBase;

  bool isWanted(StringRef name) {
    return entries.empty() || llvm::is_contained(entries, name);
  }

  /// Arguments of an update: hypers before the parameters, slots after them.
  struct UpdateArguments {
    SmallVector<unsigned> trained;
    unsigned firstSlot;
    llvm::StringMap<Value> hypers;
  };

  UpdateArguments addArguments(func::FuncOp function,
                               const OptimizerOptions &options) {
    MLIRContext *context = function.getContext();
    Location loc = function.getLoc();
    auto element = getElementTypeOrSelf(function.getResultTypes()[0]);
    UpdateArguments arguments;
    unsigned at = firstParameter(function);
    for (StringRef name : hypersOf(options))
      (void)function.insertArgument(at++, RankedTensorType::get({}, element),
                                    describe(context, ArgKind::Hyper, name),
                                    loc);
    arguments.trained = trainedArguments(function);
    while (at < function.getNumArguments()) {
      ArgAttr arg = argOf(function, at);
      if (!arg ||
          (arg.getKind() != ArgKind::Param && arg.getKind() != ArgKind::Slot))
        break;
      ++at;
    }
    arguments.firstSlot = at;
    for (unsigned i : arguments.trained)
      for (StringRef suffix : slotsOf(options))
        (void)function.insertArgument(
            at++, function.getArgumentTypes()[i],
            describe(context, ArgKind::Slot,
                     argOf(function, i).getName().getValue() + "." + suffix),
            loc);
    for (unsigned i = 0; i < arguments.firstSlot; ++i)
      if (ArgAttr arg = argOf(function, i);
          arg && arg.getKind() == ArgKind::Hyper)
        arguments.hypers[arg.getName().getValue()] = function.getArgument(i);
    return arguments;
  }

  /// The norm, clipping, and the update of parameters and slots.
  void addUpdate(func::FuncOp function, const OptimizerOptions &options,
                 const UpdateArguments &arguments,
                 SmallVector<Value> gradients) {
    MLIRContext *context = function.getContext();
    Location loc = function.getLoc();
    auto element = getElementTypeOrSelf(function.getResultTypes()[0]);
    OpBuilder b(function.getBody().front().getTerminator());
    Value norm;
    if (gradNorm || clipNorm != 0)
      norm = buildNorm(b, loc, gradients, element);
    if (gradNorm)
      addResult(function, norm,
                describe(context, ArgKind::Grad_norm, "grad_norm"));
    if (clipNorm != 0)
      clipByNorm(b, loc, gradients, norm, clipNorm);
    if (clipValue != 0)
      clipByValue(b, loc, gradients, clipValue);

    SmallVector<std::pair<Value, DictionaryAttr>> newSlots;
    unsigned slot = arguments.firstSlot;
    for (auto [i, gradient] : llvm::zip_equal(arguments.trained, gradients)) {
      StringRef name = argOf(function, i).getName().getValue();
      SmallVector<StringRef> suffixes = slotsOf(options);
      SmallVector<Value> slots;
      for (size_t n = 0; n < suffixes.size(); ++n)
        slots.push_back(function.getArgument(slot++));
      SmallVector<Value> updated =
          buildUpdate(b, loc, options, function.getArgument(i), gradient, slots,
                      arguments.hypers);
      addResult(function, updated[0], describe(context, ArgKind::Param, name));
      for (auto [value, suffix] :
           llvm::zip_equal(ArrayRef(updated).drop_front(), suffixes))
        newSlots.emplace_back(
            value, describe(context, ArgKind::Slot, name + "." + suffix));
    }
    for (auto &[value, attrs] : newSlots)
      addResult(function, value, attrs);
  }

  /// The loss and its gradients, clipping, the update.
  void buildTrain(func::FuncOp loss, const OptimizerOptions &options) {
    func::FuncOp function = copyOf(loss, "train");
    UpdateArguments arguments = addArguments(function, options);
    // Gradients of inputs are results beside: neither clipped nor in the norm.
    SmallVector<unsigned> inputs;
    if (inputGradients)
      inputs = realArguments(function, {ArgKind::Input});
    SmallVector<unsigned> all = arguments.trained;
    all.append(inputs);
    SmallVector<Value> gradients = gradientsOf(function, all);
    SmallVector<Value> ofInputs(
        ArrayRef(gradients).drop_front(arguments.trained.size()));
    gradients.truncate(arguments.trained.size());
    addUpdate(function, options, arguments, gradients);
    addGradients(function, inputs, ofInputs);
  }

  /// What `@train` does, as two functions: the gradients of the loss times
  /// `seed`, and the update from gradients, with all arguments of `@train`.
  void buildSplit(func::FuncOp loss, const OptimizerOptions &options) {
    MLIRContext *context = loss.getContext();
    Location loc = loss.getLoc();
    func::FuncOp split = copyOf(loss, "split");
    unsigned at = firstParameter(split);
    (void)split.insertArgument(at, split.getResultTypes()[0],
                               describe(context, ArgKind::Hyper, "seed"), loc);
    auto end = cast<func::ReturnOp>(split.getBody().front().getTerminator());
    OpBuilder b(end);
    Value total = end.getOperand(0);
    Value weighed =
        arith::MulFOp::create(b, loc, total, split.getArgument(at));
    end.setOperand(0, weighed);
    SmallVector<unsigned> trained = trainedArguments(split);
    SmallVector<Value> gradients = gradientsOf(split, trained);
    end.setOperand(0, total);
    addGradients(split, trained, gradients);

    func::FuncOp update = copyOf(loss, "update");
    UpdateArguments arguments = addArguments(update, options);
    gradients.clear();
    for (unsigned i : arguments.trained) {
      ArgAttr arg = argOf(update, i);
      unsigned number = update.getNumArguments();
      (void)update.insertArgument(number, update.getArgumentTypes()[i],
                                  describe(context, ArgKind::Grad,
                                           arg.getName().getValue()),
                                  loc);
      gradients.push_back(update.getArgument(number));
    }
    unsigned old = update.getNumResults();
    addUpdate(update, options, arguments, gradients);
    llvm::BitVector dropped(update.getNumResults());
    dropped.set(0, old);
    cast<func::ReturnOp>(update.getBody().front().getTerminator())
        ->eraseOperands(dropped);
    (void)update.eraseResults(dropped);
  }

  void runOnOperation() override {
    auto module = dyn_cast<ModuleOp>(getOperation());
    if (!module)
      return;
    OptimizerOptions options{optimizer, momentum, weightDecay, beta1,
                             beta2,     epsilon,  alpha};
    if (!isOptimizer(options.name)) {
      module.emitError("there is no optimizer '") << options.name << "'";
      return signalPassFailure();
    }
    auto loss = module.lookupSymbol<func::FuncOp>("loss");
    if (loss) {
      if (loss.getNumResults() == 0 || !isReal(loss.getResultTypes()[0]) ||
          cast<RankedTensorType>(loss.getResultTypes()[0]).getRank() != 0) {
        loss.emitOpError("result 0 is no loss of rank 0");
        return signalPassFailure();
      }
      if (isWanted("train"))
        buildTrain(loss, options);
      if (llvm::is_contained(entries, "split"))
        buildSplit(loss, options);
      if (isWanted("grad"))
        buildGrad(loss, inputGradients);
      loss.erase();
    }
    // The evaluation is cut as a step of training is, which has no update then.
    if (auto eval = module.lookupSymbol<func::FuncOp>("eval");
        eval && llvm::is_contained(entries, "split_eval"))
      copyOf(eval, "split");
    for (StringRef name : {"forward", "eval", "init"})
      if (auto function = module.lookupSymbol<func::FuncOp>(name);
          function && !isWanted(name))
        function.erase();
  }
};
} // namespace
