"""What lit runs: text tests of the tools, beside the sources they mirror."""

import os

import lit.formats

config.name = "rnnc"
config.test_format = lit.formats.ShTest(not bool(os.environ.get("RNNC_LIT_SHELL")))
config.suffixes = [".mlir", ".rnn", ".test"]
config.excludes = ["Inputs", "CMakeLists.txt"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = config.rnnc_obj_root

path = os.pathsep.join(
    [config.rnnc_tools_dir, config.llvm_tools_dir, config.environment.get("PATH", "")]
)
config.environment["PATH"] = path
# A test never reads what a user has at home.
config.environment["HOME"] = config.test_exec_root
for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
    if name in os.environ:
        config.environment[name] = os.environ[name]

config.substitutions.append(("%rnnc_src", config.rnnc_src_root))

if os.path.exists(os.path.join(config.rnnc_tools_dir, "rnnc")):
    config.available_features.add("rnnc")
