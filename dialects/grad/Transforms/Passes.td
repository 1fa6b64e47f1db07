//===- Passes.td - Passes of the grad dialect --------------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RNNC_GRAD_PASSES_TD
#define RNNC_GRAD_PASSES_TD

include "mlir/Pass/PassBase.td"

class Grad_Pass<string flag, string name> : Pass<flag> {
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
                           "::mlir::tensor::TensorDialect", "::mlir::func::FuncDialect",
                           "::rnnc::rnn::RNNDialect", "::rnnc::grad::GradDialect"];
}

def BuildEntriesPass : Grad_Pass<"grad-build-entries", "BuildEntries"> {
  let summary = "derive @grad and @train from @loss";
  let description = [{
    Takes a module with a function `@loss` whose result 0 is the total loss.
    Makes `@grad`, its results with the gradient of every trained parameter
    (and of real inputs and states on request), and `@train`, which clips the
    gradients and updates parameters and slots. Gradients are asked for by
    `grad.gradient`; `grad-differentiate` must follow. Then `@loss` and the
    functions not asked for are erased.

    A parameter that carries the unit attribute `rnn.fixed` is not trained.
    Adds arguments after the key: hyper `lr`, and `bias1`, `bias2` for adam and
    adamw; after the parameters: slots `NAME.m`, `NAME.v` (adam, adamw),
    `NAME.momentum` (sgd with momentum), `NAME.square` (rmsprop).

    With `split` among the entries: `@split`, the gradients of the loss times a
    hyper `seed`, for `grad-split-time` to cut, and `@update`, which takes
    gradients (kind grad) and does the rest of what `@train` does. With
    `split_eval` instead, `@split` is a copy of `@eval`.

    Example: `@loss(%B, %T, %W, %x) -> (total)` becomes
    `@train(%B, %T, %lr, %W, %Wmomentum, %x) -> (total, norm, new W, new slot)`.
  }];
  let options = [
    ListOption<"entries", "entries", "std::string", "functions to keep of forward, eval, grad, train, init, split, split_eval; all but the last two if none is given">,
    Option<"optimizer", "optimizer", "std::string", "\"adam\"", "sgd, rmsprop, adam or adamw">,
    Option<"momentum", "momentum", "double", "0.0", "momentum of sgd">,
    Option<"weightDecay", "weight-decay", "double", "0.0", "added to the gradient, or decoupled for adamw">,
    Option<"beta1", "beta1", "double", "0.9", "decay of adam's mean">,
    Option<"beta2", "beta2", "double", "0.999", "decay of adam's mean square">,
    Option<"epsilon", "epsilon", "double", "1e-8", "added to the root of the mean square">,
    Option<"alpha", "alpha", "double", "0.99", "decay of rmsprop's mean square">,
    Option<"clipNorm", "clip-norm", "double", "0.0", "largest norm of all gradients together; 0 is off">,
    Option<"clipValue", "clip-value", "double", "0.0", "largest entry of a gradient; 0 is off">,
    Option<"gradNorm", "grad-norm", "bool", "true", "the norm of all gradients together as a result of @train; without it, only clipping asks for the norm">,
    Option<"inputGradients", "input-gradients", "bool", "false", "gradients of real inputs too: results of @train, and with those of states of @grad">
  ];
}

def DifferentiatePass : Grad_Pass<"grad-differentiate", "Differentiate"> {
  let summary = "replace grad.gradient by the adjoint";
  let description = [{
    Replaces every `grad.gradient` by ops of rnn, arith and math. The adjoint of
    a scan is a scan in the other direction that does each step again and then
    reverses it; the primal scan emits its incoming carried values for it. Only
    what the gradient asks for is built. An op that passes a gradient on and has
    no rule is an error.

    Run canonicalize and cse afterwards: they drop emissions that no adjoint
    reads. Calls must be inlined before.

    Example: `%g = grad.gradient %l wrt(%x : T) : tensor<f32>` of
    `%y = math.tanh %x; %l = rnn.reduce sum "bn->" %y` becomes
    `%o = rnn.broadcast "->bn" %one; %g = o - (o * y) * y`.
  }];
  let statistics = [Statistic<"adjointScans", "adjoint-scans", "scans in the adjoints">];
}

def EraseStopsPass : Grad_Pass<"grad-erase-stops", "EraseStops"> {
  let summary = "replace grad.stop by its operand";
  let description = [{
    Runs after `grad-differentiate`, when `grad.stop` has no meaning any more.

    Example: `%y = grad.stop %x : T` becomes `%x`.
  }];
}

def SinkAccumulationsPass : Grad_Pass<"grad-sink-accumulations", "SinkAccumulations"> {
  let summary = "sums carried by a scan become one sum over all steps";
  let description = [{
    A carried value that is only the `into` of a chain of `rnn.contract`,
    `rnn.reduce sum` or `rnn.scatter_add` leaves the scan: the factors are
    emitted, where they are not sequences already, and one op over all steps
    with the new label `t` takes its place. `rnn.valid %len at %t` of the scan's
    own lengths becomes `valid(%len)`. Contractions of a reversed scan are
    `descending`, so every element is the same chain of sums as before.

    Stays inside: a contribution that sums no row and is not smaller than what
    it adds to; anything that the lengths do not explain. Run canonicalize
    afterwards: it drops the carried values.

    Example: `rnn.contract "bn,bk->nk" %da, %h into(%g) valid(%v)` carried by a
    reversed scan becomes
    `rnn.contract "tbn,tbk->nk" %das, %hs valid(%len) descending` after it.
  }];
  let statistics = [Statistic<"sunk", "sunk", "carried sums moved out of a scan">];
}

def SeparateSumsPass : Grad_Pass<"grad-separate-sums", "SeparateSums"> {
  let summary = "sums over time start from nothing";
  let description = [{
    A sum over a time axis that goes on from another value by `into` becomes a
    sum from 0, and an addition. Then each such sum can grow piece by piece of
    the axis, and a step of training is the same bits in one piece and in many.
    Sums inside of scans stay.

    Run it after all passes that make or join sums.

    Example: `rnn.contract "tbn,tbk->nk" %d, %h into(%g) descending` becomes
    `%s = rnn.contract "tbn,tbk->nk" %d, %h descending; arith.addf %g, %s`.
  }];
  let statistics = [Statistic<"separated", "sums-separated", "sums that go on from nothing now">];
}

def SplitTimePass : Grad_Pass<"grad-split-time", "SplitTime"> {
  let summary = "cut a step of training into functions over pieces of the axis";
  let description = [{
    Takes `@split` (see `grad-build-entries`) after all planning and cuts it along
    the time axis that holds most. It is a step of training, or an evaluation: a
    function with no gradients, whose pass back is nothing but sums over time and
    loops that run back. What comes out:

    - `@before` takes whole inputs: values that depend on them alone (kind kept),
      and what carried values begin with (kinds carry and back); none without either.
    - `@advance` goes forward over a piece: carry to carry'. It keeps nothing.
      Where nothing is carried (sums over time without a recurrence) there is none.
    - `@reverse` goes forward over a piece, then back: carry, back and sums of the
      pieces after it, to carry', back' and sums. `@last`, where the loss needs
      what is known after the last step only, is the same for the last piece and
      gives what it made there (kept) to the others.
    - `@after` takes sums, the last carry and the first back, and adds the
      gradients (kind grad) to those it is given. Results as of `@split`.

    Sums of losses are named `l0`.., those of gradients `s0`..: where a piece has no
    losses (seed 0) the host keeps the first as they were.

    A piece gets the number of its first step (an extent `T.first`), lengths
    counted from there, and whether it has the first or last step (kinds start and
    end). Sums over time run from the last step back, so the pieces are visited
    from the last to the first; each value is computed by the same chain of
    operations in one piece and in many.

    Where a value needs the whole sequence (a loop that runs back whose result a
    loop reads that runs forward, attention over the axis), no axis can be cut:
    `@split` becomes `@after`, and the attributes `rnn.whole` and `rnn.whole_at` of
    the module say why and where.

    Does nothing without `@split`. Run `grad-separate-sums` before, and canonicalize,
    cse and rnn-drop-dead after it.

    Example: `%g = rnn.contract "tbn,tbk->nk" %d, %h descending` becomes
    `rnn.contract "tbn,tbk->nk" %d, %h into(%s0) descending` in `@reverse`.
  }];
}

def PlanSavedPass : Grad_Pass<"grad-plan-saved", "PlanSaved"> {
  let summary = "choose what a forward scan keeps for its adjoint";
  let description = [{
    Finds values of a scan that an earlier scan of the same axis and lengths
    computes as well (the step again in an adjoint), and decides for each that
    the rest of the scan reads: kept, as an emission of the earlier scan, or
    computed again. The choice is a minimum cut per step of bytes kept and read
    against the cost of computing again. Products, reductions, tables, draws and
    inner scans are never computed again.

    Run canonicalize and cse before and after. Pairs are found by structure, so
    any pass may run between `grad-differentiate` and this one.

    Example: the reversed scan over `%xs, %hp` computing
    `math.tanh (rnn.contract ..)` reads the emitted tanh instead.
  }];
  let options = [
    Option<"saveCost", "save-cost", "int64_t", "8", "cost of an entry kept and read back, where an addition is 1 and a tanh 4">,
    Option<"rows", "rows", "int64_t", "32", "usual number of rows, to weigh values with rows against values without">
  ];
  let statistics = [Statistic<"kept", "kept", "values kept for an adjoint">];
}

def RecomputeSequencesPass : Grad_Pass<"grad-recompute-sequences", "RecomputeSequences"> {
  let summary = "compute sequences again rather than keep them for the pass back";
  let description = [{
    What `grad-plan-saved` does for values of a step, for values over all steps
    that stand beside the scans: a mask of dropout, an activation, a row of a
    table. Of what the pass forward makes and the derivative reads, a minimum cut
    of bytes kept against the cost of computing again decides; what is computed
    again gets a copy before its first reader in the derivative. Products,
    reductions and scans are never computed again.

    Nothing may run afterwards that joins equal ops. It saves memory and costs
    time, so it runs for tight budgets only.

    Example: `%m = arith.cmpf olt, %u, %p`, read by the dropout and by its
    derivative, becomes two comparisons of two draws, and no mask is kept.
  }];
  let options = [
    Option<"saveCost", "save-cost", "int64_t", "1024", "cost of an entry kept, where an addition is 1 and a tanh 4">
  ];
  let statistics = [Statistic<"recomputed", "recomputed", "values computed again">];
}

#endif
