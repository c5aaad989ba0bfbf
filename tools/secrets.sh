#!/usr/bin/env bash
# Makes the secret files of docker-compose.yml, once: tools/secrets.sh [FOLDER, default ./secrets]. Keeps what is there.
# Generated: passwords, keys, tokens. Left empty: what the providers give you; put it in, without a line end or with one.
#
# The folder is 0700, so nobody else on this machine gets in. The files are 0444, because a container sees the file
# itself, not the folder, and reads it as a user of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-${AMANA_SECRETS:-secrets}}
umask 077
mkdir -p "$folder"
chmod 700 "$folder"

random() { head -c "$1" /dev/urandom | base64 | tr -d '\n'; }
word() { random "$1" | tr '+/' '-_' | tr -d '='; }
keep() { # keep NAME VALUE
  [ -e "$folder/$1" ] || printf '%s' "$2" >"$folder/$1"
  chmod 444 "$folder/$1"
}

keep postgres_password "$(word 24)"
keep amana_database_url "postgresql://amana:$(cat "$folder/postgres_password")@db/amana"
keep amana_master_keys "k1:$(random 32)"
keep amana_index_key "$(random 32)"
keep amana_code_pepper "$(random 32)"
keep amana_internal_token "$(word 24)"
keep amana_rasa_token "$(word 24)"
keep amana_telegram_secret "$(word 24)"
keep amana_meta_verify_token "$(word 24)"
for name in amana_twilio_auth_token amana_meta_access_token amana_meta_app_secret amana_telegram_token; do keep "$name" ""; done
[ -e .env ] || { touch .env; echo "Made an empty .env: put your settings there (see .env.example)." >&2; }
echo "Secrets are in $folder. Keep amana_master_keys somewhere else too, apart from the backups." >&2
