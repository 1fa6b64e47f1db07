# Shared by the scripts: packages and builds. Sourced, not run.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

fail() {
  echo "$(basename "$0"): $*" >&2
  exit 1
}

# Installs the packages of scripts/packages, and those given, that are missing.
install_packages() {
  local wanted missing=() package as_root=()
  wanted=$(grep -v '^#' "$root/scripts/packages")
  for package in $wanted "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
      missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  command -v apt-get >/dev/null || fail "needs Debian's apt-get to install: ${missing[*]}"
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "run as root or with sudo to install: ${missing[*]}"
    as_root=(sudo)
  fi
  echo "installing: ${missing[*]}"
  "${as_root[@]}" apt-get -q update >/dev/null || fail "apt-get update failed"
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get -q install -y \
    --no-install-recommends "${missing[@]}" >"${TMPDIR:-/tmp}/rnnc-apt.log" 2>&1 ||
    fail "apt-get install failed; see ${TMPDIR:-/tmp}/rnnc-apt.log. LLVM 22 comes with bookworm's security updates"
}

# Configures and builds preset $1; further arguments are targets.
build() {
  local preset=$1
  shift
  (cd "$root" && cmake --preset "$preset" >"${TMPDIR:-/tmp}/rnnc-cmake.log" 2>&1) ||
    fail "cmake failed; see ${TMPDIR:-/tmp}/rnnc-cmake.log"
  cmake --build "$root/build/$preset" ${1:+--target "$@"} || fail "the build of '$preset' failed"
}
