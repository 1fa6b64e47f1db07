//===- AST.cpp - The tree of a .rnn text ----------------------------------===//
//
// Part of rnnc. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names of enumerators, and trees as text: as it would be written (for
// messages) and as brackets that show the structure (for --emit=ast).
//
//===----------------------------------------------------------------------===//

#include "frontends/rnn/AST.h"

#include <charconv>

using namespace rnnc;
using namespace rnnc::ast;

const Definition *SourceUnit::find(std::string_view name) const {
  for (const Definition *def : definitions)
    if (def->ident.name == name)
      return def;
  return nullptr;
}

std::string_view ast::toString(BinaryOp op) {
  switch (op) {
  case BinaryOp::Add:
    return "+";
  case BinaryOp::Sub:
    return "-";
  case BinaryOp::Mul:
    return "*";
  case BinaryOp::Div:
    return "/";
  case BinaryOp::Mod:
    return "%";
  case BinaryOp::MatMul:
    return "@";
  case BinaryOp::Pow:
    return "^";
  case BinaryOp::Eq:
    return "==";
  case BinaryOp::Ne:
    return "!=";
  case BinaryOp::Lt:
    return "<";
  case BinaryOp::Le:
    return "<=";
  case BinaryOp::Gt:
    return ">";
  case BinaryOp::Ge:
    return ">=";
  case BinaryOp::And:
    return "and";
  case BinaryOp::Or:
    return "or";
  }
  return "";
}

std::string_view ast::toString(DeclKind kind) {
  switch (kind) {
  case DeclKind::State:
    return "state";
  case DeclKind::Param:
    return "param";
  case DeclKind::Fixed:
    return "fixed";
  case DeclKind::Input:
    return "input";
  case DeclKind::Target:
    return "target";
  }
  return "";
}

std::string_view ast::toString(DefKind kind) {
  return kind == DefKind::Fn ? "fn" : describe(kind);
}

std::string_view ast::describe(DefKind kind) {
  switch (kind) {
  case DefKind::Fn:
    return "function";
  case DefKind::Layer:
    return "layer";
  case DefKind::Cell:
    return "cell";
  case DefKind::Model:
    return "model";
  }
  return "";
}

static std::string_view toString(StaticKind kind) {
  switch (kind) {
  case StaticKind::Size:
    return "size";
  case StaticKind::Real:
    return "real";
  case StaticKind::Bool:
    return "bool";
  case StaticKind::Int:
    return "int";
  case StaticKind::Fn:
    return "fn";
  case StaticKind::Layer:
    return "layer";
  case StaticKind::List:
    return "list";
  }
  return "";
}

//===----------------------------------------------------------------------===//
// Expressions as text
//===----------------------------------------------------------------------===//

namespace {
/// Writes expressions. As text, an operand gets brackets where the grammar
/// needs them; as a tree, every operation has brackets and comes first.
class ExprWriter {
public:
  explicit ExprWriter(bool asTree) : asTree(asTree) {}

  std::string take() { return std::move(out); }

  void write(const Expr *expr, int least = 0);
  void writeType(const TypeRef &type);

private:
  void writeNode(const Expr *expr);
  void writeNumber(const NumberExpr &number);
  void writeBinary(const BinaryExpr &binary);
  void writeArgument(const Argument &arg);
  void writeIndex(const Index &index);

  /// Writes a sequence with separators.
  template <class Range, class One>
  void list(const Range &range, const char *separator, One one) {
    const char *before = "";
    for (const auto &element : range) {
      out += before;
      one(element);
      before = separator;
    }
  }

  bool asTree;
  std::string out;
};

/// How tight an operation binds, as in the grammar.
enum Binding { Piped, Ored, Anded, Notted, Summed, Multiplied, Signed, Atomic };

int bindingOf(const Expr *expr) {
  if (isa<PipeExpr>(expr))
    return Piped;
  if (const auto *unary = dynCast<UnaryExpr>(expr))
    return unary->op == UnaryOp::Not ? Notted : Signed;
  const auto *binary = dynCast<BinaryExpr>(expr);
  if (!binary)
    return Atomic;
  switch (binary->op) {
  case BinaryOp::Or:
    return Ored;
  case BinaryOp::And:
    return Anded;
  case BinaryOp::Eq:
  case BinaryOp::Ne:
  case BinaryOp::Lt:
  case BinaryOp::Le:
  case BinaryOp::Gt:
  case BinaryOp::Ge:
    return Notted;
  case BinaryOp::Add:
  case BinaryOp::Sub:
    return Summed;
  case BinaryOp::Pow:
    return Signed;
  default:
    return Multiplied;
  }
}
} // namespace

void ExprWriter::write(const Expr *expr, int least) {
  bool brackets = asTree ? bindingOf(expr) < Atomic : bindingOf(expr) < least;
  if (brackets)
    out += '(';
  writeNode(expr);
  if (brackets)
    out += ')';
}

void ExprWriter::writeNumber(const NumberExpr &number) {
  char buffer[40];
  std::to_chars_result end =
      number.isInteger
          ? std::to_chars(buffer, buffer + sizeof buffer, number.integer)
          : std::to_chars(buffer, buffer + sizeof buffer, number.value);
  std::string_view text(buffer, end.ptr - buffer);
  out += text;
  if (!number.isInteger && text.find_first_of(".e") == std::string_view::npos)
    out += ".0";
}

void ExprWriter::writeBinary(const BinaryExpr &binary) {
  if (asTree) {
    out += toString(binary.op);
    out += ' ';
    write(binary.lhs);
    out += ' ';
    write(binary.rhs);
    return;
  }
  // Powers bind to the right, comparisons do not chain, the rest binds to the
  // left.
  int binding = bindingOf(&binary);
  bool isPower = binary.op == BinaryOp::Pow;
  write(binary.lhs, isPower ? Atomic : binding + (binding == Notted));
  out += isPower ? "" : " ";
  out += toString(binary.op);
  out += isPower ? "" : " ";
  write(binary.rhs, isPower ? Signed : binding + 1);
}

void ExprWriter::writeArgument(const Argument &arg) {
  list(arg.path, ".", [&](const Ident &ident) { out += ident.name; });
  if (!arg.path.empty())
    out += " = ";
  write(arg.value);
}

void ExprWriter::writeIndex(const Index &index) {
  if (index.kind == Index::NewAxis)
    out += '_';
  if (index.at)
    write(index.at);
  if (index.from)
    write(index.from);
  if (index.kind == Index::Slice)
    out += ':';
  if (index.to)
    write(index.to);
}

void ExprWriter::writeNode(const Expr *expr) {
  switch (expr->kind) {
  case ExprKind::Number:
    return writeNumber(*cast<NumberExpr>(expr));
  case ExprKind::String:
    out += '"' + cast<StringExpr>(expr)->value + '"';
    return;
  case ExprKind::Bool:
    out += cast<BoolExpr>(expr)->value ? "true" : "false";
    return;
  case ExprKind::Training:
    out += "training";
    return;
  case ExprKind::Name: {
    const auto *name = cast<NameExpr>(expr);
    out += name->name;
    out += name->primed ? "'" : "";
    return;
  }
  case ExprKind::List:
    out += '[';
    list(cast<ListExpr>(expr)->elements, ", ",
         [&](const Expr *element) { write(element); });
    out += ']';
    return;
  case ExprKind::Comprehension: {
    const auto *loop = cast<ComprehensionExpr>(expr);
    out += '[';
    write(loop->body);
    out += " for " + loop->variable.name + " in ";
    write(loop->from);
    out += "..";
    write(loop->to);
    out += ']';
    return;
  }
  case ExprKind::Unary: {
    const auto *unary = cast<UnaryExpr>(expr);
    bool isNot = unary->op == UnaryOp::Not;
    out += isNot ? "not " : asTree ? "- " : "-";
    write(unary->operand, isNot ? Notted : Signed);
    return;
  }
  case ExprKind::Binary:
    return writeBinary(*cast<BinaryExpr>(expr));
  case ExprKind::Pipe: {
    const auto *pipe = cast<PipeExpr>(expr);
    out += asTree ? "|> " : "";
    write(pipe->value, Piped);
    out += asTree ? " " : " |> ";
    write(pipe->target, Ored);
    return;
  }
  case ExprKind::Call: {
    const auto *call = cast<CallExpr>(expr);
    write(call->callee, Atomic);
    out += '(';
    list(call->args, ", ", [&](const Argument &arg) { writeArgument(arg); });
    out += ')';
    return;
  }
  case ExprKind::Index: {
    const auto *index = cast<IndexExpr>(expr);
    write(index->base, Atomic);
    out += '[';
    list(index->indices, ", ", [&](const Index &entry) { writeIndex(entry); });
    out += ']';
    return;
  }
  case ExprKind::Member: {
    const auto *member = cast<MemberExpr>(expr);
    write(member->base, Atomic);
    out += '.' + member->member.name;
    return;
  }
  case ExprKind::As: {
    const auto *renamed = cast<AsExpr>(expr);
    write(renamed->base, Atomic);
    out += " as " + renamed->axis.name;
    return;
  }
  }
}

void ExprWriter::writeType(const TypeRef &type) {
  if (type.isSeq) {
    out += "seq";
    if (!type.axes.empty()) {
      out += '(';
      size_t i = 0;
      list(type.axes, ", ", [&](const Ident &axis) {
        out += axis.name;
        if (const Ident &outer = type.within[i++]; !outer.name.empty())
          out += "(" + outer.name + ")";
      });
      out += ')';
    }
    out += ' ';
  }
  if (type.hasShape) {
    out += '[';
    list(type.shape, ", ", [&](const Expr *size) { write(size); });
    out += ']';
  }
  if (type.hasShape && type.elem == ElemKind::Real)
    return;
  out += type.hasShape ? " " : "";
  out += type.elem == ElemKind::Real   ? "real"
         : type.elem == ElemKind::Bool ? "bool"
                                       : "int";
  if (type.intSize) {
    out += '[';
    write(type.intSize);
    out += ']';
  }
}

std::string ast::toString(const Expr *expr) {
  ExprWriter writer(/*asTree=*/false);
  writer.write(expr);
  return writer.take();
}

std::string ast::toString(const TypeRef *type) {
  ExprWriter writer(/*asTree=*/false);
  writer.writeType(*type);
  return writer.take();
}

//===----------------------------------------------------------------------===//
// Trees
//===----------------------------------------------------------------------===//

namespace {
class TreePrinter {
public:
  explicit TreePrinter(std::ostream &out) : out(out) {}

  void print(const SourceUnit &unit);

private:
  void print(const Definition &def);
  void print(const Block &block);
  void print(const Stmt *stmt);
  void print(const DeclStmt &decl);
  void print(const IfStmt &stmt);
  void printDoc(const std::string &doc);

  std::ostream &line() { return out << std::string(2 * indent, ' '); }

  static std::string text(const Expr *expr) {
    ExprWriter writer(/*asTree=*/true);
    writer.write(expr);
    return writer.take();
  }
  static std::string text(const TypeRef *type) {
    ExprWriter writer(/*asTree=*/true);
    writer.writeType(*type);
    return writer.take();
  }
  static std::string initial(const Expr *value) {
    return value ? " = " + text(value) : "";
  }
  static std::string text(const std::vector<Ident> &idents) {
    std::string result;
    for (const Ident &ident : idents)
      result += (result.empty() ? "" : ", ") + ident.name;
    return result;
  }
  static std::string text(const std::vector<Option> &options) {
    std::string result;
    for (const Option &option : options)
      result += ", " + option.key.name + initial(option.value);
    return result;
  }

  std::ostream &out;
  unsigned indent = 0;
};
} // namespace

void TreePrinter::printDoc(const std::string &doc) {
  for (size_t begin = 0; begin < doc.size();) {
    size_t end = std::min(doc.find('\n', begin), doc.size());
    line() << "/// " << doc.substr(begin, end - begin) << "\n";
    begin = end + 1;
  }
}

void TreePrinter::print(const SourceUnit &unit) {
  for (const Import &import : unit.imports) {
    line() << "import \"" << import.path << "\"";
    out << (import.alias ? " as " + import.alias->name : "") << "\n";
  }
  for (const Definition *def : unit.definitions)
    print(*def);
}

void TreePrinter::print(const Definition &def) {
  printDoc(def.doc);
  line() << toString(def.kind) << " " << def.ident.name << "\n";
  ++indent;
  for (const StaticParam &param : def.statics) {
    line() << "static " << param.ident.name << ": " << ::toString(param.kind);
    out << (param.intSize ? "[" + text(param.intSize) + "]" : "");
    out << initial(param.defaultValue) << "\n";
  }
  for (const InputParam &param : def.inputs) {
    line() << "in " << param.ident.name;
    out << (param.type ? ": " + text(param.type) : "");
    out << initial(param.defaultValue) << "\n";
  }
  if (!def.outs.empty())
    line() << "out " << text(def.outs) << "\n";
  if (def.value)
    line() << "value " << text(def.value) << "\n";
  --indent;
  if (def.body)
    print(*def.body);
}

void TreePrinter::print(const Block &block) {
  ++indent;
  for (const Stmt *stmt : block.stmts)
    print(stmt);
  --indent;
}

void TreePrinter::print(const DeclStmt &decl) {
  printDoc(decl.doc);
  for (const DeclGroup &group : decl.groups) {
    line() << toString(decl.declKind) << " " << text(group.names) << ": ";
    out << text(group.type) << initial(group.init) << "\n";
  }
}

void TreePrinter::print(const IfStmt &stmt) {
  const char *keyword = "if ";
  for (const IfStmt::Branch &branch : stmt.branches) {
    line() << keyword << text(branch.condition) << "\n";
    print(*branch.body);
    keyword = "else if ";
  }
  if (!stmt.otherwise)
    return;
  line() << "else\n";
  print(*stmt.otherwise);
}

void TreePrinter::print(const Stmt *stmt) {
  switch (stmt->kind) {
  case StmtKind::Decl:
    return print(*cast<DeclStmt>(stmt));
  case StmtKind::If:
    return print(*cast<IfStmt>(stmt));
  case StmtKind::Equation: {
    const auto *equation = cast<EquationStmt>(stmt);
    printDoc(equation->doc);
    line() << (equation->once ? "once " : "") << text(equation->names);
    out << initial(equation->value) << "\n";
    return;
  }
  case StmtKind::Update: {
    const auto *update = cast<UpdateStmt>(stmt);
    printDoc(update->doc);
    line() << update->ident.name << "'" << initial(update->value) << "\n";
    return;
  }
  case StmtKind::For: {
    const auto *loop = cast<ForStmt>(stmt);
    line() << "for " << loop->variable.name << " in " << text(loop->from);
    out << ".." << text(loop->to) << "\n";
    return print(*loop->body);
  }
  case StmtKind::Output:
    for (const auto &output : cast<OutputStmt>(stmt)->outputs) {
      line() << "output " << (output.ident ? output.ident->name + " = " : "");
      out << text(output.value) << "\n";
    }
    return;
  case StmtKind::Loss: {
    const auto *loss = cast<LossStmt>(stmt);
    line() << (loss->isMetric ? "metric " : "loss ");
    out << (loss->ident ? loss->ident->name + " = " : "") << text(loss->value);
    out << text(loss->options) << "\n";
    return;
  }
  case StmtKind::Predict: {
    const auto *predict = cast<PredictStmt>(stmt);
    line() << "predict " << predict->ident.name;
    out << (predict->sampled ? " ~ " : " = ") << text(predict->value);
    out << text(predict->options) << "\n";
    return;
  }
  case StmtKind::Options: {
    const auto *options = cast<OptionsStmt>(stmt);
    line() << (options->isSample ? "sample" : "train") << "\n";
    ++indent;
    for (const Option &option : options->options)
      line() << option.key.name << initial(option.value) << "\n";
    --indent;
    return;
  }
  }
}

void ast::print(std::ostream &out, const SourceUnit &unit) {
  TreePrinter(out).print(unit);
}
