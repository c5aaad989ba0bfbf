#!/bin/sh
# The assistant reads its two tokens from its environment; a server hands them over as files.
set -eu
for name in AMANA_RASA_TOKEN AMANA_INTERNAL_TOKEN; do
  file="${AMANA_SECRETS_DIR:-/run/secrets}/$(echo "$name" | tr 'A-Z' 'a-z')"
  [ -r "$file" ] || { echo "$file is missing or not readable by user $(id -u)" >&2; exit 1; }
  value=$(cat "$file")
  [ -n "$value" ] || { echo "$file is empty" >&2; exit 1; }
  export "$name=$value"
done
exec python /app/bot/run.py "$@"
