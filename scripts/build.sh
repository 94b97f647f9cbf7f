#!/usr/bin/env bash
# Builds products in release configuration: scripts/build.sh temporal-server temporal-simulator …
# "tests" stands for the bundle of all unit tests.
#
# SwiftPM keeps one build database for the tools that plugins run (protoc, four minutes of C++) and
# one for everything else. Each takes what the other built for changed and builds it again, at every
# invocation. So the tools are built first, and both start from the same records.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

flags=(-c release --explicit-target-dependency-import-check error)
main=.build/build.db
tools=.build/plugin-tools.db

if [[ ! -e "$main" ]]; then
    echo "== build tools"
    swift build "${flags[@]}" --product temporal-server --print-manifest-job-graph >/dev/null
    cp "$tools" "$main"
fi
for product in "$@"; do
    if [[ "$product" == tests ]]; then product=temporal-serverPackageTests; fi
    echo "== build $product"
    swift build "${flags[@]}" --product "$product"
    cp "$main" "$tools"
done
