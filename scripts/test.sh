#!/usr/bin/env bash
# Every check, on a fresh clone as well: set-up, format, definitions, build, unit tests, simulation,
# conformance. The last lines say how many tests there were.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/setup.sh python3 python3-venv
python="$(scripts/python_env.sh)"

echo "== format"
swift format lint --strict --parallel --recursive Package.swift Sources Tests

echo "== API definitions"
"$python" scripts/render_protos.py --check Sources/Server/API/Protos

scripts/build.sh temporal-server temporal-simulator temporal-bench tests

results="$(mktemp -d)"
trap 'rm -rf "$results"' EXIT

echo "== unit tests"
swift test -c release --skip-build 2>&1 | tee "$results/unit"

echo "== simulation"
scripts/simulate.sh | tee "$results/simulation"

echo "== conformance"
Tests/Conformance/run 2>&1 | tee "$results/conformance"

echo "== results"
echo "unit: $(grep -aE 'Test run with [0-9]+ tests? .*passed' "$results/unit" | tail -1 | sed 's/^[^T]*//')"
tail -1 "$results/simulation"
tail -1 "$results/conformance"
