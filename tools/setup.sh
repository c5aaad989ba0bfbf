#!/usr/bin/env bash
# Builds what Amana needs in this folder and nowhere else: .venv (Python 3.12), bot/.venv (Python 3.10), the Rasa model.
#
#   tools/setup.sh            everything (what `make setup` runs)
#   tools/setup.sh handoff    only .venv
#   tools/setup.sh bot        only bot/.venv
#   tools/setup.sh model      only the model, trained when its inputs changed
#   tools/setup.sh uv         only prints the path of uv
#
# Every step is skipped when its inputs are those of the last time (a stamp file keeps their hash).
set -euo pipefail
cd "$(dirname "$0")/.."
export UV_PYTHON_PREFERENCE=system UV_NO_CONFIG=1 PYTHONDONTWRITEBYTECODE=1

say() { if [ -t 2 ]; then printf '\033[1m==>\033[0m %s\n' "$*"; else printf '==> %s\n' "$*"; fi >&2; }
stop() { printf '\nSet-up stopped: %s\n' "$*" >&2; exit 1; }

# Runs a command and shows that it lives: its own output on a terminal, a line every ten seconds elsewhere.
with_progress() {
  local what=$1 began=$SECONDS pid status=0; shift
  say "$what"
  if [ -t 2 ]; then "$@" || status=$?; else
    "$@" & pid=$!
    trap 'kill "$pid" 2>/dev/null; exit 130' INT TERM
    while kill -0 "$pid" 2>/dev/null; do
      for _ in 1 2 3 4 5 6 7 8 9 10; do sleep 1; kill -0 "$pid" 2>/dev/null || break 2; done
      printf '    … %s s\n' "$((SECONDS - began))" >&2
    done
    wait "$pid" || status=$?
    trap - INT TERM
  fi
  [ "$status" -eq 0 ] && printf '    done in %s s\n' "$((SECONDS - began))" >&2
  return "$status"
}

works() { "$1" -c "import sys; raise SystemExit('%d.%d' % sys.version_info[:2] != '$2')" >/dev/null 2>&1; }

# Prints a Python of the minor version: from PATH, from pyenv, else fetched by uv.
find_python() {
  local minor=$1 candidate
  for candidate in "python$minor" $(ls -d "$HOME"/.pyenv/versions/"$minor".*/bin/python 2>/dev/null | sort -rV); do
    works "$candidate" "$minor" && { "$candidate" -c 'import sys; print(sys.executable)'; return; }
  done
  with_progress "Fetching Python $minor (none on PATH or under ~/.pyenv)" "$(find_uv)" python install "$minor" >&2 ||
    stop "there is no Python $minor here and it could not be fetched. Install it (python.org, pyenv or your system's packages) and run the same command again."
  "$(find_uv)" python find "$minor"
}

# Prints uv: from PATH, else one of our own in .setup.
find_uv() {
  if uv --version >/dev/null 2>&1; then command -v uv; return; fi
  if [ ! -x .setup/bin/uv ]; then
    local python
    for python in python3 python3.12 python3.10; do
      "$python" -c 'import sys, venv, ensurepip; raise SystemExit(sys.version_info < (3, 8))' 2>/dev/null && break
      python=""
    done
    [ -n "$python" ] || stop "there is no Python 3 with venv on PATH. Install python3 and python3-venv, or uv (https://docs.astral.sh/uv)."
    say "Installing uv, which installs everything else, into .setup"
    "$python" -m venv .setup && .setup/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tools/uv.lock ||
      stop "uv could not be installed. Is there a Python package index in reach? (pip's own settings and PIP_INDEX_URL are used.)"
  fi
  printf '%s\n' "$PWD/.setup/bin/uv"
}

hash_of() { # hash_of FILES… : one hash over names and contents
  find "$@" -type f -not -path '*/__pycache__/*' -not -name '*.pyc' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1
}

# environment FOLDER MINOR LOCK WHAT EXTRA-INPUT… : a hash-locked environment; 0 when it changed, 1 when nothing to do.
environment() {
  local folder=$1 minor=$2 lock=$3 what=$4 hash; shift 4
  hash="$minor $(hash_of "$lock" "$@")"
  [ "$(cat "$folder/.stamp" 2>/dev/null)" = "$hash" ] && works "$folder/bin/python" "$minor" && return 1
  local uv; uv=$(find_uv)
  works "$folder/bin/python" "$minor" || "$uv" venv --quiet --clear --python "$(find_python "$minor")" "$folder" ||
    stop "the environment $folder could not be made."
  with_progress "Installing $what" "$uv" pip sync --compile-bytecode --python "$folder/bin/python" --require-hashes "$lock" ||
    stop "the packages of $lock could not be installed; the lines above say which. Is there a Python package index in reach?"
  PENDING_STAMP=$hash
}

setup_handoff() {
  environment .venv 3.12 requirements-dev.lock "the service's packages into .venv (about 0.5 GB)" pyproject.toml || return 0
  "$(find_uv)" pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation \
    --config-settings editable_mode=compat --editable . ||
    stop "the project itself could not be installed into .venv."
  # Compiled beforehand: else each start of a program compiles all that it imports, which takes seconds.
  .venv/bin/python -m compileall -q handoff channels
  printf '%s' "$PENDING_STAMP" >.venv/.stamp
}

setup_bot() {
  environment bot/.venv 3.10 bot/requirements.lock "Rasa and its packages into bot/.venv (about 0.7 GB; this is the long one)" || return 0
  printf '%s' "$PENDING_STAMP" >bot/.venv/.stamp
}

setup_model() { # train.py compares the inputs itself; it talks in lines that begin with "assistant:", Rasa in many others
  mkdir -p bot/models
  if ! bot/.venv/bin/python bot/train.py 2>bot/models/train.log | { grep --line-buffered '^assistant:' || true; } >&2; then
    tail -n 20 bot/models/train.log >&2
    stop "the model could not be trained; the lines above say why, bot/models/train.log says more."
  fi
}

case "${1:-all}" in
  handoff) setup_handoff ;;
  bot) setup_bot ;;
  model) setup_model ;;
  uv) find_uv ;;
  all)
    setup_handoff
    setup_bot
    setup_model
    ;;
  *) sed -n '2,10p' "$0"; exit 2 ;;
esac
