# Sourced by tools/demo and tools/test: makes .venv with this checkout installed, once.
# Usage: make_environment EXTRAS, where EXTRAS is empty or like "[test]".

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv

make_environment() {
  local python=${PYTHON:-python3} stamp
  stamp="$1 $(cat "$root/pyproject.toml" "$root/tools/constraints.txt" | cksum)"
  if [[ -f $venv/stamp && $(cat "$venv/stamp") == "$stamp" ]]; then
    return
  fi
  if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "$python is $("$python" --version 2>&1), expected Python 3.11 or newer; set PYTHON=/path/to/python3" >&2
    exit 2
  fi
  if [[ ! -x $venv/bin/python ]] && ! "$python" -m venv "$venv"; then
    echo "$python cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2
    exit 2
  fi
  echo "installing into $venv ..." >&2
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --constraint "$root/tools/constraints.txt" --editable "$root$1"
  echo "$stamp" >"$venv/stamp"
}
