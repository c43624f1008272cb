#!/usr/bin/env bash
# Follows the README on a machine that has nothing: a fresh Debian 12 root (debootstrap, minbase, only `main`), this
# commit cloned into it, `./dev test [FILTER]` run there. On any Debian 12 machine, as root; about 2 GB of disk.
set -euo pipefail

usage="usage: tests/clean_root.sh [--keep] [--lint] [--ccache] [FILTER]
  --keep   leave the root directory for a look
  --lint   run .ci/run (lint and all tests) instead of ./dev test
  --ccache share what this machine remembers of compiling and of clang-tidy: far quicker, and no proof without it"
ccache=
keep=no command=(./dev test) root=
while (($#)); do
  case $1 in
    --keep) keep=yes ;;
    --lint) command=(.ci/run) ;;
    --ccache) ccache=$(ccache --get-config cache_dir) ;;
    --ccache-dir) ccache=$2; shift ;;
    -h | --help) echo "$usage"; exit 0 ;;
    --inside) root=$2; shift ;;
    -*) echo "$usage" >&2; exit 2 ;;
    *) command+=("$1") ;;
  esac
  shift
done
((EUID == 0)) || { echo "clean_root: needs root" >&2; exit 1; }
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

if [[ -z $root ]]; then
  command -v debootstrap >/dev/null || { echo "clean_root: apt-get install debootstrap" >&2; exit 1; }
  root=$(mktemp -d "${TMPDIR:-/tmp}/chronik-root.XXXXXX")
  chmod 755 "$root"
  [[ $keep == yes ]] && echo "clean_root: in $root" || trap 'rm -rf --one-file-system "$root"' EXIT
  arguments=("${command[@]:1}")
  [[ ${command[0]} == .ci/run ]] && arguments=(--lint "${arguments[@]}") || arguments=("${arguments[@]:1}")
  # In mount and process namespaces of its own: whatever happens, nothing stays mounted or running.
  [[ -z $ccache ]] || arguments=(--ccache-dir "$ccache" "${arguments[@]}")
  unshare --mount --pid --fork --kill-child "$0" --inside "$root" "${arguments[@]}"
  exit
fi

# The mirror and the way to it are this machine's own: a proxy, a certificate authority, name service.
mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 2>/dev/null | awk '$2 == "bookworm" { print $1; exit }')
debootstrap --variant=minbase bookworm "$root" "${mirror:-http://deb.debian.org/debian}" >"$root.log" 2>&1 || {
  tail -n 20 "$root.log" >&2
  exit 1
}
rm -f "$root.log"
apt-config dump | grep -E '^Acquire::(http|https|Retries|Check|ForceIPv)' >"$root/etc/apt/apt.conf.d/99host" || true
mkdir -p "$root/usr/local/share/ca-certificates"
cp -r /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates/"
cp /etc/resolv.conf /etc/hosts "$root/etc/"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
if [[ -n $ccache ]]; then
  mkdir -p "$root/root/.cache/ccache" "$root/root/.cache/chronik-tidy" "$HOME/.cache/chronik-tidy"
  mount --bind "$ccache" "$root/root/.cache/ccache"
  mount --bind "$HOME/.cache/chronik-tidy" "$root/root/.cache/chronik-tidy"
fi
git clone --quiet "$repo" "$root/chronik"

proxies=()
for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
  [[ -z ${!name:-} ]] || proxies+=("$name=${!name}")
done
echo "clean_root: ${command[*]}"
SECONDS=0 code=0
chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "${proxies[@]}" \
  bash -c 'cd /chronik && exec "$@"' - "${command[@]}" </dev/null || code=$?
echo "clean_root: exit code $code after $SECONDS s"
exit $code
