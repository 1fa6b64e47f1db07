//===- Arrays.cpp - Arrays of the interpreter in compiled calls -----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Arrays.h"

#include <algorithm>
#include <cstring>

using namespace rnnc;
using namespace rnnc::driver;

rt::Tensor driver::toTensor(const rnn::Array &array) {
  rt::DType type = array.dtype == rnn::DType::F32   ? rt::DType::F32
                   : array.dtype == rnn::DType::F64 ? rt::DType::F64
                   : array.dtype == rnn::DType::I32 ? rt::DType::I32
                   : array.dtype == rnn::DType::I1  ? rt::DType::Bool
                                                    : rt::DType::I64;
  rt::Tensor result(type, array.shape);
  std::copy(array.data.begin(), array.data.end(), result.raw().begin());
  return result;
}

rnn::Array driver::toArray(const rt::Tensor &tensor) {
  rnn::DType type = tensor.dtype() == rt::DType::F32    ? rnn::DType::F32
                    : tensor.dtype() == rt::DType::F64  ? rnn::DType::F64
                    : tensor.dtype() == rt::DType::I32  ? rnn::DType::I32
                    : tensor.dtype() == rt::DType::Bool ? rnn::DType::I1
                                                        : rnn::DType::I64;
  rnn::Array result = rnn::Array::zeros(type, tensor.shape());
  std::copy(tensor.raw().begin(), tensor.raw().end(), result.data.begin());
  return result;
}

RunFunction driver::compiled(Call &call, const EntryInfo &info) {
  return [&call, &info](llvm::ArrayRef<rnn::Array> arrays)
             -> llvm::Expected<std::vector<rnn::Array>> {
    std::map<std::string, int64_t> extents;
    for (auto [arg, array] : llvm::zip(info.arguments, arrays)) {
      if (arg.kind == "axis")
        extents[arg.name] = array.integer(0);
      if (arg.kind == "key")
        call.setKey(array.integer(0));
    }
    if (auto done = call.resize(extents); !done)
      return llvm::createStringError(done.error().message);
    size_t slot = 0;
    for (auto [arg, array] : llvm::zip(info.arguments, arrays)) {
      if (arg.kind == "axis" || arg.kind == "key")
        continue;
      Call::Slot &to = call.args()[slot++];
      if (int64_t(array.data.size()) != to.bytes)
        return llvm::createStringError("'" + arg.name +
                                       "' has another size than the code "
                                       "expects");
      std::memcpy(to.data, array.data.data(), array.data.size());
    }
    call.run();
    std::vector<rnn::Array> results;
    for (const Call::Slot &from : call.results()) {
      rt::Tensor tensor(from.dtype(), from.shape);
      std::memcpy(tensor.data(), from.data, size_t(from.bytes));
      results.push_back(toArray(tensor));
    }
    return results;
  };
}
