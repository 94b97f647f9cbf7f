#!/usr/bin/env bash
# Measures how long the built server takes from its start to its first answered RPC.
# Arguments go to `server start-dev`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python="$(scripts/python_env.sh)"
exec "$python" - "$@" <<'PYTHON'
import socket, subprocess, sys, tempfile, time
import grpc
from temporalio.api.workflowservice import v1 as ws

def once(flags):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    begin = time.monotonic()
    process = subprocess.Popen(
        [".build/release/temporal-server", "server", "start-dev", "--port", str(port), *flags],
        stdout=subprocess.DEVNULL)
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.001)
        listening = time.monotonic() - begin
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = ws.WorkflowServiceStub(channel)
            stub.GetSystemInfo(ws.GetSystemInfoRequest(), timeout=10, wait_for_ready=True)
        return listening, time.monotonic() - begin
    finally:
        process.terminate()
        process.wait()

runs = [once(sys.argv[1:]) for _ in range(5)]
for listening, served in runs:
    print(f"listening after {listening * 1000:.0f} ms, first RPC after {served * 1000:.0f} ms")
print(f"best: {min(served for _, served in runs) * 1000:.0f} ms")
PYTHON
