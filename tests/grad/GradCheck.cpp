//===- GradCheck.cpp - Gradients against finite differences ---------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tests/grad/GradCheck.h"
#include "dialects/grad/Rules/Rules.h"
#include "dialects/grad/Transforms/Passes.h"
#include "dialects/rnn/Interpreter/Interpreter.h"
#include "dialects/rnn/Transforms/Passes.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include <cmath>
#include <random>

using namespace mlir;
using namespace rnnc;
using namespace rnnc::test;
using rnnc::rnn::Array;
using rnnc::rnn::DType;

static std::string take(llvm::Error error) {
  return llvm::toString(std::move(error));
}

/// The passes a gradient is checked after, by name.
static std::vector<std::pair<std::string, void (*)(PassManager &)>>
pipelines() {
  return {
      {"differentiate",
       [](PassManager &pm) { pm.addPass(grad::createDifferentiatePass()); }},
      {"sink",
       [](PassManager &pm) {
         pm.addPass(grad::createDifferentiatePass());
         pm.addPass(createCanonicalizerPass());
         pm.addPass(createCSEPass());
         pm.addPass(grad::createSinkAccumulationsPass());
         pm.addPass(createCanonicalizerPass());
       }},
      {"plan",
       [](PassManager &pm) {
         pm.addPass(grad::createDifferentiatePass());
         pm.addPass(createCanonicalizerPass());
         pm.addPass(createCSEPass());
         pm.addPass(grad::createSinkAccumulationsPass());
         pm.addPass(grad::createPlanSavedPass());
         pm.addPass(createCanonicalizerPass());
         pm.addPass(createCSEPass());
       }},
      {"all",
       [](PassManager &pm) {
         pm.addPass(rnn::createChainSumsPass());
         pm.addPass(rnn::createHoistStatelessPass());
         pm.addPass(createCSEPass());
         pm.addPass(grad::createDifferentiatePass());
         pm.addPass(createCSEPass());
         pm.addPass(createCanonicalizerPass());
         pm.addPass(rnn::createSplitConcatProductsPass());
         pm.addPass(rnn::createChainSumsPass());
         pm.addPass(rnn::createHoistStatelessPass());
         pm.addPass(createCSEPass());
         pm.addPass(grad::createSinkAccumulationsPass());
         pm.addPass(grad::createPlanSavedPass());
         pm.addPass(rnn::createDropDeadPass());
         pm.addPass(createCanonicalizerPass());
         pm.addPass(rnn::createJoinProductsPass());
         pm.addPass(createCSEPass());
         pm.addPass(createCanonicalizerPass());
       }},
  };
}

namespace {
/// Arguments of the function under test.
class Arguments {
public:
  /// Fills the arguments of `function`; false if a type is not known.
  bool fill(func::FuncOp function, const Inputs &inputs) {
    std::mt19937_64 random(inputs.seed);
    std::uniform_real_distribution<double> reals(inputs.low, inputs.high);
    for (unsigned i = 0; i < function.getNumArguments(); ++i) {
      auto arg = function.getArgAttrOfType<rnn::ArgAttr>(i, rnn::kArgAttrName);
      Type type = function.getArgumentTypes()[i];
      if (!arg)
        return false;
      StringRef name = arg.getName().getValue();
      if (type.isIndex()) {
        values.push_back(Array::index(inputs.extents.at(name.str())));
        continue;
      }
      if (type.isInteger(64)) {
        values.push_back(Array::key(inputs.seed));
        continue;
      }
      auto tensor = cast<RankedTensorType>(type);
      SmallVector<int64_t> shape;
      size_t axis = 0;
      for (int64_t size : tensor.getShape())
        shape.push_back(
            ShapedType::isDynamic(size)
                ? inputs.extents.at(arg.getAxes()[axis++].getValue().str())
                : size);
      DType dtype = tensor.getElementType().isF64()        ? DType::F64
                    : tensor.getElementType().isInteger(1) ? DType::I1
                                                           : DType::I32;
      Array array = Array::zeros(dtype, shape);
      if (dtype == DType::F64) {
        for (double &x : array.as<double>())
          x = reals(random);
        if (!llvm::is_contained(inputs.fixed, name))
          real.push_back(i);
      } else if (dtype == DType::I32) {
        bool lengths = arg.getKind() == rnn::ArgKind::Lengths;
        int64_t most = lengths ? inputs.extents.at(name.str()) : 2;
        std::uniform_int_distribution<int64_t> ids(
            lengths ? std::min(inputs.shortest, most) : 0, most);
        for (int32_t &x : array.as<int32_t>())
          x = ids(random);
      } else {
        for (uint8_t &x : array.as<uint8_t>())
          x = random() & 1;
      }
      values.push_back(std::move(array));
    }
    return true;
  }

  std::vector<Array> values;
  /// Numbers of the arguments that a gradient is checked for.
  SmallVector<unsigned> real;
};
} // namespace

/// Central differences of result 0, one array per checked argument.
static llvm::Expected<std::vector<std::vector<double>>>
differences(func::FuncOp function, Arguments arguments) {
  std::vector<std::vector<double>> all;
  constexpr double step = 1e-5;
  for (unsigned i : arguments.real) {
    std::vector<double> &own = all.emplace_back();
    for (int64_t k = 0; k < arguments.values[i].size(); ++k) {
      auto at = [&](double offset) -> llvm::Expected<double> {
        double old = arguments.values[i].number(k);
        arguments.values[i].set(k, old + offset);
        auto results = rnn::interpret(function, arguments.values);
        arguments.values[i].set(k, old);
        if (!results)
          return results.takeError();
        return results->front().number(0);
      };
      auto above = at(step), below = at(-step);
      if (!above)
        return above.takeError();
      if (!below)
        return below.takeError();
      own.push_back((*above - *below) / (2 * step));
    }
  }
  return all;
}

std::string test::checkGradients(StringRef text, const Inputs &inputs) {
  DialectRegistry registry;
  registry
      .insert<rnn::RNNDialect, grad::GradDialect, arith::ArithDialect,
              math::MathDialect, func::FuncDialect, tensor::TensorDialect>();
  grad::registerAdjointRules(registry);
  MLIRContext context(registry);
  context.disableMultithreading();
  context.loadAllAvailableDialects();
  std::string messages;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    messages += diagnostic.str() + "\n";
    return success();
  });
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  if (!module)
    return "does not parse: " + messages;
  // The text may hold a derivative itself.
  PassManager first(&context);
  first.addPass(grad::createDifferentiatePass());
  if (failed(first.run(*module)))
    return "no derivative: " + messages;
  auto function = module->lookupSymbol<func::FuncOp>("f");
  Arguments arguments;
  if (!function || !arguments.fill(function, inputs))
    return "no function @f with described arguments";
  auto expected = differences(function, arguments);
  if (!expected)
    return "does not run: " + take(expected.takeError());

  for (auto [name, build] : pipelines()) {
    OwningOpRef<ModuleOp> copy(module->clone());
    auto derived = copy->lookupSymbol<func::FuncOp>("f");
    Operation *end = derived.getBody().front().getTerminator();
    SmallVector<Value> wrt;
    SmallVector<Type> types;
    for (unsigned i : arguments.real) {
      wrt.push_back(derived.getArgument(i));
      types.push_back(wrt.back().getType());
    }
    OpBuilder b(end);
    auto gradient = grad::GradientOp::create(b, end->getLoc(), types,
                                             end->getOperand(0), wrt);
    end->setOperands(gradient.getResults());
    derived.setFunctionType(
        FunctionType::get(&context, derived.getArgumentTypes(), types));
    derived.removeResAttrsAttr();
    PassManager pm(&context);
    build(pm);
    if (failed(pm.run(*copy)))
      return name + " fails: " + messages;
    auto results = rnn::interpret(derived, arguments.values);
    std::string ir;
    llvm::raw_string_ostream stream(ir);
    copy->print(stream);
    if (!results)
      return name + " does not run: " + take(results.takeError()) + "\n" + ir;
    for (auto [number, values] : llvm::enumerate(*expected)) {
      const Array &got = (*results)[number];
      double largest = 1e-3;
      for (double value : values)
        largest = std::max(largest, std::abs(value));
      for (size_t k = 0; k < values.size(); ++k)
        if (double error = std::abs(got.number(k) - values[k]) / largest;
            !(error < 2e-7))
          return name + ": argument " + std::to_string(arguments.real[number]) +
                 " entry " + std::to_string(k) + ": " +
                 std::to_string(got.number(k)) + ", differences give " +
                 std::to_string(values[k]) + " (seed " +
                 std::to_string(inputs.seed) + ")\n" + ir;
    }
  }
  return "";
}
