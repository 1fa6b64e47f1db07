// RUN: rnn-opt %s --verify-diagnostics --split-input-file

// C11: not a letter.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.contract' op (C11) label '1' is not a letter}}
  %r = rnn.contract "b1,n1->bn" %x, %W : tensor<?x4xf32>, tensor<8x4xf32> -> tensor<?x8xf32>
  return
}

// -----

// C11: twice in one operand.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.contract' op (C11) label 'b' occurs twice in 'bb'}}
  %r = rnn.contract "bb,nb->bn" %x, %W : tensor<?x4xf32>, tensor<8x4xf32> -> tensor<?x8xf32>
  return
}

// -----

// C11: the rank of an operand.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.contract' op (C11) labels 'tbk' do not match the rank of 'tensor<?x4xf32>'}}
  %r = rnn.contract "tbk,nk->tbn" %x, %W : tensor<?x4xf32>, tensor<8x4xf32> -> tensor<?x?x8xf32>
  return
}

// -----

// C11: the form of the labels.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.contract' op (C11) labels have the form "lhs,rhs->out", found 'bk->bn'}}
  %r = rnn.contract "bk->bn" %x, %W : tensor<?x4xf32>, tensor<8x4xf32> -> tensor<?x8xf32>
  return
}

// -----

// C11: no arrow.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.contract' op (C11) labels have the form "in->out", found 'bk,nk'}}
  %r = rnn.contract "bk,nk" %x, %W : tensor<?x4xf32>, tensor<8x4xf32> -> tensor<?x8xf32>
  return
}

// -----

// C12: sizes of one label.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.contract' op (C12) label 'k' has sizes 4 and 8}}
  %r = rnn.contract "bk,kn->bn" %x, %W : tensor<?x4xf32>, tensor<8x4xf32> -> tensor<?x4xf32>
  return
}

// -----

// C10: a label on its own.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.contract' op (C10) label 'k' occurs only once}}
  %r = rnn.contract "bk,nm->bn" %x, %W : tensor<?x4xf32>, tensor<8x4xf32> -> tensor<?x8xf32>
  return
}

// -----

// The start of a sum has the type of the result.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.contract' op into has type 'tensor<?x4xf32>', the result 'tensor<?x8xf32>'}}
  %r = rnn.contract "bk,nk->bn" %x, %W into(%x : tensor<?x4xf32>) : tensor<?x4xf32>, tensor<8x4xf32> -> tensor<?x8xf32>
  return
}

// -----

// Lengths need the time.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.contract' op valid needs label 't' among 'bkbn'}}
  %r = rnn.contract "bk,bn->nk" %x, %h valid(%len : tensor<?xi32>) : tensor<?x4xf32>, tensor<?x8xf32> -> tensor<8x4xf32>
  return
}

// -----

// They need the batch.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.reduce' op valid needs label 'b' among 'tsk'}}
  %r = rnn.reduce sum "tsk->k" %xs valid(%len : tensor<?xi32>) : tensor<?x?x4xf32> to tensor<4xf32>
  return
}

// -----

// Neither lengths nor mask.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.reduce' op valid is lengths 'tensor<?xi32>' or a mask of i1, found 'tensor<?x4xf32>'}}
  %r = rnn.reduce sum "bk->k" %x valid(%x : tensor<?x4xf32>) : tensor<?x4xf32> to tensor<4xf32>
  return
}

// -----

// A label of the result from nowhere.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.reduce' op (C11) label 'n' is missing in the input}}
  %r = rnn.reduce sum "bk->n" %x : tensor<?x4xf32> to tensor<4xf32>
  return
}

// -----

// The start of a reduction.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.reduce' op into has type 'tensor<?x4xf32>', the result 'tensor<4xf32>'}}
  %r = rnn.reduce sum "bk->k" %x into(%x : tensor<?x4xf32>) : tensor<?x4xf32> to tensor<4xf32>
  return
}

// -----

// A broadcast drops nothing.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.broadcast' op (C11) label 'k' is missing in the result}}
  %r = rnn.broadcast "bk->b" %x [] : tensor<?x4xf32> to tensor<?xf32>
  return
}

// -----

// One size for each new extent.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.broadcast' op takes 1 sizes, one for each new dynamic dim, found 0}}
  %r = rnn.broadcast "bk->tbk" %x [] : tensor<?x4xf32> to tensor<?x?x4xf32>
  return
}

// -----

// The label of a softmax.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.softmax' op label 'n' is not one of 'bk'}}
  %r = rnn.softmax %x over "n" in "bk" : tensor<?x4xf32>
  return
}

// -----

// A slice beyond the end.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.slice' op entries 2 to 5 are not all in an axis of 4}}
  %r = rnn.slice %x axis 1 from 2 : tensor<?x4xf32> to tensor<?x4xf32>
  return
}

// -----

// A slice of another shape.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.slice' op does not fit from 'tensor<?x2xf32>' to 'tensor<?x4xf32>'}}
  %r = rnn.slice %x axis 0 from 0 : tensor<?x4xf32> to tensor<?x2xf32>
  return
}

// -----

// A slice along the batch.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.slice' op axis 0 is not static}}
  %r = rnn.slice %x axis 0 from 0 : tensor<?x4xf32> to tensor<?x4xf32>
  return
}

// -----

// A place beyond the end.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.place' op entries 6 to 9 are not all in an axis of 8}}
  %r = rnn.place %x axis 1 at 6 : tensor<?x4xf32> to tensor<?x8xf32>
  return
}

// -----

// Parts that do not add up.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.concat' op joins 8 entries into an axis of 12}}
  %r = rnn.concat %x, %x axis 1 : tensor<?x4xf32>, tensor<?x4xf32> to tensor<?x12xf32>
  return
}

// -----

// No such axis.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.concat' op axis 2 is not an axis of 'tensor<?x8xf32>'}}
  %r = rnn.concat %x, %x axis 2 : tensor<?x4xf32>, tensor<?x4xf32> to tensor<?x8xf32>
  return
}

// -----

// Nothing to join.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.concat' op joins nothing}}
  %r = "rnn.concat"() {axis = 0 : i64} : () -> tensor<4xf32>
  return
}

// -----

// Another number of entries.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.reshape' op does not fit from 'tensor<?x4xf32>' to 'tensor<?x2x3xf32>'}}
  %r = rnn.reshape %x : tensor<?x4xf32> to tensor<?x2x3xf32>
  return
}

// -----

// The first step of a shift.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.shift' op does not fit from 'tensor<?x?x4xf32>' to 'tensor<?x8xf32>'}}
  %r = rnn.shift %xs from(%h : tensor<?x8xf32>) : tensor<?x?x4xf32>
  return
}

// -----

// No sequence to reverse.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.reverse' op needs a sequence, found 'tensor<8x4xf32>'}}
  %r = rnn.reverse %W : tensor<8x4xf32>
  return
}

// -----

// The type of a step.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.pick' op does not fit from 'tensor<?x?x4xf32>' to 'tensor<?x8xf32>'}}
  %r = rnn.pick last %xs : tensor<?x?x4xf32> to tensor<?x8xf32>
  return
}

// -----

// The same, the other way.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.put' op does not fit from 'tensor<?x?x4xf32>' to 'tensor<?x8xf32>'}}
  %r = rnn.put last %h in %T : tensor<?x8xf32> to tensor<?x?x4xf32>
  return
}

// -----

// C15: ids are integers.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.gather' op (C15) ids are i32, found 'tensor<?x4xf32>'}}
  %r = rnn.gather %E[%x] : tensor<65x4xf32>, tensor<?x4xf32> to tensor<?x4x4xf32>
  return
}

// -----

// The rows of a table.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.gather' op rows are 'tensor<?x?x8xf32>', expected 'tensor<?x?x4xf32>'}}
  %r = rnn.gather %E[%ids] : tensor<65x4xf32>, tensor<?x?xi32> to tensor<?x?x8xf32>
  return
}

// -----

// The start of a scatter.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.scatter_add' op into has type 'tensor<8x4xf32>', the result 'tensor<65x4xf32>'}}
  %r = rnn.scatter_add %xs at %ids into(%W : tensor<8x4xf32>) : tensor<?x?x4xf32>, tensor<?x?xi32> to tensor<65x4xf32>
  return
}

// -----

// One more dim than the ids.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.one_hot' op does not fit from 'tensor<?x?xi32>' to 'tensor<?x4xf32>'}}
  %r = rnn.one_hot %ids : tensor<?x?xi32> to tensor<?x4xf32>
  return
}

// -----

// One dim less than the logits.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.argmax' op does not fit from 'tensor<?x4xf32>' to 'tensor<?x?xi32>'}}
  %r = rnn.argmax %x : tensor<?x4xf32> to tensor<?x?xi32>
  return
}

// -----

// Classes of another shape.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.cross_entropy' op takes logits [.., V] and classes [..] of i32, found 'tensor<?x4xf32>' and 'tensor<?x?xi32>'}}
  %r = rnn.cross_entropy %x, %ids : tensor<?x4xf32>, tensor<?x?xi32> to tensor<?x?xf32>
  return
}

// -----

// A loss of another shape.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.cross_entropy' op does not fit from 'tensor<?x?x4xf32>' to 'tensor<?xf32>'}}
  %r = rnn.cross_entropy %xs, %ids : tensor<?x?x4xf32>, tensor<?x?xi32> to tensor<?xf32>
  return
}

// -----

// C1: a sequence leads with time.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.scan' op (C1) 'over' takes sequences with a dynamic leading extent, found 'tensor<8x4xf32>'}}
  rnn.scan %t in %T over(%w = %W : tensor<8x4xf32>) {
    rnn.yield
  }
  return
}

// -----

// C2: the type of a slice.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.scan' op (C2) slice of 'tensor<?x?x4xf32>' has type 'tensor<?x8xf32>'}}
  "rnn.scan"(%T, %xs) <{operandSegmentSizes = array<i32: 1, 0, 1, 0>, resultSegmentSizes = array<i32: 0, 0>}> ({
  ^bb0(%t: index, %s: tensor<?x8xf32>):
    "rnn.yield"() <{operandSegmentSizes = array<i32: 0, 0>}> : () -> ()
  }) : (index, tensor<?x?x4xf32>) -> ()
  return
}

// -----

// C2: the number of arguments.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.scan' op (C2) takes 2 region arguments, found 1}}
  "rnn.scan"(%T, %xs) <{operandSegmentSizes = array<i32: 1, 0, 1, 0>, resultSegmentSizes = array<i32: 0, 0>}> ({
  ^bb0(%t: index):
    "rnn.yield"() <{operandSegmentSizes = array<i32: 0, 0>}> : () -> ()
  }) : (index, tensor<?x?x4xf32>) -> ()
  return
}

// -----

// C2: the position.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.scan' op (C2) the position is an index, found 'i32'}}
  "rnn.scan"(%T) <{operandSegmentSizes = array<i32: 1, 0, 0, 0>, resultSegmentSizes = array<i32: 0, 0>}> ({
  ^bb0(%t: i32):
    "rnn.yield"() <{operandSegmentSizes = array<i32: 0, 0>}> : () -> ()
  }) : (index) -> ()
  return
}

// -----

// C3: as many next values as carried ones.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.scan' op (C3) carries 1 values, yields 0 next values}}
  %r = rnn.scan %t in %T carry(%c = %h : tensor<?x8xf32>) {
    rnn.yield
  }
  return
}

// -----

// C3: another end of the body.
func.func @f(%T: index) {
  // expected-error@+1 {{'rnn.scan' op (C3) has a body that ends with 'rnn.yield'}}
  "rnn.scan"(%T) <{operandSegmentSizes = array<i32: 1, 0, 0, 0>, resultSegmentSizes = array<i32: 0, 0>}> ({
  ^bb0(%t: index):
    func.return
  }) : (index) -> ()
  return
}

// -----

// C3: the type of a next value.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.scan' op (C3) next value has type 'tensor<?x4xf32>', the carried value has 'tensor<?x8xf32>'}}
  %r = rnn.scan %t in %T carry(%c = %h : tensor<?x8xf32>) {
    rnn.yield next(%x : tensor<?x4xf32>)
  }
  return
}

// -----

// C4: as many emissions as results.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.scan' op (C4) emits 0 values for 1 results}}
  %r = rnn.scan %t in %T emit(tensor<?x?x4xf32>) {
    rnn.yield
  }
  return
}

// -----

// C4: the type of an emission.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.scan' op (C4) emitted value has type 'tensor<?x8xf32>', the result is 'tensor<?x?x4xf32>'}}
  %r = rnn.scan %t in %T emit(tensor<?x?x4xf32>) {
    rnn.yield emit(%h : tensor<?x8xf32>)
  }
  return
}

// -----

// C4: an emission leads with time.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.scan' op (C4) emits sequences with a dynamic leading extent, found 'tensor<8x4xf32>'}}
  %r = rnn.scan %t in %T emit(tensor<8x4xf32>) {
    rnn.yield emit(%x : tensor<?x4xf32>)
  }
  return
}

// -----

// C5: lengths.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{'rnn.scan' op (C5) lengths are 'tensor<?xi32>', found 'tensor<?x4xf32>'}}
  rnn.scan %t in %T lengths(%x : tensor<?x4xf32>) {
    rnn.yield
  }
  return
}

// -----

// At least one step per turn.
func.func @f(%B: index, %T: index, %x: tensor<?x4xf32>, %xs: tensor<?x?x4xf32>, %W: tensor<8x4xf32>, %len: tensor<?xi32>, %h: tensor<?x8xf32>, %ids: tensor<?x?xi32>, %E: tensor<65x4xf32>) {
  // expected-error@+1 {{unrolls at least 1 step, found 0}}
  rnn.scan %t in %T unroll(0) {
    rnn.yield
  }
  return
}

// -----

// What an argument stands for.
// expected-error@+1 {{'rnn.arg' of argument 0 names 1 axes, the type 'tensor<?x?x4xf32>' has 2 dynamic dims}}
func.func @f(%x: tensor<?x?x4xf32> {rnn.arg = #rnn.arg<input, "x", ["T"]>}) {
  return
}

// -----

// expected-error@+1 {{'rnn.arg' of argument 0 is not an #rnn.arg}}
func.func @f(%x: tensor<?x?x4xf32> {rnn.arg = "input"}) {
  return
}

// -----

// expected-error@+1 {{'rnn.arg' of result 0 names 0 axes, the type 'tensor<?xf32>' has 1 dynamic dims}}
func.func private @f() -> (tensor<?xf32> {rnn.arg = #rnn.arg<output, "y">})

// -----

func.func @narrowF64(%x: tensor<?x4xf64>, %W: tensor<8x4xf64>) -> tensor<?x8xf64> {
  // expected-error@+1 {{'rnn.contract' op of bf16 rounds f32 numbers, found 'tensor<?x8xf64>'}}
  %r = rnn.contract "bk,nk->bn" %x, %W bf16 : tensor<?x4xf64>, tensor<8x4xf64> -> tensor<?x8xf64>
  return %r : tensor<?x8xf64>
}
