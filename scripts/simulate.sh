#!/usr/bin/env bash
# Runs seeds twice, in two processes each, and compares the hashes of their traces; then a range of
# further seeds once. Arguments: seeds; without any, the first ten.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

seeds=("$@")
if [[ ${#seeds[@]} -eq 0 ]]; then seeds=(1 2 3 4 5 6 7 8 9 10); fi
simulator=.build/release/temporal-simulator
for seed in "${seeds[@]}"; do
    first="$("$simulator" --seed "$seed")"
    second="$("$simulator" --seed "$seed")"
    if [[ "$first" != "$second" ]]; then
        printf 'seed %s ran differently:\n%s\n%s\n' "$seed" "$first" "$second" >&2
        exit 1
    fi
    echo "$first" | tail -1
done
"$simulator" --seeds 11..150 | tail -1
echo "simulation: ${#seeds[@]} seeds passed, each the same in two processes"
