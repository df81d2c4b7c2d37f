#!/usr/bin/env bash
# Installs what the build lacks: RocksDB needs a C++ compiler, and libclang to read its header. Says so before it does
# anything, and does nothing when nothing is missing. With --dry-run it only says.
set -euo pipefail

dry_run=false
[[ ${1:-} == --dry-run ]] && dry_run=true

say() { printf 'bootstrap: %s\n' "$*" >&2; }

have() { command -v "$1" >/dev/null 2>&1; }

exists() { compgen -G "$1" >/dev/null; }

have_cxx() { [[ -n ${CXX:-} ]] || have c++ || have g++ || have clang++; }

# The places in which bindgen looks, or the folder that it was told to look in.
have_libclang() {
    if [[ -n ${LIBCLANG_PATH:-} ]]; then
        [[ -f $LIBCLANG_PATH ]] || exists "$LIBCLANG_PATH/libclang*"
        return
    fi
    local pattern
    for pattern in /usr/lib/llvm*/lib /usr/lib /usr/lib64 /usr/lib/*-linux-gnu* /usr/local/lib /usr/lib64/llvm*/lib* \
        /Library/Developer/CommandLineTools/usr/lib /opt/homebrew/opt/llvm/lib; do
        exists "$pattern/libclang.so*" || exists "$pattern/libclang-[0-9]*.so*" || exists "$pattern/libclang.dylib" && return
    done
    return 1
}

# libclang alone cannot read <stddef.h>: that header comes with clang, or from gcc where bindgen is told so.
have_clang_headers() {
    [[ -n ${BINDGEN_EXTRA_CLANG_ARGS:-} ]] || [[ $(uname -s) == Darwin ]] && return
    local pattern
    for pattern in '/usr/lib/llvm*/lib/clang' /usr/lib/clang /usr/lib64/clang /usr/local/lib/clang; do
        exists "$pattern/*/include/stddef.h" && return
    done
    return 1
}

if ! have cargo; then
    say "Rust is missing; install it from https://rustup.rs and run this again"
    exit 1
fi

missing=()
have_cxx || missing+=("a C++ compiler")
{ have_libclang && have_clang_headers; } || missing+=("libclang")
((${#missing[@]} == 0)) && exit 0

list=$(printf ' and %s' "${missing[@]}")
say "the build of RocksDB lacks${list# and}"

by_hand() {
    say "$1"
    say "install by hand: a C++ compiler (g++ or clang++) and libclang with its headers"
    say "  Debian, Ubuntu   apt-get install g++ libclang-dev"
    say "  Fedora           dnf install gcc-c++ clang-devel"
    say "  Arch             pacman -S gcc clang"
    say "  Alpine           apk add g++ clang-dev"
    say "  without root     pip install libclang, then set LIBCLANG_PATH to the folder that holds libclang.so and"
    say "                   BINDGEN_EXTRA_CLANG_ARGS=-I<folder of gcc's stddef.h>"
    exit 1
}

have apt-get || by_hand "there is no apt-get here"
as_root=()
if ((EUID != 0)); then
    have sudo || by_hand "installing needs root, and there is no sudo"
    as_root=(sudo)
fi

# The leanest set is the library and its headers, of the version that the release calls its own.
libclang_packages() {
    local version
    version=$(apt-cache depends libclang-dev 2>/dev/null | sed -n 's/.*Depends: libclang-\([0-9]*\)-dev.*/\1/p' | head -n 1)
    if [[ -n $version ]] && apt-cache show "libclang1-$version" "libclang-common-$version-dev" >/dev/null 2>&1; then
        echo "libclang1-$version libclang-common-$version-dev"
    else
        echo libclang-dev
    fi
}

install_missing() {
    local packages=() found=() item
    for item in "${missing[@]}"; do
        if [[ $item == libclang ]]; then
            read -ra found <<<"$(libclang_packages)"
            packages+=("${found[@]}")
        else
            packages+=(g++)
        fi
    done
    say "installing with apt-get: ${packages[*]}"
    $dry_run && exit 0
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${packages[@]}" >&2
}

if ! apt-cache show libclang-dev >/dev/null 2>&1; then
    say "reading the list of packages first (apt-get update)"
    $dry_run || "${as_root[@]}" apt-get update -qq >&2 || say "the list could not be read"
fi
# In a subshell, so that a failure can be answered. The list may be older than the packages it points to.
if ! (install_missing); then
    say "that failed; reading the list of packages again"
    "${as_root[@]}" apt-get update -qq >&2 || say "the list could not be read"
    (install_missing) || by_hand "apt-get could not install what is missing"
fi
$dry_run && exit 0
{ have_cxx && have_libclang && have_clang_headers; } || by_hand "apt-get ran, but something is still missing"
say "done"
