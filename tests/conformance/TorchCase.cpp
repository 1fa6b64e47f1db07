//===- TorchCase.cpp - The arrays of one case -----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TorchCase.h"
#include "runtime/Npy.h"
#include "gtest/gtest.h"
#include <fstream>
#include <sstream>

using namespace rnnc;
using namespace rnnc::test;
using rnnc::rnn::Array;
using rnnc::rnn::DType;

static Array toArray(const rt::Tensor &tensor) {
  DType type = tensor.dtype() == rt::DType::F64   ? DType::F64
               : tensor.dtype() == rt::DType::F32 ? DType::F32
                                                  : DType::I32;
  Array array = Array::zeros(type, tensor.shape());
  for (int64_t i = 0; i < array.size(); ++i)
    if (type == DType::I32)
      array.as<int32_t>()[i] = static_cast<int32_t>(tensor.number(i));
    else
      array.set(i, tensor.number(i));
  return array;
}

TorchCase::TorchCase(const std::string &name, bool f64) {
  std::string path = std::string(RNNC_CONFORMANCE_DIR) + "/torch/" + name +
                     (f64 ? ".f64.npz" : ".f32.npz");
  auto read = rt::readNpz(path);
  if (!read) {
    ADD_FAILURE() << read.error().text();
    return;
  }
  for (const rt::NamedTensor &tensor : *read)
    arrays[tensor.name] = toArray(tensor.tensor);
}

const Array &TorchCase::operator[](const std::string &key) const {
  static const Array none;
  auto it = arrays.find(key);
  if (it != arrays.end())
    return it->second;
  ADD_FAILURE() << "no array '" << key << "'";
  return none;
}

Array TorchCase::range(const std::string &key, int64_t from, int64_t to) const {
  const Array &whole = (*this)[key];
  Array part;
  part.dtype = whole.dtype;
  part.shape = whole.shape;
  part.shape[0] = to - from;
  size_t bytes = whole.stride(0) * sizeOf(whole.dtype);
  part.data.assign(whole.data.begin() + from * bytes,
                   whole.data.begin() + to * bytes);
  return part;
}

Array TorchCase::entry(const std::string &key, int64_t index) const {
  Array part = range(key, index, index + 1);
  part.shape.erase(part.shape.begin());
  return part;
}

std::string rnnc::test::torchCells() {
  std::ifstream file(std::string(RNNC_CONFORMANCE_DIR) + "/torch_cells.rnn");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void rnnc::test::expectClose(const std::string &what, const Array *actual,
                             const Array &expected, double tolerance,
                             const Array *lengths) {
  if (!actual) {
    ADD_FAILURE() << "no " << what;
    return;
  }
  ASSERT_EQ(actual->shape, expected.shape) << what;
  double largest = 0, worst = 0;
  for (int64_t i = 0; i < expected.size(); ++i)
    largest = std::max(largest, std::fabs(expected.number(i)));
  for (int64_t i = 0; i < expected.size(); ++i) {
    double value = actual->number(i);
    if (lengths) {
      int64_t t = i / expected.stride(0);
      int64_t b = i / expected.stride(1) % expected.shape[1];
      if (t >= lengths->integer(b))
        value = 0;
    }
    double difference = std::fabs(value - expected.number(i));
    if (!(difference <= worst))
      worst = difference;
  }
  EXPECT_LE(worst, tolerance * largest) << what;
}

llvm::Expected<Runner> Runner::create(const std::string &text,
                                      const ModelOptions &options, Way way) {
  Runner runner;
  auto model = TestModel::create(text, options);
  if (!model)
    return model.takeError();
  runner.model = std::move(*model);
  if (way == Way::Compiled) {
    auto code = CompiledModel::create(*runner.model);
    if (!code)
      return code.takeError();
    runner.code = std::move(*code);
  }
  return runner;
}

llvm::Expected<Bindings> Runner::run(const std::string &entry,
                                     const Bindings &bindings) {
  if (code)
    return code->run(entry, bindings);
  return model->interpret("grad", entry, bindings);
}
