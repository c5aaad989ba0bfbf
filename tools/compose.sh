#!/usr/bin/env bash
# `docker compose` where it exists, else docker-compose 1.29. From the top folder.
set -euo pipefail
cd "$(dirname "$0")/.."
if docker compose version >/dev/null 2>&1; then exec docker compose "$@"; fi
command -v docker-compose >/dev/null || { echo "Neither 'docker compose' nor docker-compose is installed." >&2; exit 1; }
exec docker-compose "$@"
