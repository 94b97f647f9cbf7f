"""Google or OpenFGA away: nobody gets in by it, nobody hangs, and those who are in go on."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest

from Support.auth import Deployment, may_read, may_write
from Support.errors import RPCFailure, read_failure
from Support.raw import RawClient
from Support.sdk import eventually_sync
from Support.stand_in import StandIn

DEADLINE = 1.0
SLACK = 3.0  # retries, and a machine that does something else at the same time
FAULTS = ("hang", "garbage", "error", "close", "refuse")
SERVICES = ("google", "openfga")


def answer(client: RawClient, namespace: str = "alpha", timeout: float = 20) -> RPCFailure:
    try:
        client.call("DescribeNamespace", timeout=timeout, namespace=namespace)
    except grpc.RpcError as error:
        return read_failure(error)
    return RPCFailure(code="OK")


def service(deployment: Deployment, name: str) -> StandIn:
    return deployment.google if name == "google" else deployment.openfga


def break_it(which: StandIn, fault: str) -> None:
    if fault == "refuse":
        which.stop()
    else:
        which.break_with(fault)


def mend_it(which: StandIn, fault: str) -> None:
    if fault == "refuse":
        which.start()
    else:
        which.repair()


def make(deploy: Any, **auth: Any) -> Deployment:
    deployment: Deployment = deploy(**{"timeout": f"{DEADLINE}s", **auth})
    deployment.grant("writers", "writer", "alpha")
    return deployment


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", SERVICES)
def test_outage(deploy, name: str, fault: str) -> None:
    deployment = make(deploy)
    known = deployment.client(deployment.token("anna@example.com", "writers"))
    unknown = deployment.client(deployment.token("berta@example.com", "writers"))
    assert may_write(known, "alpha")
    which = service(deployment, name)
    break_it(which, fault)
    with ThreadPoolExecutor(1) as pool:
        begin = time.monotonic()
        waiting = pool.submit(answer, unknown)
        while not waiting.done():
            asked = time.monotonic()
            assert may_write(known, "alpha"), "who was in must go on"
            assert time.monotonic() - asked < 1, "who was in must not wait"
        took = time.monotonic() - begin
    assert waiting.result().code == "UNAVAILABLE", waiting.result()
    assert took < DEADLINE + SLACK, f"it took {took} s"
    mend_it(which, fault)
    eventually_sync(lambda: answer(unknown).code == "OK", timeout=20)


@pytest.mark.parametrize("name", SERVICES)
def test_an_outage_does_not_outlive_the_age(deploy, name: str) -> None:
    """What was said before is believed for its age and no longer."""
    deployment = make(deploy, claimsMaxAge="2s")
    client = deployment.client(deployment.token("anna@example.com", "writers"))
    begin = time.monotonic()
    assert may_write(client, "alpha")
    service(deployment, name).break_with("error")
    while time.monotonic() - begin < 1.5:
        assert may_write(client, "alpha")
    eventually_sync(lambda: answer(client).code == "UNAVAILABLE", timeout=2 + SLACK)
    service(deployment, name).repair()
    eventually_sync(lambda: may_read(client, "alpha", 20), timeout=20)


def test_one_token_that_hangs_is_alone(deploy) -> None:
    deployment = make(deploy)
    stuck = deployment.token("anna@example.com", "writers")
    deployment.google.break_with("hang", lambda request: request.bearer == stuck)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(answer, deployment.client(stuck))
        for number in range(5):  # new ones too
            begin = time.monotonic()
            token = deployment.token(f"p{number}@example.com", "writers")
            assert may_write(deployment.client(token), "alpha")
            assert time.monotonic() - begin < 1
        assert waiting.result().code == "UNAVAILABLE"


def test_a_caller_who_gives_up_does_not_wait_for_google(deploy) -> None:
    deployment = make(deploy, timeout="30s")
    client = deployment.client(deployment.token("anna@example.com", "writers"))
    deployment.google.break_with("hang")
    begin = time.monotonic()
    assert answer(client, timeout=1).code in ("DEADLINE_EXCEEDED", "UNAVAILABLE")
    assert time.monotonic() - begin < 1 + SLACK
    deployment.google.repair()
    assert answer(client).code == "OK"


def test_who_google_does_not_know_is_refused_and_not_put_off(deploy) -> None:
    """A 400 is an answer, not an outage: it is not asked again, and does not open the breaker."""
    deployment = make(deploy)
    for _ in range(30):
        token = deployment.token("mallory@example.com")
        deployment.google.revoke(token)
        assert not may_read(deployment.client(token), "alpha")
        assert deployment.google.calls(token) == 1
    assert may_read(
        deployment.client(deployment.token("anna@example.com", "writers")), "alpha")


@pytest.mark.parametrize("name", SERVICES)
def test_retries_are_bounded(deploy, name: str) -> None:
    deployment = make(deploy)
    which = service(deployment, name)
    client = deployment.client(deployment.token("anna@example.com", "writers"))
    which.break_with("error")
    which.forget()
    assert answer(client).code == "UNAVAILABLE"
    assert 1 <= which.count() <= 5, f"{which.count()} requests for one call"


@pytest.mark.parametrize("name", SERVICES)
def test_a_single_failure_is_not_noticed(deploy, name: str) -> None:
    """Reads are tried again within the deadline."""
    deployment = make(deploy, timeout="5s")
    which = service(deployment, name)
    seen: list[int] = []

    def first_only(request: object) -> bool:
        seen.append(1)
        return len(seen) == 1

    which.break_with("error", first_only)
    token = deployment.token("anna@example.com", "writers")
    assert may_write(deployment.client(token), "alpha") and len(seen) > 1


@pytest.mark.parametrize("name", SERVICES)
def test_the_breaker_spares_who_is_down(deploy, name: str) -> None:
    """After many failures most calls are answered at once and ask nobody; later it is tried."""
    deployment = make(deploy)
    which = service(deployment, name)
    which.break_with("error")
    for number in range(40):
        token = deployment.token(f"p{number}@example.com", "writers")
        assert answer(deployment.client(token)).code == "UNAVAILABLE"
    which.forget()
    begin = time.monotonic()
    for number in range(40):
        token = deployment.token(f"q{number}@example.com", "writers")
        assert answer(deployment.client(token)).code == "UNAVAILABLE"
    assert time.monotonic() - begin < 10
    assert which.count() < 20, f"{which.count()} requests for 40 calls to who is down"
    which.repair()
    last = deployment.client(deployment.token("anna@example.com", "writers"))
    eventually_sync(lambda: answer(last).code == "OK", timeout=60)


@pytest.mark.parametrize("kind", ["another key", "no such store"])
def test_an_openfga_that_does_not_know_us_lets_nobody_in(deploy, kind: str) -> None:
    """A mistake of the operator is no reason to let somebody in, operators included."""
    deployment: Deployment = deploy(openfga_key="preshared", claimsMaxAge="1s")
    deployment.grant("writers", "writer", "alpha")
    people = [deployment.client(deployment.token(f"{group}@example.com", group))
              for group in ("writers", "operators")]
    assert all(may_write(person, "alpha") for person in people)
    if kind == "another key":
        deployment.openfga.key = "another"
    else:
        del deployment.openfga.stores[deployment.store.id]
    time.sleep(1.1)
    for person in people:
        assert answer(person).code in ("UNAVAILABLE", "PERMISSION_DENIED")


def test_the_key_for_openfga_is_sent_and_not_logged(deploy) -> None:
    deployment: Deployment = deploy(openfga_key="preshared-key-of-openfga", log_level="debug")
    deployment.grant("writers", "writer", "alpha")
    token = deployment.token("anna@example.com", "writers")
    assert may_write(deployment.client(token), "alpha")
    assert {request.bearer for request in deployment.openfga.requests} == {
        "preshared-key-of-openfga"}
    assert "preshared-key-of-openfga" not in deployment.server.log


def test_a_redirect_takes_no_token_elsewhere(deploy) -> None:
    deployment = make(deploy)
    elsewhere = deployment.openfga
    deployment.google.break_with("redirect", location=elsewhere.url + "/stores")
    elsewhere.forget()
    token = deployment.token("anna@example.com", "writers")
    assert answer(deployment.client(token)).code in ("UNAVAILABLE", "PERMISSION_DENIED")
    assert not any(token in str(request.headers) for request in elsewhere.requests)


def test_a_server_starts_without_google_and_openfga(deploy) -> None:
    """Both may come later; until then nobody new gets in."""
    deployment: Deployment = deploy(start=False, timeout=f"{DEADLINE}s")
    deployment.grant("writers", "writer", "alpha")
    deployment.google.stop()
    deployment.openfga.stop()
    deployment.start()
    client = deployment.client(deployment.token("anna@example.com", "writers"))
    assert answer(client).code == "UNAVAILABLE"
    deployment.google.start()
    deployment.openfga.start()
    eventually_sync(lambda: answer(client).code == "OK", timeout=60)
