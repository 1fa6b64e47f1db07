//===- OptionTable.cpp - The commands and their options -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/OptionTable.h"

using namespace rnnc::driver;

using K = ValueKind;

const std::vector<OptionInfo> &rnnc::driver::generalOptions() {
  static const std::vector<OptionInfo> options = {
      {"help", K::Flag, "", "show this help", "", "h"},
      {"json", K::Flag, "", "one JSON object on stdout"},
      {"quiet", K::Flag, "", "errors and the result only", "", "q"},
      {"verbose", K::Flag, "", "stages and times", "", "v"},
      {"color", K::Choice, "WHEN", "colours on stderr (auto)",
       "auto|always|never"},
      {"progress", K::Choice, "FORM", "progress on stderr (auto)",
       "auto|bar|plain|none"},
      {"max-errors", K::Whole, "N", "errors shown; 0: all (20)"},
      {"allow", K::Text, "ID", "do not give this warning", "", "", true},
      {"deny-warnings", K::Flag, "", "warnings are errors"},
      {"diagnostics", K::Choice, "FORM", "form of messages (text)",
       "text|json"},
  };
  return options;
}

const std::vector<OptionInfo> &rnnc::driver::sharedOptions() {
  static const std::vector<OptionInfo> options = {
      {"model", K::Text, "NAME", "which model (the only one)"},
      {"batch", K::Count, "B", "examples or streams side by side (32)"},
      {"length", K::Count, "T", "usual number of steps, a hint (64)"},
      {"set", K::Pair, "NAME=VALUE", "a size or a train-block key", "", "",
       true},
      {"cell", K::Pair, "OLD=NEW", "every OLD becomes NEW", "", "", true},
      {"import", K::Text, "FILE", "import one more file", "", "", true},
      {"include", K::Text, "DIR", "look for imports here", "", "I", true},
      {"threads", K::Count, "N", "threads (usable cores)"},
      {"seed", K::Whole, "N", "seed of all draws (1)"},
      {"precision", K::Choice, "TYPE", "type of real numbers (f32)",
       "f32|f64|bf16"},
      {"unroll", K::Text, "none|N|full", "unroll the loops over time (none)"},
      {"window", K::Text, "K1[:K2]",
       "update every K1 steps (64 on streams, else all)"},
      {"carry", K::Choice, "", "states go on from window to window (true)",
       "true|false"},
      {"memory-budget", K::Bytes, "SIZE",
       "most memory a step or evaluation may take"},
      {"target-cpu", K::Text, "CPU", "CPU to compile for (native)"},
      {"no-cache", K::Flag, "", "neither use nor keep saved code"},
      {"remarks", K::Flag, "", "say what was decided, and why"},
  };
  return options;
}

const std::vector<OptionInfo> &rnnc::driver::dataOptions() {
  static const std::vector<OptionInfo> options = {
      {"data", K::Text, "[INPUT=]FILE[#FIELD]", "data of an input or target",
       "", "", true},
      {"valid", K::Text, "[INPUT=]FILE", "validation data", "", "", true},
      {"test", K::Text, "[INPUT=]FILE", "test data", "", "", true},
      {"split", K::Text, "A,B[,C]",
       "shares of training, validation, test (0.9,0.1)"},
      {"tokens", K::Text, "[INPUT=]KIND,...",
       "symbols of text: chars, bytes or words (chars); words/chars of each "
       "word"},
      {"max-length", K::Text, "[INPUT=]N[/M],...",
       "read the first N tokens of a text; N words, M letters of each"},
      {"vocab", K::Text, "[INPUT=]FILE,...", "vocabulary to use"},
      {"min-count", K::Text, "[INPUT=]N,...", "rarer symbols become <unk> (1)"},
      {"horizon", K::Count, "N", "steps from an input to its target (1)"},
      {"scale", K::Choice, "FORM", "scale columns (none)",
       "none|standard|minmax"},
      {"features", K::Text, "FORM",
       "what is read of sound: raw, mel:K or mfcc:K (raw)"},
      {"task", K::Text, "NAME[:LEVEL][,KEY=VALUE]",
       "generated data, such as adding,T=100"},
  };
  return options;
}

/// The options of `train` that are not shared.
static std::vector<OptionInfo> trainOptions() {
  return {
      {"epochs", K::Positive, "N", "passes over the data (10)"},
      {"steps", K::Count, "N", "updates"},
      {"time-limit", K::Duration, "TIME", "time from birth, such as 5m"},
      {"optimizer", K::Choice, "NAME", "how to update (adam)",
       "adam|sgd|rmsprop|adamw"},
      {"lr", K::Positive, "X", "learning rate (0.001)"},
      {"momentum", K::Real, "X", "momentum of sgd and rmsprop (0)"},
      {"weight-decay", K::Real, "X", "weight decay (0)"},
      {"clip-norm", K::Real, "X", "largest norm of the gradient; 0: off (5)"},
      {"clip-value", K::Real, "X", "largest entry of the gradient (off)"},
      {"schedule", K::Text, "FORM",
       "constant, step:E:F[:A], exp:F, plateau:F or cosine (constant)"},
      {"warmup", K::Whole, "N", "steps over which the rate rises (0)"},
      {"accumulate", K::Count, "N", "batches per update (1)"},
      {"average", K::Share, "X",
       "decay of an average of the weights; 1: of all (off)"},
      {"valid-every", K::Text, "epoch|N", "when to validate (epoch)"},
      {"patience", K::Count, "N", "validations without a better one (off)"},
      {"stop-below", K::Text, "[NAME=]X[:N]",
       "end once N updates running had a loss, or a metric, below X; mean:X:N: "
       "once their mean is; \"A and B\": once both hold (off)"},
      {"checkpoint-every", K::Text, "TIME|N", "when to save (5m)"},
      {"out", K::Text, "DIR", "the run folder (runs/SPEC-DATE)"},
      {"resume", K::Text, "RUN", "go on with a run"},
      {"init", K::Text, "FILE", "weights to begin with"},
      {"dry-run", K::Flag, "", "compile, show the plan, do not train"},
  };
}

/// The options of `sweep`: those of `train`, with several values each.
static std::vector<OptionInfo> sweepOptions() {
  std::vector<OptionInfo> options = {
      {"jobs", K::Count, "N", "runs side by side (as many as fit the cores)"},
      {"values", K::Text, "FILE", "lines NAME = VALUES, as the options"},
      {"out", K::Text, "DIR", "folder of the runs (runs/SPEC-sweep-DATE)"},
  };
  auto add = [&](const std::vector<OptionInfo> &more) {
    for (OptionInfo option : more) {
      bool known = false;
      for (std::string_view other : {"out", "resume", "dry-run", "threads"})
        known |= other == option.name;
      if (known)
        continue;
      // Lists are checked value by value.
      if (option.kind != K::Flag && option.kind != K::Pair)
        option.kind = K::Text;
      options.push_back(option);
    }
  };
  add(trainOptions());
  add(sharedOptions());
  return options;
}

const std::vector<CommandInfo> &rnnc::driver::commands() {
  static const std::vector<CommandInfo> table = {
      {"check",
       "SPEC...",
       1,
       1 << 20,
       "check texts",
       "Checks names, shapes and equations. Silent when all is right; sizes "
       "that no one sets stay letters.",
       {},
       true,
       false,
       {"rnnc check examples/char_lm.rnn", "rnnc check --set n=512 *.rnn",
        "cat model.rnn | rnnc check -"}},
      {"fmt",
       "SPEC...",
       1,
       1 << 20,
       "format texts",
       "Formats texts in place.",
       {{"check", K::Flag, "", "print a diff, change nothing; 1 if any"}},
       false,
       false,
       {"rnnc fmt model.rnn", "rnnc fmt --check examples/*.rnn"}},
      {"compile",
       "SPEC",
       0,
       1,
       "compile a text; show any stage",
       "Without --emit, compiles the training step and reports times and "
       "memory.",
       {{"emit", K::Text, "STAGE", "print the result of this stage"},
        {"output", K::Text, "FILE", "where to (stdout)", "", "o"},
        {"list-stages", K::Flag, "", "the stages and their formats"},
        {"optimizer", K::Choice, "NAME", "how to update (adam)",
         "adam|sgd|rmsprop|adamw"},
        {"entries", K::Text, "NAMES",
         "functions to compile: forward,eval,grad,train"},
        {"stream", K::Flag, "", "data is one long sequence"},
        {"ragged", K::Text, "AXES", "time axes with lengths per example"}},
       true,
       false,
       {"rnnc compile examples/char_lm.rnn --set V=65",
        "rnnc compile examples/char_lm.rnn --set V=65 --emit=grad",
        "rnnc compile examples/char_lm.rnn --set V=65 --emit=obj -o char.o",
        "rnnc compile --list-stages"}},
      {"train",
       "SPEC",
       0,
       1,
       "train a model",
       "Trains, validates, and leaves a run folder with the best weights. In "
       "place of SPEC a run folder: its text, data and options again.",
       trainOptions(),
       true,
       true,
       {"rnnc train examples/char_lm.rnn --data input.txt",
        "rnnc train examples/char_lm.rnn --data input.txt --cell "
        "OldCell=NewCell "
        "--set n=512 --time-limit 5m",
        "rnnc train --resume runs/char_lm-20260102-030405"}},
      {"eval",
       "MODEL",
       1,
       1,
       "loss and metrics of a trained model",
       "MODEL is a run folder, or a SPEC with --weights.",
       {{"weights", K::Text, "FILE", "weights of a SPEC"},
        {"on", K::Choice, "PART", "which part of the data (valid)",
         "valid|test|train"}},
       true,
       true,
       {"rnnc eval runs/x", "rnnc eval runs/x --on train",
        "rnnc eval runs/x --data other.txt --json"}},
      {"sample",
       "MODEL",
       1,
       1,
       "draw text from a trained model",
       "MODEL is a run folder, or a SPEC with --weights.",
       {{"weights", K::Text, "FILE", "weights of a SPEC"},
        {"prompt", K::Text, "TEXT", "what the text begins with"},
        {"given", K::Pair, "INPUT=VALUE", "an input: a class, or numbers", "",
         "", true},
        {"tokens", K::Count, "N", "tokens to draw (400)"},
        {"temperature", K::Real, "X", "0: always the likeliest (1)"},
        {"top-k", K::Count, "K", "draw from the K likeliest (all)"},
        {"top-p", K::Share, "P", "draw from the likeliest share P (1)"},
        {"beam", K::Count, "N",
         "search for the likeliest texts with N at a time; draws nothing"},
        {"count", K::Count, "N", "texts to draw (1)"},
        {"stop", K::Text, "TEXT", "end at this text"},
        {"vocab", K::Text, "FILE", "vocabulary of a SPEC"}},
       true,
       false,
       {"rnnc sample runs/x --prompt \"ROMEO:\"",
        "rnnc sample runs/x --tokens 1000 --temperature 0.8 > out.txt",
        "rnnc sample runs/names --given origin=Irish --count 5",
        "rnnc sample runs/x --top-k 5 --seed 7 --json"}},
      {"predict",
       "MODEL",
       1,
       1,
       "answers of a trained model, in the data's units",
       "MODEL is a run folder, or a SPEC with --weights. Writes CSV: names of "
       "classes, numbers with their scaling undone, sequences made token by "
       "token, the truth beside them where the data have it.",
       {{"weights", K::Text, "FILE", "weights of a SPEC"},
        {"on", K::Choice, "PART", "which part of the data (valid)",
         "valid|test|train"},
        {"beam", K::Count, "N", "search for sequences with N at a time (1)"},
        {"max-tokens", K::Count, "N", "most tokens of a sequence (400)"},
        {"output", K::Text, "FILE", "where to (stdout)", "", "o"}},
       true,
       true,
       {"rnnc predict runs/x -o out.csv",
        "rnnc predict runs/x --on test --json",
        "rnnc predict runs/x --data x=words.txt#1 --beam 5 -o out.csv",
        "rnnc predict runs/x --data x=new.csv -o out.csv"}},
      {"run",
       "MODEL",
       1,
       1,
       "run a model on arrays",
       "Reads .npy files, runs the forward function, writes .npy files.",
       {{"weights", K::Text, "FILE", "weights of a SPEC"},
        {"data", K::Text, "NAME=FILE",
         "an input; its lengths: NAME.lengths=FILE", "", "", true},
        {"output", K::Text, "NAME=FILE", "where an output goes", "", "o", true},
        {"interpret", K::Flag, "", "run op by op, without compiling"}},
       true,
       false,
       {"rnnc run model.rnn --weights w.safetensors --data x=x.npy -o h=h.npy",
        "rnnc run runs/x --data x=x.npy -o y=y.npy --interpret"}},
      {"inspect",
       "MODEL",
       1,
       1,
       "pictures of what happens inside a trained model",
       "MODEL is a run folder, or a SPEC with --weights. Writes SVG pictures of "
       "one input's way through the model, and prints their names. Without "
       "--what all that the model has; without --input the first example of "
       "the data.",
       {{"what", K::Text, "LIST",
         "states, gates, gradients, attention, pca"},
        {"input", K::Text, "[INPUT=]X",
         "text, numbers, FILE.npy, or @N: example N of the data", "", "",
         true},
        {"output", K::Text, "DIR", "where the pictures go", "", "o"},
        {"png", K::Flag, "", "PNG beside SVG, by rsvg-convert"},
        {"points", K::Count, "N", "examples shown by pca (300)"},
        {"on", K::Choice, "PART", "which part of the data (valid)",
         "valid|test|train"},
        {"weights", K::Text, "FILE", "weights of a SPEC"}},
       true,
       true,
       {"rnnc inspect runs/x -o pictures --input \"ROMEO: what\"",
        "rnnc inspect runs/x -o pictures --what states,gates --input @3",
        "rnnc inspect model.rnn --weights w.safetensors -o pictures "
        "--input x=x.npy --json"}},
      {"draw",
       "SPEC",
       1,
       1,
       "the graph of a model as a picture",
       "Draws data, layers, cells with their states, losses and outputs as "
       "SVG. Sizes that no one sets stay letters.",
       {{"output", K::Text, "FILE", "where to (stdout)", "", "o"},
        {"unrolled", K::Count, "N", "N steps side by side (rolled)"}},
       true,
       false,
       {"rnnc draw examples/char_lm.rnn -o model.svg",
        "rnnc draw examples/char_lm.rnn --unrolled 4 -o unrolled.svg"}},
      {"gradcheck",
       "SPEC",
       0,
       1,
       "check gradients against differences",
       "Compares the gradient with central differences, in f64.",
       {{"tolerance", K::Positive, "X", "greatest error allowed (1e-6)"},
        {"samples", K::Count, "N", "entries checked in a tensor (64)"},
        {"library", K::FlagText, "NAMES", "cells and layers of the library"},
        {"ragged", K::Text, "AXES", "time axes with lengths per example"},
        {"interpret", K::Flag, "", "run op by op, without compiling"}},
       true,
       false,
       {"rnnc gradcheck model.rnn --set V=20",
        "rnnc gradcheck --library --json", "rnnc gradcheck --library=MyCell"}},
      {"bench",
       "SPEC",
       0,
       1,
       "measure speed and memory",
       "Times training, inference and streaming on made-up data. Options that "
       "take lists give a row for every combination. With --suite, runs the "
       "rows that come with rnnc beside other systems that are installed.",
       {{"mode", K::Text, "LIST",
         "train, infer, stream (all that the model allows)"},
        {"batch", K::Text, "LIST", "examples or streams side by side (32)"},
        {"length", K::Text, "LIST", "steps (the window of a stream, or 64)"},
        {"threads", K::Text, "LIST", "numbers of threads (usable cores)"},
        {"precision", K::Text, "LIST", "f32, f64, bf16 (f32)"},
        {"input-grad", K::Flag, "", "gradients of real inputs too"},
        {"optimizer", K::Choice, "NAME", "how to update (adam)",
         "adam|sgd|rmsprop|adamw"},
        {"seconds", K::Positive, "X", "least time measured per row (1)"},
        {"suite", K::FlagText, "NAMES", "the groups or rows of the suite"},
        {"systems", K::Text, "LIST",
         "beginnings of the names of systems beside; none (all)"},
        {"python", K::Text, "FILE", "an interpreter to look for systems in", "",
         "", true},
        {"peer", K::Text, "FILE", "a program with more systems", "", "", true}},
       true,
       false,
       {"rnnc bench examples/char_lm.rnn --set V=65",
        "rnnc bench model.rnn --mode train --batch 1,32 --threads 1,2 --json",
        "rnnc bench --suite layers --python python3 --python venv/bin/python"}},
      {"baseline",
       "KIND [SPEC]",
       1,
       2,
       "what simple predictors reach on the same data",
       "KIND is ngram, naive, seasonal, drift or chance. Data are read and cut "
       "as by train; a SPEC is only needed to say which data are what.",
       {{"order", K::Count, "N", "longest n-gram (5)"},
        {"smoothing", K::Choice, "FORM", "of n-grams (modified)",
         "modified|kneser-ney|add-k"},
        {"add-k", K::Positive, "K", "k of add-k smoothing (1)"},
        {"period", K::Count, "N", "steps of a season"},
        {"on", K::Choice, "PART", "which part of the data (valid)",
         "valid|test|train"}},
       true,
       true,
       {"rnnc baseline ngram --order 5 --data input.txt",
        "rnnc baseline ngram --tokens words --data train.txt --test test.txt "
        "--on test",
        "rnnc baseline seasonal --period 12 --data airline.csv#passengers",
        "rnnc baseline chance --task adding,T=100"}},
      {"report",
       "RUN...",
       1,
       1 << 20,
       "compare runs",
       "Prints a table of runs, best values and what differs between them; "
       "with "
       "-o also writes a page that needs nothing else.",
       {{"output", K::Text, "FILE", "where the page goes", "", "o"}},
       false,
       false,
       {"rnnc report runs/a runs/b", "rnnc report runs/* -o report.html",
        "rnnc report runs/a --json"}},
      {"sweep",
       "SPEC",
       1,
       1,
       "train with each of several values",
       "Options of train take lists, such as 1e-3,3e-3, or ranges LO..HI:log:K "
       "and LO..HI:lin:K; each combination is a run, several side by side. "
       "--set and --cell take lists too.",
       sweepOptions(),
       true,
       true,
       {"rnnc sweep model.rnn --data input.txt --lr 1e-3,3e-3,1e-2",
        "rnnc sweep model.rnn --data input.txt --lr 1e-4..1e-1:log:7 "
        "--set n=64,128 --jobs 2 --steps 500"}},
      {"help",
       "COMMAND",
       0,
       1,
       "help on a command",
       "Shows what a command does and its options.",
       {},
       false,
       false,
       {"rnnc help train", "rnnc train --help"}},
      {"completion",
       "SHELL",
       1,
       1,
       "completion script for a shell",
       "Prints a script for bash, zsh or fish.",
       {},
       false,
       false,
       {"rnnc completion bash > ~/.local/share/bash-completion/completions/"
        "rnnc",
        "rnnc completion fish | source"}},
      {"man",
       "",
       0,
       0,
       "print the manual page",
       "Prints rnnc.1 as roff.",
       {},
       false,
       false,
       {"rnnc man > rnnc.1", "rnnc man | man -l -"}},
  };
  return table;
}

const CommandInfo *rnnc::driver::findCommand(std::string_view name) {
  for (const CommandInfo &command : commands())
    if (command.name == name)
      return &command;
  return nullptr;
}

std::vector<OptionInfo> rnnc::driver::optionsOf(const CommandInfo &command) {
  std::vector<OptionInfo> all = command.own;
  auto append = [&](const std::vector<OptionInfo> &more) {
    for (const OptionInfo &option : more) {
      bool known = false;
      for (const OptionInfo &own : command.own)
        known |= std::string_view(own.name) == option.name;
      if (!known)
        all.push_back(option);
    }
  };
  if (command.data)
    append(dataOptions());
  if (command.compiles)
    append(sharedOptions());
  append(generalOptions());
  return all;
}
