#!/usr/bin/env bash
# Makes the Python environment of the conformance suite in .venv, exactly as
# Tests/Conformance/requirements.txt pins it. Does nothing when it is already there.
# Prints the path of the environment's Python interpreter.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
requirements="$root/Tests/Conformance/requirements.txt"
environment="${TEMPORAL_PYTHON_ENV:-$root/.venv}"
stamp="$environment/.requirements.sha256"
wanted="$(sha256sum "$requirements" | cut -d' ' -f1)"

if [[ -x "$environment/bin/python" && -f "$stamp" && "$(cat "$stamp")" == "$wanted" ]]; then
    echo "$environment/bin/python"
    exit 0
fi

base="${PYTHON:-python3}"
if ! command -v "$base" >/dev/null; then
    echo "python_env.sh: no $base on this machine; install python3 (3.10 or later) and python3-venv" >&2
    exit 1
fi
if ! "$base" -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
    echo "python_env.sh: $("$base" --version) is too old; 3.10 or later is needed (set PYTHON)" >&2
    exit 1
fi

# One environment at a time, however many test commands run.
exec 9<"$requirements"
flock 9
if [[ -x "$environment/bin/python" && -f "$stamp" && "$(cat "$stamp")" == "$wanted" ]]; then
    echo "$environment/bin/python"
    exit 0
fi

echo "python_env.sh: making $environment" >&2
rm -rf "$environment"
if ! "$base" -m venv "$environment" >&2; then
    echo "python_env.sh: '$base -m venv' failed; on Debian install python3-venv" >&2
    exit 1
fi
"$environment/bin/python" -m pip install --quiet --disable-pip-version-check \
    --no-input --requirement "$requirements" >&2
echo "$wanted" > "$stamp"
echo "$environment/bin/python"
