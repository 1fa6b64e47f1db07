//===- EmitterThreads.cpp - How kernels share their rows -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All threads run the whole function and each kernel's rows are split among
// them. Two kernels that split the same rows need no barrier between them: a
// row's entries are read by the thread that wrote them. Otherwise a barrier
// stands before the kernel that reads.
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/Emitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace rnnc;
using namespace rnnc::codegen;

Partition Emitter::serial() {
  Partition &known = partitions["serial"];
  if (!known.low) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(slotMarker);
    Value first = compare(arith::CmpIPredicate::eq, thread, constant(0));
    known = {"serial", constant(0), arith::ExtUIOp::create(b, loc, i64, first)};
  }
  return known;
}

std::pair<Value, Value> Emitter::shareOfThread(Value count) {
  // One thread divides nothing: in a small call that would be felt.
  Value many = compare(arith::CmpIPredicate::sgt, threads, constant(1));
  Values bounds = ifElse(
      many, {i64, i64},
      [&] {
        auto bound = [&](Value number) -> Value {
          return arith::DivSIOp::create(b, loc, mul(count, number), threads);
        };
        return Values{bound(thread), bound(add(thread, constant(1)))};
      },
      [&] { return Values{constant(0), count}; });
  return {bounds[0], bounds[1]};
}

Partition Emitter::partitionRows(std::string key, const Monomial &rows) {
  Partition &known = partitions[key];
  if (!known.low) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(slotMarker);
    auto [low, high] = shareOfThread(value(rows));
    known = {key, low, high};
  }
  return known;
}

Partition Emitter::partition(const Shape &domain) {
  if (domain.empty())
    return serial();
  // The run-time dims that lead, but never the last dim: that is for vectors.
  Monomial rows(1);
  std::string key;
  size_t count = 0;
  while (count + 1 < domain.size() && !domain[count].isConstant()) {
    rows = rows * domain[count];
    key += "." + std::to_string(domain[count].extents.front());
    ++count;
  }
  if (count == 0) {
    if (domain.size() < 2 || !domain[0].isConstant())
      return serial();
    rows = domain[0];
    key = "s" + std::to_string(rows.coefficient);
  }
  Partition result = partitionRows(key, rows);
  result.dims = std::max<int64_t>(1, count);
  return result;
}

Partition Emitter::partitionUnits(int64_t units) {
  std::string key = "u" + std::to_string(units);
  Partition &known = partitions[key];
  if (!known.low) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(slotMarker);
    int64_t share = unitsPerShare(units);
    auto [low, high] =
        shareOfThread(constant(llvm::divideCeil(units, share)));
    auto bound = [&](Value number) -> Value {
      return arith::MinSIOp::create(b, loc, mul(number, constant(share)),
                                    constant(units));
    };
    known = {key, bound(low), bound(high)};
  }
  return known;
}

/// Rows are split where each thread then has a tile of them: that takes no
/// barrier. With fewer, a thread would read all weights for next to no work.
bool Emitter::splitsUnits(Operation *op) {
  if (frames.empty() || isAlone || calls.threads < 2 ||
      calls.rows >= 4 * calls.threads)
    return false;
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  return type.getRank() == 2 && type.isDynamicDim(0) && !type.isDynamicDim(1) &&
         type.getDimSize(1) > unitsPerShare(type.getDimSize(1));
}

void Emitter::barrier() {
  if (isAlone)
    return;
  accesses.clear();
  ++barriers;
  if (!isPreparing && countsEffort)
    meetings[{turns.extents.begin(), turns.extents.end()}] +=
        turns.coefficient * kMeeting;
  Value many = compare(arith::CmpIPredicate::sgt, threads, constant(1));
  func::FuncOp meet =
      sharedFunction("meet", "", {ptr, i64}, {}, [&](ValueRange args) -> Values {
        Value team = load(ptr, offset(args[0], constant(6), i64));
        Value function = load(ptr, offset(args[0], constant(7), i64));
        auto type = LLVM::LLVMFunctionType::get(
            LLVM::LLVMVoidType::get(context), {ptr, i64});
        LLVM::CallOp::create(b, loc, type, ValueRange{function, team, args[1]});
        return {};
      });
  ifThen(many, [&] {
    func::CallOp::create(b, loc, meet, ValueRange{call, thread});
  });
}

/// How a kernel's threads share the rows of a view. Equal answers mean that
/// each thread touches the same entries.
static std::string shareOf(const Partition &partition, const View &view) {
  if (partition.key == "serial")
    return partition.key;
  if (partition.key[0] == 'u') {
    // A unit's entries lie at its number, in whatever rows of whichever parts.
    int64_t units = std::stoll(partition.key.substr(1));
    bool isRegular = view.rank() == 2 && view.strides[1].isConstant(1) &&
                     view.strides[0].coefficient % units == 0 &&
                     view.phase % units == 0 && view.granule % units == 0;
    std::string bits = std::to_string(view.element.getIntOrFloatBitWidth());
    return isRegular ? partition.key + "#" + bits
                     : "?" + std::to_string(reinterpret_cast<uintptr_t>(
                                 view.base.getAsOpaquePointer()));
  }
  // Memory is used again for other types, whose rows lie elsewhere.
  std::string share =
      partition.key + "#" + std::to_string(view.element.getIntOrFloatBitWidth());
  for (int64_t i = 0; i < std::min(partition.dims, view.rank()); ++i) {
    share += "/" + std::to_string(view.strides[i].coefficient);
    for (int extent : view.strides[i].extents)
      share += "." + std::to_string(extent);
  }
  // Rows of fixed number may be any part of the memory.
  if (partition.key[0] != '.')
    share += "@" + std::to_string(reinterpret_cast<uintptr_t>(
                       view.base.getAsOpaquePointer()));
  return share;
}

void Emitter::access(const Partition &partition, ArrayRef<View> alignedReads,
                     ArrayRef<View> otherReads, ArrayRef<View> writes) {
  // A barrier stands before and behind what one thread does alone.
  if (isAlone)
    return;
  // Thread 0 alone is in step with itself, whatever it reads.
  bool alone = partition.key == "serial";
  auto others = [](const std::set<std::string> &shares,
                   const std::string &own) {
    return shares.size() > (shares.count(own) ? 1 : 0);
  };
  bool needed = false;
  for (const View &view : alignedReads)
    needed |= others(accesses[view.storage].writers, shareOf(partition, view));
  for (const View &view : otherReads)
    needed |= others(accesses[view.storage].writers, alone ? "serial" : "");
  for (const View &view : writes) {
    const Accesses &uses = accesses[view.storage];
    std::string own = shareOf(partition, view);
    needed |= others(uses.writers, own) || others(uses.alignedReaders, own) ||
              uses.otherReaders;
  }
  if (needed)
    barrier();
  for (const View &view : alignedReads)
    accesses[view.storage].alignedReaders.insert(shareOf(partition, view));
  for (const View &view : otherReads)
    if (alone)
      accesses[view.storage].alignedReaders.insert("serial");
    else
      accesses[view.storage].otherReaders = true;
  for (const View &view : writes)
    accesses[view.storage].writers.insert(shareOf(partition, view));
}

/// Whether dims `dim` and `dim + 1` lie as one in every view.
static bool collapses(ArrayRef<View> views, int64_t dim) {
  return llvm::all_of(views, [&](const View &view) {
    return view.strides[dim] == view.strides[dim + 1] * view.sizes[dim + 1];
  });
}

void Emitter::forRows(
    const Partition &partition, int64_t count, ArrayRef<View> views,
    function_ref<void(ArrayRef<View>, ArrayRef<Value>)> body) {
  if (partition.key == "serial") {
    // Thread 0 alone, over all rows.
    ifThen(compare(arith::CmpIPredicate::ne, partition.high, constant(0)), [&] {
      SmallVector<Value> index;
      std::function<void(Views, int64_t)> nest =
          [&](Views rest, int64_t left) {
            if (left == 0)
              return body(rest, index);
            forRange(constant(0), value(rest.front().sizes[0]), 1,
                     [&](Value i) {
                       Views inner;
                       for (const View &view : rest)
                         inner.push_back(at(view, 0, i));
                       index.push_back(i);
                       nest(inner, left - 1);
                       index.pop_back();
                     });
          };
      nest(Views(views), count);
    });
    return;
  }
  int64_t shared = partition.dims;
  const View &model = views.front();
  bool one = true;
  for (int64_t i = 0; i + 1 < shared; ++i)
    one &= collapses(views, i);
  forRange(partition.low, partition.high, 1, [&](Value row) {
    Views rest(views);
    SmallVector<Value> index(shared);
    Value left = row;
    for (int64_t i = shared - 1; i > 0; --i) {
      Value size = value(model.sizes[i]);
      index[i] = arith::RemSIOp::create(b, loc, left, size);
      left = arith::DivSIOp::create(b, loc, left, size);
    }
    index[0] = left;
    for (View &view : rest) {
      if (one) {
        View flat = view;
        flat.base = offset(view.base,
                           mul(row, value(view.strides[shared - 1])),
                           view.element);
        flat.sizes.erase(flat.sizes.begin(), flat.sizes.begin() + shared);
        flat.strides.erase(flat.strides.begin(), flat.strides.begin() + shared);
        view = flat;
        continue;
      }
      for (int64_t i = 0; i < shared; ++i)
        view = at(view, 0, index[i]);
    }
    std::function<void(Views, int64_t)> nest =
        [&](Views views, int64_t left) {
          if (left == 0)
            return body(views, index);
          forRange(constant(0), value(views.front().sizes[0]), 1, [&](Value i) {
            Views inner;
            for (const View &view : views)
              inner.push_back(at(view, 0, i));
            index.push_back(i);
            nest(inner, left - 1);
            index.pop_back();
          });
        };
    nest(rest, count - shared);
  });
}
