#!/bin/bash
# Runs the scenarios. With root, iproute2 and nftables they get namespaces of their own for network, mounts and processes:
# whatever they start and make ends with this program, and two runs never meet. Without, what needs hosts is skipped.
cd "$(dirname "$0")/../.." || exit 1

why_not() {
  [ "$(id -u)" = 0 ] || { echo 'this is not root'; return; }
  local each
  for each in ip ss nft unshare nsenter perl; do
    command -v "$each" >/dev/null || { echo "there is no program $each (packages iproute2, nftables, util-linux, perl-base)"; return; }
  done
  unshare --net --mount --pid --fork --mount-proc bash -c '
    ip link add cmtry type bridge && ip link add cmtry1 type veth peer name cmtry2 &&
    nft "table bridge cmtry { chain forward { type filter hook forward priority 0; }; }"' >/dev/null 2>&1 ||
    echo 'namespaces, veth, bridge or nft are not permitted'
}

# For newer-node.test.ts, which has no network to get it by itself: the path of a newer Node, or nothing.
newer_node() {
  local name
  name=$(node -p '`node-${process.platform}-${process.arch}`')
  (cd "$1" && timeout 100 npm pack "$name@24" --silent >/dev/null 2>&1 && tar -xzf "$name"-*.tgz package/bin/node) || return
  echo "$1/package/bin/node"
}

if [ "${1:-}" != --inside ]; then
  newer=$(mktemp -d "${TMPDIR:-/tmp}/caretmirror-node-XXXXXX")
  trap 'rm -rf "$newer"' EXIT
  case "$*" in '' | *newer-node*) export CARETMIRROR_NEWER_NODE=$(newer_node "$newer") ;; esac
  why=$(why_not)
  if [ -n "$why" ]; then
    echo "scenarios with hosts of their own are SKIPPED: $why"
    export CARETMIRROR_HOSTS="$why"
    node scripts/jest.mjs --config test/cluster/jest.config.mjs "$@"
    exit
  fi
  export CARETMIRROR_HOSTS=possible
  unshare --net --mount --pid --fork --mount-proc --kill-child "$0" --inside "$@"
  exit
fi

# As the first process of its namespace this shell inherits every daemon, and buries it when it ends.
shift
trap 'exit 130' INT TERM
mkdir -p /run/netns && mount -t tmpfs none /run/netns && ip link set lo up || exit 1
node scripts/jest.mjs --config test/cluster/jest.config.mjs "$@"
code=$?
exit "$code"
