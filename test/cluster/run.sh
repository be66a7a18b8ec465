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

if [ "${1:-}" != --inside ]; then
  why=$(why_not)
  if [ -n "$why" ]; then
    echo "scenarios with hosts of their own are SKIPPED: $why"
    export CARETMIRROR_HOSTS="$why"
    exec node scripts/jest.mjs --config test/cluster/jest.config.mjs "$@"
  fi
  export CARETMIRROR_HOSTS=possible
  exec unshare --net --mount --pid --fork --mount-proc --kill-child "$0" --inside "$@"
fi

# As the first process of its namespace this shell inherits every daemon, and buries it when it ends.
shift
trap 'exit 130' INT TERM
mkdir -p /run/netns && mount -t tmpfs none /run/netns && ip link set lo up || exit 1
node scripts/jest.mjs --config test/cluster/jest.config.mjs "$@"
code=$?
exit "$code"
