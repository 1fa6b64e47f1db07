//===- Help.cpp - Help, manual page, completion ---------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All texts about options, written from the table.
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/OptionTable.h"

using namespace rnnc::driver;

/// "-o, --output FILE".
static std::string spelled(const OptionInfo &option) {
  std::string text;
  if (*option.shortName)
    text += std::string("-") + option.shortName + ", ";
  text += std::string("--") + option.name;
  if (option.kind == ValueKind::Flag)
    return text;
  std::string value =
      option.kind == ValueKind::Choice ? option.choices : option.value;
  if (option.kind == ValueKind::FlagText)
    return text + "[=" + value + "]";
  return text + " " + value;
}

static void listOptions(std::string &out, const char *title,
                        const std::vector<OptionInfo> &options) {
  if (options.empty())
    return;
  out += std::string("\n") + title + ":\n";
  for (const OptionInfo &option : options) {
    std::string left = "  " + spelled(option);
    if (left.size() > 36)
      left += "\n" + std::string(38, ' ');
    else
      left.resize(38, ' ');
    out += left + option.help + "\n";
  }
}

std::string rnnc::driver::mainHelp() {
  std::string out = "rnnc compiles recurrent models: from equations to fast "
                    "training and inference.\n\n"
                    "Usage: rnnc COMMAND [OPTIONS] ...\n\nCommands:\n";
  for (const CommandInfo &command : commands()) {
    std::string left = std::string("  ") + command.name;
    left.resize(14, ' ');
    out += left + command.summary + "\n";
  }
  out += "\n'rnnc help COMMAND' says more. 'rnnc --version' shows the "
         "version.\n\nExamples:\n"
         "  rnnc train examples/char_lm.rnn --data input.txt\n"
         "  rnnc sample runs/x --prompt \"ROMEO:\"\n"
         "  rnnc compile examples/char_lm.rnn --set V=65 --emit=grad\n";
  return out;
}

std::string rnnc::driver::commandHelp(const CommandInfo &command) {
  std::string out = std::string("Usage: rnnc ") + command.name + " [OPTIONS]";
  if (*command.operands)
    out += std::string(" ") + command.operands;
  out += std::string("\n\n") + command.description + "\n";
  listOptions(out, "Options", command.own);
  if (command.data)
    listOptions(out, "Data", dataOptions());
  if (command.compiles)
    listOptions(out, "Shared options", sharedOptions());
  listOptions(out, "General options", generalOptions());
  out += "\nExamples:\n";
  for (const char *example : command.examples)
    out += std::string("  ") + example + "\n";
  return out;
}

/// Roff wants dashes escaped, and no dot or quote at the start of a line.
static std::string roff(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '-' || c == '\\')
      out += '\\';
    out += c;
  }
  if (!out.empty() && (out[0] == '.' || out[0] == '\''))
    out.insert(0, "\\&");
  return out;
}

std::string rnnc::driver::manualPage() {
  std::string out = ".TH RNNC 1\n.SH NAME\nrnnc \\- compiler for recurrent "
                    "models\n.SH SYNOPSIS\n.B rnnc\n.I COMMAND\n[OPTIONS] "
                    "...\n.SH COMMANDS\n";
  auto options = [&](const std::vector<OptionInfo> &list) {
    for (const OptionInfo &option : list)
      out +=
          ".TP\n.B " + roff(spelled(option)) + "\n" + roff(option.help) + "\n";
  };
  for (const CommandInfo &command : commands()) {
    out += ".SS " + roff(std::string(command.name) + " " + command.operands) +
           "\n" + roff(command.description) + "\n";
    options(command.own);
    out += ".P\nExamples:\n.nf\n";
    for (const char *example : command.examples)
      out += roff(example) + "\n";
    out += ".fi\n";
  }
  out += ".SH DATA OPTIONS\n";
  options(dataOptions());
  out += ".SH SHARED OPTIONS\n";
  options(sharedOptions());
  out += ".SH GENERAL OPTIONS\n";
  options(generalOptions());
  out += ".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nno colours\n.TP\n.B "
         "RNNC_THREADS\nas \\-\\-threads\n.TP\n.B RNNC_CACHE_DIR\nwhere "
         "compiled code is kept\n.TP\n.B RNNC_PATH\nfolders of imports, after "
         "\\-I\n.TP\n.B RNNC_PERF_MAP\na folder: names of generated "
         "functions for perf(1), which looks in /tmp\n.SH EXIT STATUS\n0 done; 1 the input is at fault or a check "
         "failed; 2 wrong usage; 3 a bug of rnnc; 130, 143 interrupted\n";
  return out;
}

std::string rnnc::driver::completionScript(std::string_view shell) {
  std::string out;
  if (shell == "fish") {
    for (const CommandInfo &command : commands()) {
      out += std::string("complete -c rnnc -n __fish_use_subcommand -a ") +
             command.name + " -d '" + command.summary + "'\n";
      for (const OptionInfo &option : optionsOf(command))
        out +=
            std::string("complete -c rnnc -n '__fish_seen_subcommand_from ") +
            command.name + "' -l " + option.name +
            (option.kind == ValueKind::Flag ? "" : " -r") + "\n";
    }
    return out;
  }
  std::string names;
  std::string cases;
  for (const CommandInfo &command : commands()) {
    names += (names.empty() ? "" : " ") + std::string(command.name);
    cases += std::string("    ") + command.name + ") words=\"";
    for (const OptionInfo &option : optionsOf(command))
      cases += std::string("--") + option.name + " ";
    cases.back() = '"';
    cases += " ;;\n";
  }
  if (shell == "zsh")
    out += "#compdef rnnc\nautoload -U +X bashcompinit && bashcompinit\n";
  out += "_rnnc() {\n"
         "  local current=\"${COMP_WORDS[COMP_CWORD]}\" words=\"\"\n"
         "  COMPREPLY=()\n"
         "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
         "    COMPREPLY=($(compgen -W \"" +
         names +
         "\" -- \"$current\"))\n"
         "    return\n"
         "  fi\n"
         "  case \"${COMP_WORDS[1]}\" in\n" +
         cases +
         "  esac\n"
         "  case \"$current\" in\n"
         "    -*) COMPREPLY=($(compgen -W \"$words\" -- \"$current\")) ;;\n"
         "    *) COMPREPLY=($(compgen -f -- \"$current\")) ;;\n"
         "  esac\n"
         "}\n"
         "complete -o filenames -F _rnnc rnnc\n";
  return out;
}
