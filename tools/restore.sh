#!/usr/bin/env bash
# Puts a backup of tools/backup.sh back into the composed database: tools/restore.sh <time>|latest
#
# Replaces what is there. Whoever was erased since the backup stays erased: by backups/erased.txt and, while the
# present database still answers, by what is missing in it.
set -euo pipefail
cd "$(dirname "$0")/.."
umask 077
folder=${BACKUPS:-backups}
name=$(basename "${1:?which one? tools/restore.sh <time>, or latest. There are: $(ls "$folder" 2>/dev/null | tr '\n' ' ')}" .dump)
[ "$name" != latest ] || name=$(basename "$(ls "$folder"/*.dump | tail -1)" .dump)
for file in "$folder/$name.dump" "$folder/keys/$name.dump"; do
  [ -r "$file" ] || { echo "$file is missing: rows and keys are only of use together." >&2; exit 1; }
done

in_db() { # the password stays inside the container
  tools/compose.sh exec -T db sh -c 'PGPASSWORD=$(cat /run/secrets/postgres_password) exec "$@"' sh "$@"
}
sql() { in_db psql -XAtq -v ON_ERROR_STOP=1 -U amana "$@"; }

present=$(sql amana -c 'SELECT id FROM vault.data_keys' </dev/null 2>/dev/null) && known=yes || known=""
echo "Stopping what writes" >&2
tools/compose.sh stop web worker >/dev/null 2>&1
sql postgres -c 'DROP DATABASE IF EXISTS amana WITH (FORCE)' </dev/null
sql postgres -c 'CREATE DATABASE amana' </dev/null
in_db pg_restore -U amana --exit-on-error -d amana <"$folder/keys/$name.dump"
in_db pg_restore -U amana --exit-on-error -d amana <"$folder/$name.dump"

# A destroyed key becomes an empty one: nothing opens any more, and no row that points at it has to be guessed at here.
# The index of its address goes too: whoever held the index key could find a number by it.
{
  echo 'CREATE TEMP TABLE erased (id uuid);'
  echo 'COPY erased FROM STDIN;'
  cat "$folder/erased.txt" 2>/dev/null || true
  if [ -n "$known" ]; then LC_ALL=C comm -23 <(sql amana -c 'SELECT id FROM vault.data_keys' </dev/null | sort -u) <(sort -u <<<"$present"); fi
  echo '\.'
  echo "UPDATE vault.data_keys SET wrapped = '' WHERE id IN (SELECT id FROM erased);"
  echo "UPDATE addresses SET index = decode(md5(gen_random_uuid()::text), 'hex') WHERE key_id IN (SELECT id FROM erased);"
} | sql amana
tools/compose.sh up -d migrate web worker >/dev/null 2>&1
echo "Restored $name."
