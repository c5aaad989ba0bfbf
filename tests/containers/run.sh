#!/usr/bin/env bash
# `make containers-test`: builds the images, starts the stack of docker-compose.yml beside a stand-in provider, and checks
# it from outside (check.py). Needs Docker. Removes everything it made; KEEP=1 leaves the stack running.
set -euo pipefail
cd "$(dirname "$0")/../.."
docker info >/dev/null 2>&1 || { echo "Docker does not answer here: start it, or set DOCKER_HOST." >&2; exit 1; }

work=$(mktemp -d)
export AMANA_SECRETS=$work/secrets AMANA_PUBLISH=127.0.0.1:18000 COMPOSE_PROJECT_NAME=amana-test BACKUPS=$work/backups
export COMPOSE_FILE=docker-compose.yml:tests/containers/docker-compose.test.yml
made_env=""
[ -e .env ] || made_env=yes
clean_up() {
  [ -n "${KEEP:-}" ] || tools/compose.sh down --volumes --timeout 5 >/dev/null 2>&1 || true
  rm -rf "$work"
  [ -z "$made_env" ] || rm -f .env
}
trap clean_up EXIT

tools/secrets.sh "$AMANA_SECRETS"
chmod 644 "$AMANA_SECRETS/amana_twilio_auth_token"
head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$AMANA_SECRETS/amana_twilio_auth_token"

echo "== building (several minutes the first time)"
tools/compose.sh build web bot
echo "== starting"
tools/compose.sh up -d
python3 tests/containers/check.py
