#!/usr/bin/env bash
# Dumps the composed database: backups/<time>.dump, and apart from it the keys: backups/keys/<time>.dump.
#
# Without the keys a dump is unreadable, so erasing a key erases a person from every dump. That is why the keys are
# apart, and kept shorter: AMANA_KEY_BACKUP_DAYS (14). Store backups/keys somewhere else than backups/, and
# AMANA_MASTER_KEYS with neither. backups/erased.txt lists the random ids of destroyed keys; restore.sh applies it.
set -euo pipefail
cd "$(dirname "$0")/.."
umask 077
folder=${BACKUPS:-backups}
now=$(date -u +%Y%m%dT%H%M%SZ)
mkdir -p "$folder/keys"

in_db() { # the password stays inside the container
  tools/compose.sh exec -T db sh -c 'PGPASSWORD=$(cat /run/secrets/postgres_password) exec "$@"' sh "$@"
}

# One snapshot for both dumps, held open by a session: no row without its key, no key without its row.
coproc HOLD { in_db psql -XAtq -v ON_ERROR_STOP=1 -U amana amana; }
printf 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;\nSELECT pg_export_snapshot();\n' >&"${HOLD[1]}"
read -r -t 30 snapshot <&"${HOLD[0]}"
in_db pg_dump -U amana --snapshot="$snapshot" -Fc --schema=vault amana >"$folder/keys/$now.dump"
in_db pg_dump -U amana --snapshot="$snapshot" -Fc --exclude-schema=vault amana >"$folder/$now.dump"
printf 'SELECT id FROM vault.data_keys ORDER BY id;\n\\echo end\n' >&"${HOLD[1]}"
ids=$(while read -r -t 60 line <&"${HOLD[0]}" && [ "$line" != end ]; do echo "$line"; done)
printf 'ROLLBACK;\n\\q\n' >&"${HOLD[1]}"
wait "$HOLD_PID" 2>/dev/null || true

# What was a key at the last backup and is none now has been erased.
touch "$folder/keys/ids.txt" "$folder/erased.txt"
LC_ALL=C comm -23 <(sort -u "$folder/keys/ids.txt") <(sort -u <<<"$ids") | sort -u - "$folder/erased.txt" -o "$folder/erased.txt"
printf '%s\n' "$ids" >"$folder/keys/ids.txt"
find "$folder/keys" -name '*.dump' -mtime "+${AMANA_KEY_BACKUP_DAYS:-14}" -delete
echo "Backed up to $folder/$now.dump and $folder/keys/$now.dump ($(grep -c . <<<"$ids" || true) keys)"
