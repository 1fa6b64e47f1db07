//===- FormatTest.cpp - The canonical form of texts -----------------------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/Loader.h"
#include "frontends/rnn/Parser.h"

#include <gtest/gtest.h>

using namespace rnnc;

namespace {

std::string formatted(const std::string &text) {
  SourceManager sources;
  DiagnosticEngine diags(sources);
  ParsedText parsed = parseText(*sources.add("t.rnn", text), diags);
  std::ostringstream out;
  diags.print(out);
  EXPECT_EQ(out.str(), "");
  return diags.hasErrors() ? "" : format(parsed);
}

void expectFormatted(const std::string &text, const std::string &expected) {
  EXPECT_EQ(formatted(text), expected);
  EXPECT_EQ(formatted(expected), expected) << "not stable";
}

TEST(Format, LibraryIsCanonical) {
  for (const LibraryText &text : standardLibrary())
    EXPECT_EQ(formatted(text.text), text.text) << text.name;
}

TEST(Format, BlanksOfHeaders) {
  expectFormatted("cell A ( n ,m=3 ) (x:[d] real,y : seq(S,T) [m] int[V])"
                  "->(a,b)\n{ a=x\n b = y }",
                  "cell A(n, m = 3)(x: [d] real, y: seq(S, T) [m] int[V]) -> "
                  "(a, b) {\n  a = x\n  b = y\n}\n");
}

TEST(Format, BlanksOfExpressions) {
  expectFormatted("fn f(x)=-x ^2+ a[ : ,-1 , _,2 : n] . T as U *h '",
                  "fn f(x) = -x^2 + a[:, -1, _, 2:n].T as U * h'\n");
  expectFormatted("fn f(x)=x|>g( 1 ,k=- 3 )|>h",
                  "fn f(x) = x |> g(1, k = -3) |> h\n");
  expectFormatted("fn f(x)=[g(n)for l in 0 .. L-1]",
                  "fn f(x) = [g(n) for l in 0..L - 1]\n");
  expectFormatted("fn f(x) = not(x)and(x>=1)or real (x)==f ( x )",
                  "fn f(x) = not (x) and (x >= 1) or real(x) == f(x)\n");
}

TEST(Format, ProductsAsTheAuthorHasThem) {
  expectFormatted("fn f(x) = g(2*n, d/H) * x / 2",
                  "fn f(x) = g(2*n, d/H) * x / 2\n");
}

TEST(Format, StatementsAndBlocks) {
  expectFormatted("fn f(x) -> y {\n"
                  "a = x; b = x;\n"
                  "if n==2 { c=1 d=2; }\n"
                  "else { c=2 }\n"
                  "for l in 0..2\n{ a'=b\n}\n"
                  "if n>1 {}\n"
                  "y = a }",
                  "fn f(x) -> y {\n"
                  "  a = x\n"
                  "  b = x\n"
                  "  if n == 2 { c = 1; d = 2 } else { c = 2 }\n"
                  "  for l in 0..2 {\n"
                  "    a' = b\n"
                  "  }\n"
                  "  if n > 1 {}\n"
                  "  y = a\n"
                  "}\n");
}

TEST(Format, EquationsAreAligned) {
  expectFormatted("fn f(x) -> y {\n"
                  "i = x\n"
                  "c' = i\n"
                  "lf=x\n"
                  "\n"
                  "y=x\n"
                  "longer = x\n"
                  "}",
                  "fn f(x) -> y {\n"
                  "  i  = x\n"
                  "  c' = i\n"
                  "  lf = x\n"
                  "\n"
                  "  y = x\n"
                  "  longer = x\n"
                  "}\n");
}

TEST(Format, CommentsStay) {
  expectFormatted("// top\n\n\n\n/// doc\nfn f(x) -> y { // after\n"
                  "   // own\n\n\n  y = x // trailing   \n // last\n}\n// end",
                  "// top\n\n/// doc\nfn f(x) -> y {  // after\n"
                  "  // own\n\n  y = x  // trailing\n  // last\n}\n// end\n");
}

TEST(Format, LineBreaksInsideAStatementStay) {
  expectFormatted("fn f(x) -> y {\n"
                  "y = concat(x,\n"
                  "x, // two\n"
                  "// three\n"
                  "x)\n"
                  "+ x\n"
                  "}",
                  "fn f(x) -> y {\n"
                  "  y = concat(x,\n"
                  "             x,  // two\n"
                  "             // three\n"
                  "             x)\n"
                  "      + x\n"
                  "}\n");
}

TEST(Format, TrainBlocks) {
  expectFormatted("model M() {\ntrain{lr=1,batch=2}\nsample {\nlr=1,\nk=2}\n}",
                  "model M() {\n"
                  "  train { lr = 1, batch = 2 }\n"
                  "  sample {\n"
                  "    lr = 1,\n"
                  "    k = 2\n"
                  "  }\n"
                  "}\n");
}

} // namespace
