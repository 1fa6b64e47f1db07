//===- onednn_peer.cpp - oneDNN beside rnnc --------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The recurrent primitives of oneDNN, with the interface of 2.x or 3.x. A
// training step puts the weights into the layout that the forward primitive
// wants, runs it, puts them into that of the backward primitive, runs it, puts
// the gradients back and updates the plain weights.
//
//===----------------------------------------------------------------------===//

#include "peer.h"

#include <cstring>
#include <dnnl.hpp>
#include <unordered_map>

using namespace dnnl;
using peer::Floats;
using peer::Ready;
using peer::Row;
using tag = memory::format_tag;

#if DNNL_VERSION_MAJOR >= 3
#define FORWARD(KIND, ...) KIND##_forward::primitive_desc(eng, __VA_ARGS__)
#define BACKWARD(KIND, HINT, ...)                                              \
  KIND##_backward::primitive_desc(eng, __VA_ARGS__, HINT)
#else
#define FORWARD(KIND, ...)                                                     \
  KIND##_forward::primitive_desc(KIND##_forward::desc(__VA_ARGS__), eng)
#define BACKWARD(KIND, HINT, ...)                                              \
  KIND##_backward::primitive_desc(KIND##_backward::desc(__VA_ARGS__), eng, HINT)
#endif

static constexpr float kRate = 1e-9f;

namespace {
/// What an argument is called and where its values are.
using Arguments = std::unordered_map<int, memory>;

memory::desc plain(memory::dims shape, tag layout) {
  return memory::desc(shape, memory::data_type::f32, layout);
}

/// Brings values into another layout; nothing to do where it is the same.
class Relayout {
public:
  Relayout(const engine &eng, memory from, const memory::desc &wanted)
      : from(from), needed(from.get_desc() != wanted),
        to(needed ? memory(wanted, eng) : from) {
    if (needed)
      work = reorder(from, to);
  }
  void operator()(stream &in) {
    if (needed)
      work.execute(in, from, to);
  }
  memory result() const { return to; }

private:
  memory from;
  bool needed;
  memory to;
  reorder work;
};

/// One recurrent layer.
class Layer {
public:
  explicit Layer(const Row &row);
  void forward() {
    forwardLayer(str);
    forwardIter(str);
    forwardWork.execute(str, forwardArgs);
  }
  void infer() {
    forwardWork.execute(str, forwardArgs);
    str.wait();
  }
  /// Infers, and the state goes on.
  void stream() {
    infer();
    for (auto [source, target] : states)
      std::memcpy(forwardArgs[source].get_data_handle(),
                  forwardArgs[target].get_data_handle(),
                  forwardArgs[source].get_desc().get_size());
  }
  void gradients();
  void update();
  peer::Json check(bool train);

private:
  Row row;
  engine eng{engine::kind::cpu, 0};
  dnnl::stream str{eng};
  int64_t gates, biases;
  memory::desc x, h, layer, iter, bias, y;
  memory xs, dy, weights[2], biasValues, ys, dx, dBias;
  primitive forwardWork, backwardWork;
  Arguments forwardArgs, backwardArgs;
  std::vector<std::pair<int, int>> states;
  struct Pair {
    Relayout layer, iter;
  };
  /// `makeForward` sets the first of them.
  primitive_desc_base backwardDesc, forwardDesc;
  Relayout forwardLayer, forwardIter;
  std::unique_ptr<Pair> backward, results;
  std::vector<std::pair<primitive, Arguments>> updates;
  void addUpdate(const memory &value, const memory &gradient);

  memory zeros(const memory::desc &desc) {
    memory made(desc, eng);
    std::memset(made.get_data_handle(), 0, desc.get_size());
    return made;
  }
  static float *data(const memory &of) {
    return static_cast<float *>(of.get_data_handle());
  }
  memory filled(const memory::desc &desc, const Floats &values) {
    memory made = zeros(desc);
    std::copy(values.begin(), values.end(), data(made));
    return made;
  }
  /// The matrix [columns, gates, n] of our matrices [n, columns].
  memory matrix(const memory::desc &desc, const char *kind, int64_t columns);
  memory allBiases();
  /// Makes the primitives; gives the layouts they want, by argument.
  primitive_desc_base makeForward(bool train);
  static memory::desc layoutOf(const primitive_desc_base &desc, int argument) {
    return desc.query_md(query::exec_arg_md, argument);
  }
  const char *letters() const {
    return row.cell == "LSTM" ? "ifgo" : row.cell == "GRU" ? "zrg" : " ";
  }
  std::string named(const char *kind, char letter) const {
    return std::string("net.") + kind + (letter == ' ' ? "" : std::string(1, letter));
  }
};
} // namespace

memory Layer::matrix(const memory::desc &desc, const char *kind,
                     int64_t columns) {
  memory made = zeros(desc);
  for (int64_t gate = 0; gate < gates; ++gate) {
    Floats values = peer::weight(named(kind, letters()[gate]), row.n, columns);
    for (int64_t unit = 0; unit < row.n; ++unit)
      for (int64_t k = 0; k < columns; ++k)
        data(made)[(k * gates + gate) * row.n + unit] =
            values[unit * columns + k];
  }
  return made;
}

memory Layer::allBiases() {
  memory made = zeros(bias);
  for (int64_t gate = 0; gate < gates; ++gate) {
    Floats values = peer::weight(named("b", letters()[gate]), row.n, 0);
    std::copy(values.begin(), values.end(), data(made) + gate * row.n);
  }
  if (row.cell == "GRU") {
    Floats values = peer::weight("net.cg", row.n, 0);
    std::copy(values.begin(), values.end(), data(made) + 3 * row.n);
  }
  return made;
}

primitive_desc_base Layer::makeForward(bool train) {
  auto kind =
      train ? prop_kind::forward_training : prop_kind::forward_inference;
  auto direction = rnn_direction::unidirectional_left2right;
  auto anyLayer = plain({1, 1, row.d, gates, row.n}, tag::any);
  auto anyIter = plain({1, 1, row.n, gates, row.n}, tag::any);
  if (row.cell == "LSTM") {
    auto desc = FORWARD(lstm, kind, direction, x, h, h, anyLayer, anyIter, bias,
                        y, h, h);
    forwardWork = lstm_forward(desc);
    if (train) {
      auto back =
          BACKWARD(lstm, desc, prop_kind::backward, direction, x, h, h,
                   anyLayer, anyIter, bias, y, h, h, x, h, h, anyLayer, anyIter,
                   bias, y, h, h);
      backwardWork = lstm_backward(back);
      backwardDesc = back;
    }
    return desc;
  }
  if (row.cell == "GRU") {
    auto desc =
        FORWARD(lbr_gru, kind, direction, x, h, anyLayer, anyIter, bias, y, h);
    forwardWork = lbr_gru_forward(desc);
    if (train) {
      auto back = BACKWARD(lbr_gru, desc, prop_kind::backward, direction, x, h,
                           anyLayer, anyIter, bias, y, h, x, h, anyLayer,
                           anyIter, bias, y, h);
      backwardWork = lbr_gru_backward(back);
      backwardDesc = back;
    }
    return desc;
  }
  auto act = algorithm::eltwise_tanh;
  auto desc = FORWARD(vanilla_rnn, kind, act, direction, x, h, anyLayer,
                      anyIter, bias, y, h);
  forwardWork = vanilla_rnn_forward(desc);
  if (train) {
    auto back = BACKWARD(vanilla_rnn, desc, prop_kind::backward, act, direction,
                         x, h, anyLayer, anyIter, bias, y, h, x, h, anyLayer,
                         anyIter, bias, y, h);
    backwardWork = vanilla_rnn_backward(back);
    backwardDesc = back;
  }
  return desc;
}

Layer::Layer(const Row &row)
    : row(row),
      gates(row.cell == "LSTM"  ? 4
            : row.cell == "GRU" ? 3
                                : 1),
      biases(row.cell == "GRU" ? 4 : gates),
      x(plain({row.length, row.batch, row.d}, tag::tnc)),
      h(plain({1, 1, row.batch, row.n}, tag::ldnc)),
      layer(plain({1, 1, row.d, gates, row.n}, tag::ldigo)),
      iter(plain({1, 1, row.n, gates, row.n}, tag::ldigo)),
      bias(plain({1, 1, biases, row.n}, tag::ldgo)),
      y(plain({row.length, row.batch, row.n}, tag::tnc)),
      xs(filled(x, peer::shared("x", row.length * row.batch * row.d))),
      weights{matrix(layer, "W", row.d), matrix(iter, "U", row.n)},
      biasValues(allBiases()), ys(zeros(y)),
      forwardDesc(makeForward(row.mode == "train")),
      forwardLayer(eng, weights[0],
                   layoutOf(forwardDesc, DNNL_ARG_WEIGHTS_LAYER)),
      forwardIter(eng, weights[1],
                  layoutOf(forwardDesc, DNNL_ARG_WEIGHTS_ITER)) {
  bool train = row.mode == "train";
  forwardArgs = {{DNNL_ARG_SRC_LAYER, xs},
                 {DNNL_ARG_SRC_ITER, zeros(h)},
                 {DNNL_ARG_WEIGHTS_LAYER, forwardLayer.result()},
                 {DNNL_ARG_WEIGHTS_ITER, forwardIter.result()},
                 {DNNL_ARG_BIAS, biasValues},
                 {DNNL_ARG_DST_LAYER, ys},
                 {DNNL_ARG_DST_ITER, zeros(h)}};
  states = {{DNNL_ARG_SRC_ITER, DNNL_ARG_DST_ITER}};
  if (row.cell == "LSTM") {
    forwardArgs[DNNL_ARG_SRC_ITER_C] = zeros(h);
    forwardArgs[DNNL_ARG_DST_ITER_C] = zeros(h);
    states.emplace_back(DNNL_ARG_SRC_ITER_C, DNNL_ARG_DST_ITER_C);
  }
  if (train) {
    forwardArgs[DNNL_ARG_WORKSPACE] =
        zeros(layoutOf(forwardDesc, DNNL_ARG_WORKSPACE));
    backwardArgs = forwardArgs;
    backward = std::make_unique<Pair>(
        Pair{Relayout(eng, weights[0],
                      layoutOf(backwardDesc, DNNL_ARG_WEIGHTS_LAYER)),
             Relayout(eng, weights[1],
                      layoutOf(backwardDesc, DNNL_ARG_WEIGHTS_ITER))});
    memory dLayer = zeros(layoutOf(backwardDesc, DNNL_ARG_DIFF_WEIGHTS_LAYER));
    memory dIter = zeros(layoutOf(backwardDesc, DNNL_ARG_DIFF_WEIGHTS_ITER));
    results = std::make_unique<Pair>(
        Pair{Relayout(eng, dLayer, layer), Relayout(eng, dIter, iter)});
    dx = zeros(x);
    dBias = zeros(bias);
    dy = filled(y, peer::shared("dy", row.length * row.batch * row.n));
    backwardArgs[DNNL_ARG_WEIGHTS_LAYER] = backward->layer.result();
    backwardArgs[DNNL_ARG_WEIGHTS_ITER] = backward->iter.result();
    backwardArgs[DNNL_ARG_DIFF_SRC_LAYER] = dx;
    backwardArgs[DNNL_ARG_DIFF_SRC_ITER] = zeros(h);
    backwardArgs[DNNL_ARG_DIFF_DST_LAYER] = dy;
    backwardArgs[DNNL_ARG_DIFF_DST_ITER] = zeros(h);
    backwardArgs[DNNL_ARG_DIFF_WEIGHTS_LAYER] = dLayer;
    backwardArgs[DNNL_ARG_DIFF_WEIGHTS_ITER] = dIter;
    backwardArgs[DNNL_ARG_DIFF_BIAS] = dBias;
    addUpdate(weights[0], results->layer.result());
    addUpdate(weights[1], results->iter.result());
    addUpdate(biasValues, dBias);
    if (row.cell == "LSTM") {
      backwardArgs[DNNL_ARG_DIFF_SRC_ITER_C] = zeros(h);
      backwardArgs[DNNL_ARG_DIFF_DST_ITER_C] = zeros(h);
    }
  }
  forward();
  str.wait();
}

void Layer::gradients() {
  forward();
  backward->layer(str);
  backward->iter(str);
  // The primitive adds to what is there.
  for (int argument : {DNNL_ARG_DIFF_WEIGHTS_LAYER, DNNL_ARG_DIFF_WEIGHTS_ITER,
                       DNNL_ARG_DIFF_BIAS}) {
    memory &sum = backwardArgs[argument];
    std::memset(sum.get_data_handle(), 0, sum.get_desc().get_size());
  }
  backwardWork.execute(str, backwardArgs);
  results->layer(str);
  results->iter(str);
  str.wait();
}

void Layer::update() {
  for (auto &[work, arguments] : updates)
    work.execute(str, arguments);
  str.wait();
}

/// value -= kRate * gradient, by the library's own threads.
void Layer::addUpdate(const memory &value, const memory &gradient) {
  std::vector<float> scales = {1, -kRate};
  std::vector<memory::desc> sources = {value.get_desc(), gradient.get_desc()};
#if DNNL_VERSION_MAJOR >= 3
  sum::primitive_desc desc(eng, value.get_desc(), scales, sources);
#else
  sum::primitive_desc desc(value.get_desc(), scales, sources, eng);
#endif
  updates.emplace_back(sum(desc), Arguments{{DNNL_ARG_MULTIPLE_SRC, value},
                                            {DNNL_ARG_MULTIPLE_SRC + 1, gradient},
                                            {DNNL_ARG_DST, value}});
}

peer::Json Layer::check(bool train) {
  size_t steps = size_t(row.length * row.batch);
  if (!train) {
    infer();
    return {{"out", peer::absolutes(data(ys), steps * size_t(row.n))}};
  }
  gradients();
  double loss = 0;
  for (size_t i = 0; i < steps * size_t(row.n); ++i)
    loss += double(data(ys)[i]) * double(data(dy)[i]);
  return {{"loss", loss / double(steps)},
          {"dw", peer::absolutes(data(results->layer.result()),
                                 size_t(row.d * gates * row.n)) +
                     peer::absolutes(data(results->iter.result()),
                                     size_t(row.n * gates * row.n))},
          {"dx", peer::absolutes(data(dx), steps * size_t(row.d))}};
}

static Ready prepare(const Row &row) {
  Ready ready;
  if (row.what != "layer" || row.precision != "f32" ||
      (row.cell != "LSTM" && row.cell != "GRU" && row.cell != "Elman")) {
    ready.why = "runs layers of LSTM, GRU and tanh cells, in f32";
    return ready;
  }
  auto layer = std::make_shared<Layer>(row);
  ready.check = layer->check(row.mode == "train");
  if (row.mode == "train")
    ready.step = [layer] {
      layer->gradients();
      layer->update();
    };
  else if (row.mode == "stream")
    ready.step = [layer] { layer->stream(); };
  else
    ready.step = [layer] { layer->infer(); };
  return ready;
}

int main() {
  // OpenMP reads OMP_NUM_THREADS; other runtimes take the cores they may use.
  peer::useCores(peer::threadsWanted());
  const version_t *found = dnnl::version();
  return peer::serve("onednn-" + std::to_string(found->major) + "." +
                         std::to_string(found->minor) + "." +
                         std::to_string(found->patch),
                     prepare);
}
