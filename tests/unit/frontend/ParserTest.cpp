//===- ParserTest.cpp - Trees of texts, and texts that have none ----------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Wrong texts with their messages are in tests/lit/frontends/errors as well;
// here are trees, precedence, and texts that nobody would write by hand.
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/Parser.h"
#include "frontends/rnn/Loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

using namespace rnnc;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

struct Parsed {
  SourceManager sources;
  DiagnosticEngine diags{sources};
  ParsedText text;

  explicit Parsed(std::string source)
      : text(parseText(*sources.add("t.rnn", std::move(source)), diags)) {}

  std::string tree() const {
    std::ostringstream out;
    ast::print(out, *text.unit);
    return out.str();
  }

  std::vector<std::string> messages() const {
    std::vector<std::string> result;
    for (const Diagnostic &diagnostic : diags.sorted()) {
      PresumedLoc place = sources.locate(diagnostic.caret);
      result.push_back(
          str(place.line, ":", place.column, ": ", diagnostic.message));
    }
    return result;
  }
};

/// The tree of one expression.
std::string treeOf(const std::string &expr) {
  Parsed parsed("fn f(x) = " + expr);
  EXPECT_THAT(parsed.messages(), IsEmpty()) << expr;
  std::string tree = parsed.tree();
  size_t begin = tree.find("value ");
  return tree.substr(begin + 6, tree.size() - begin - 7);
}

/// An expression written again from its tree.
std::string rewritten(const std::string &expr) {
  Parsed parsed("fn f(x) = " + expr);
  return ast::toString(parsed.text.unit->definitions.at(0)->value);
}

TEST(ParseExpr, Precedence) {
  EXPECT_EQ(treeOf("a + b * c"), "(+ a (* b c))");
  EXPECT_EQ(treeOf("a - b - c"), "(- (- a b) c)");
  EXPECT_EQ(treeOf("W @ x + b"), "(+ (@ W x) b)");
  EXPECT_EQ(treeOf("-x^2"), "(- (^ x 2))");
  EXPECT_EQ(treeOf("x^-2^y"), "(^ x (- (^ 2 y)))");
  EXPECT_EQ(treeOf("a^b^c"), "(^ a (^ b c))");
  EXPECT_EQ(treeOf("a < b + 1"), "(< a (+ b 1))");
  EXPECT_EQ(treeOf("not a and b or c"), "(or (and (not a) b) c)");
  EXPECT_EQ(treeOf("x |> f |> g(1)"), "(|> (|> x f) g(1))");
  EXPECT_EQ(treeOf("a or b |> f"), "(|> (or a b) f)");
}

TEST(ParseExpr, Postfix) {
  EXPECT_EQ(treeOf("f(x).c[0].T as U"), "f(x).c[0].T as U");
  EXPECT_EQ(treeOf("x[_, :, 1:, :-1, 2:n, i]"), "x[_, :, 1:, :(- 1), 2:n, i]");
  EXPECT_EQ(treeOf("f(x, h = s, rnn.h = 0)"), "f(x, h = s, rnn.h = 0)");
  EXPECT_EQ(treeOf("f(h == s)"), "f((== h s))");
  EXPECT_EQ(treeOf("f(a.b == s)"), "f((== a.b s))");
  EXPECT_EQ(treeOf("[f(n) for l in 0..L + 1]"), "[f(n) for l in 0..(+ L 1)]");
  EXPECT_EQ(treeOf("[[], [1, 2.0], h']"), "[[], [1, 2.0], h']");
  EXPECT_EQ(treeOf("real(i) + f()"), "(+ real(i) f())");
}

TEST(ParseExpr, WrittenAgain) {
  for (const char *expr :
       {"a + b * c", "(a + b) * c", "a - (b - c)", "-x^2", "(-x)^2", "x^-y",
        "(a^b)^c", "not (a or b)", "(a < b) == c", "x |> f(1) |> g",
        "(x |> f) + 1", "(a + b)[0].T", "f(x)(y)", "1e-05", "x[1:, _]",
        "(a + b) as U", "-(-x)", "(not a) == b"}) {
    std::string again = rewritten(expr);
    EXPECT_EQ(treeOf(expr), treeOf(again)) << expr << " became " << again;
  }
  EXPECT_EQ(rewritten("((a) + ((b * c)))"), "a + b * c");
}

TEST(ParseExpr, RangesIncludeParentheses) {
  Parsed parsed("fn f(x) = (x + 1) * 2");
  const auto *product =
      ast::cast<ast::BinaryExpr>(parsed.text.unit->definitions[0]->value);
  EXPECT_EQ(parsed.sources.text(product->lhs->range), "(x + 1)");
  EXPECT_EQ(parsed.sources.text(product->opRange), "*");
  EXPECT_EQ(parsed.sources.text(product->range), "(x + 1) * 2");
}

TEST(Parse, EveryStatement) {
  Parsed parsed(R"(import "a.rnn" as m
/// About f.
fn f(x, p: real = 0.5) -> (a, b) { a = x; b = p }
/// About C,
/// in two lines.
cell C(n = 3, g: fn, q: int[n] = 0)(x: seq(S, U) [n, 2] bool, y) -> h {
  state h: [n] = 0, c, d: real
  /// About W.
  param W: [n, n] = orthogonal
  fixed k: int
  once m = x
  for l in 0..n { s' = s }
  if n == 1 { a = 1 } else if n > 2 { a = 2 } else { }
  h' = x
}
model M() {
  input a: seq real
  target b: seq int[V]
  output a, z = b
  loss nats = f(a), weight = w
  metric f(a)
  predict b ~ categorical(a), stop = 0
  train { lr = 1, batch = 2 }
  sample { }
}
)");
  EXPECT_THAT(parsed.messages(), IsEmpty());
  EXPECT_EQ(parsed.tree(), R"(import "a.rnn" as m
/// About f.
fn f
  in x
  in p: real = 0.5
  out a, b
  a = x
  b = p
/// About C,
/// in two lines.
cell C
  static n: size = 3
  static g: fn
  static q: int[n] = 0
  in x: seq(S, U) [n, 2] bool
  in y
  out h
  state h: [n] = 0
  state c, d: real
  /// About W.
  param W: [n, n] = orthogonal
  fixed k: int
  once m = x
  for l in 0..n
    s' = s
  if (== n 1)
    a = 1
  else if (> n 2)
    a = 2
  else
  h' = x
model M
  input a: seq real
  target b: seq int[V]
  output a
  output z = b
  loss nats = f(a), weight = w
  metric f(a)
  predict b ~ categorical(a), stop = 0
  train
    lr = 1
    batch = 2
  sample
)");
}

TEST(Parse, NewlinesMeanNothing) {
  EXPECT_EQ(Parsed("fn f(x)\n=\nx\n+\n1\nfn g(x)=x").tree(),
            Parsed("fn f(x) = x + 1 fn g(x) = x").tree());
}

TEST(Parse, StandardLibrary) {
  for (const LibraryText &text : standardLibrary())
    EXPECT_THAT(Parsed(text.text).messages(), IsEmpty()) << text.name;
}

//===----------------------------------------------------------------------===//
// Hostile texts
//===----------------------------------------------------------------------===//

std::string repeated(std::string_view piece, size_t times) {
  std::string result;
  for (size_t i = 0; i < times; ++i)
    result += piece;
  return result;
}

TEST(Hostile, NestingHasALimit) {
  EXPECT_THAT(
      Parsed("fn f(x) = " + repeated("(", 200) + "x" + repeated(")", 200))
          .messages(),
      IsEmpty());
  for (const char *piece : {"(", "[", "f(", "-", "not ", "x^", "x[", "[x, "})
    EXPECT_THAT(Parsed("fn f(x) = " + repeated(piece, 100000)).messages(),
                ElementsAre(HasSubstr("nesting is deeper than 256")))
        << piece;
  for (const char *piece : {"if x {\n", "for l in 0..2 {\n"})
    EXPECT_THAT(Parsed("fn f(x) -> y {" + repeated(piece, 100000)).messages(),
                ElementsAre(HasSubstr("nesting is deeper than 256")))
        << piece;
}

TEST(Hostile, LongChainsHaveALimit) {
  for (const char *piece : {"x + ", "x |> ", "x or ", "x * "}) {
    EXPECT_THAT(Parsed("fn f(x) = " + repeated(piece, 1000) + "x").messages(),
                IsEmpty());
    EXPECT_THAT(Parsed("fn f(x) = " + repeated(piece, 100000) + "x").messages(),
                ElementsAre(HasSubstr("expression is deeper than 1024")));
  }
  for (const char *piece : {"()", "[0]", ".a", " as U"})
    EXPECT_THAT(Parsed("fn f(x) = x" + repeated(piece, 100000)).messages(),
                ElementsAre(HasSubstr("expression is deeper than 1024")));
}

TEST(Hostile, ManyErrors) {
  EXPECT_THAT(Parsed("fn f(x) -> y {" + repeated(")\n", 200000)).messages(),
              ElementsAre("1:15: expected a statement, found ')'",
                          "200001:1: expected '}' to close the function of "
                          "line 1, found end of file"));
  EXPECT_EQ(Parsed(repeated("cell\n", 200000)).messages().size(), 20u);
  EXPECT_EQ(
      Parsed("fn f(x) -> y {" + repeated("a =\n", 200000)).messages().size(),
      20u);
}

/// A text with something of everything.
const std::string &sample() {
  static const std::string text = [] {
    std::string result;
    for (const LibraryText &library : standardLibrary())
      result += library.text;
    return result + R"(
model M(V, n = 8, L = 2) {
  target x: seq int[V]
  rnn = [LSTM(n) for l in 0..L]
  h = shift(x, start = 0) |> Embedding(V, n)
  for l in 0..L { h' = dropout(rnn[l](h), 0.2) }
  if n > 4 and not training { z = h |> Dense(V) } else { z = h[:, _] @ h.T }
  output z
  loss nats = cross_entropy(z, x), weight = 1e-2
  predict x ~ categorical(z), stop = 0
  train { optimizer = adam(lr = 2e-3), window = 64 }
}
)";
  }();
  return text;
}

/// What any text must stand: no crash, and it is right exactly if there are no
/// messages; then its canonical form means the same.
void digest(const std::string &text) {
  Parsed parsed(text);
  std::ostringstream out;
  parsed.diags.print(out);
  if (parsed.diags.hasErrors())
    return;
  std::string formatted = format(parsed.text);
  Parsed again(formatted);
  ASSERT_FALSE(again.diags.hasErrors()) << text << "\n\n" << formatted;
  ASSERT_EQ(parsed.tree(), again.tree()) << text << "\n\n" << formatted;
  ASSERT_EQ(format(again.text), formatted) << text;
}

TEST(Hostile, EveryTruncation) {
  const std::string &text = sample();
  for (size_t size = 0; size < text.size(); size += 7)
    digest(text.substr(0, size));
}

TEST(Hostile, Mutations) {
  static const std::vector<std::string> pieces = {"(",     ")",
                                                  "[",     "]",
                                                  "{",     "}",
                                                  ",",     ";",
                                                  ":",     "=",
                                                  "'",     ".",
                                                  "..",    "|>",
                                                  "->",    "@",
                                                  "^",     "-",
                                                  "~",     "_",
                                                  "\n",    " ",
                                                  "\"",    "//",
                                                  "///",   "cell",
                                                  "state", "for",
                                                  "if",    "else",
                                                  "in",    "seq",
                                                  "int",   "as",
                                                  "not",   "once",
                                                  "loss",  "import",
                                                  "0",     "1e9",
                                                  "1e999", "x",
                                                  "\xff",  "π",
                                                  "#",     "fn f(x) = x\n"};
  std::mt19937 random(7);
  auto below = [&](size_t n) { return size_t(random() % n); };
  for (int round = 0; round < 3000; ++round) {
    std::string text = sample();
    size_t begin = below(text.size());
    text = text.substr(begin, 50 + below(800));
    for (size_t edits = 1 + below(4); edits > 0; --edits) {
      size_t at = below(text.size());
      if (below(2))
        text.insert(at, pieces[below(pieces.size())]);
      else
        text.erase(at, 1 + below(6));
      if (text.empty())
        break;
    }
    digest(text);
  }
}

TEST(Hostile, RandomTokens) {
  TokenStream stream;
  SourceManager sources;
  DiagnosticEngine diags(sources);
  stream = lex(*sources.add("sample", sample()), diags);
  std::mt19937 random(11);
  for (int round = 0; round < 2000; ++round) {
    std::string text = round % 2 ? "fn f(x) -> y { y = " : "";
    for (int i = 0; i < 60; ++i)
      text += std::string(
                  stream.tokens[random() % (stream.tokens.size() - 1)].text) +
              (random() % 5 ? " " : "\n");
    digest(text);
  }
}

} // namespace
