#!/usr/bin/env bash
# Every check, on a fresh clone as well: set-up, format, definitions, build, unit tests, simulation,
# conformance, faults. The last lines say how many tests there were.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/setup.sh python3 python3-venv openssl postgresql
python="$(scripts/python_env.sh)"

echo "== format"
swift format lint --strict --parallel --recursive Package.swift Sources Tests

echo "== API definitions"
"$python" scripts/render_protos.py --check Sources/Server/API/Protos

scripts/build.sh temporal-server temporal-simulator temporal-bench tests

results="$(mktemp -d)"
# The database server runs as a user of its own.
chmod 755 "$results"
finish() {
    if [[ -e "$results/postgres" ]]; then scripts/postgres.sh stop "$results/postgres"; fi
    rm -rf "$results"
}
trap finish EXIT

echo "== PostgreSQL"
TEMPORAL_TEST_POSTGRESQL="$(scripts/postgres.sh start "$results/postgres")"
export TEMPORAL_TEST_POSTGRESQL
echo "$TEMPORAL_TEST_POSTGRESQL"

echo "== unit tests"
swift test -c release --skip-build 2>&1 | tee "$results/unit"

echo "== simulation"
scripts/simulate.sh | tee "$results/simulation"

echo "== conformance"
Tests/Conformance/run 2>&1 | tee "$results/conformance"

# What differs with the store: what is written, read back, listed, and found after an end.
echo "== conformance on PostgreSQL"
Tests/Conformance/run --store postgresql Server/test_schema.py Visibility Namespace \
    Workflow/test_histories.py Restart/test_database_restarts.py Restart/test_kill.py \
    Restart/test_shutdown.py \
    2>&1 | tee "$results/conformance-postgresql"

echo "== faults"
Tests/Faults/run --checks 2>&1 | tee "$results/faults-checks"
Tests/Faults/run --store sqlite --seconds 25 2>&1 | tee "$results/faults-sqlite"
Tests/Faults/run --store postgresql --seconds 28 2>&1 | tee "$results/faults-postgresql"

echo "== results"
echo "unit: $(grep -aE 'Test run with [0-9]+ tests? .*passed' "$results/unit" | tail -1 | sed 's/^[^T]*//')"
tail -1 "$results/simulation"
tail -1 "$results/conformance"
tail -1 "$results/conformance-postgresql"
echo "checks of the faults: $(tail -1 "$results/faults-checks" | tr -d '=' | xargs)"
tail -1 "$results/faults-sqlite"
tail -1 "$results/faults-postgresql"
