"""Google and OpenFGA are asked once for each token, and what they said is believed for a while."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import grpc

from Support.auth import Deployment, is_refusal, may_read, may_write, refused
from Support.errors import read_failure
from Support.raw import RawClient
from Support.sdk import eventually_sync

CALLERS = 50
SLACK = 2.0  # of a machine that does something else at the same time


def at_once(client: RawClient, namespace: str = "alpha") -> list[bool]:
    """What fifty concurrent calls of one caller get."""
    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(lambda _: may_read(client, namespace, 30), range(CALLERS)))


def asked(deployment: Deployment) -> int:
    """How many requests OpenFGA has got."""
    return deployment.openfga.count()


def test_concurrent_calls_share_one_call(deploy) -> None:
    deployment: Deployment = deploy()
    deployment.grant("readers", "reader", "alpha")
    token = deployment.token("anna@example.com", "readers")
    # Slow enough for all of them to come while the first one waits.
    deployment.google.break_with("slow", delay=0.5)
    assert all(at_once(deployment.client(token)))
    assert deployment.google.calls(token) == 1
    once = asked(deployment)
    other = deployment.token("berta@example.com", "readers")
    assert may_read(deployment.client(other), "alpha")
    assert once > 0 and asked(deployment) == 2 * once, "claims were resolved more than once"
    assert all(at_once(deployment.client(token)))
    assert deployment.google.calls(token) == 1 and asked(deployment) == 2 * once


def test_concurrent_calls_with_a_bad_token_share_one_call(deploy) -> None:
    deployment: Deployment = deploy()
    token = deployment.token("anna@example.com")
    deployment.google.revoke(token)
    deployment.google.break_with("slow", delay=0.5)
    assert not any(at_once(deployment.client(token)))
    assert deployment.google.calls(token) == 1 and asked(deployment) == 0


def test_other_connections_share_it_too(deploy) -> None:
    deployment: Deployment = deploy()
    deployment.grant("writers", "writer", "alpha", "beta")
    token = deployment.token("anna@example.com", "writers")
    for _ in range(5):
        client = deployment.client(token)
        assert may_write(client, "alpha") and may_write(client, "beta")
    assert deployment.google.calls(token) == 1


def test_what_anybody_may_call_asks_nobody(deploy) -> None:
    deployment: Deployment = deploy()
    deployment.google.break_with("hang")
    for token in (None, "ya29.unknown"):
        client = deployment.client(token)
        begin = time.monotonic()
        assert client.call("GetSystemInfo").server_version
        assert time.monotonic() - begin < SLACK
    assert deployment.google.count() == 0 and asked(deployment) == 0


def test_what_was_said_is_asked_again_after_its_age(deploy) -> None:
    deployment: Deployment = deploy(claimsMaxAge="2s")
    deployment.grant("readers", "reader", "alpha")
    token = deployment.token("anna@example.com", "readers")
    client = deployment.client(token)
    begin = time.monotonic()
    while deployment.google.calls(token) < 2:
        assert may_read(client, "alpha")
        assert time.monotonic() - begin < 2 + SLACK, "it was never asked again"
        time.sleep(0.05)
    assert time.monotonic() - begin >= 1.9, "it was asked again before its age"


def test_a_token_is_not_believed_after_its_own_expiry(deploy) -> None:
    deployment: Deployment = deploy(claimsMaxAge="60s")
    deployment.grant("readers", "reader", "alpha")
    token = deployment.token("anna@example.com", "readers", lifetime=3)
    client = deployment.client(token)
    assert may_read(client, "alpha")
    eventually_sync(lambda: not may_read(client, "alpha"), timeout=3 + SLACK)


def ends_within(deployment: Deployment, client: RawClient, age: float) -> None:
    """The access must end within the age, and not come back."""
    begin = time.monotonic()
    eventually_sync(lambda: not may_read(client, "alpha"), timeout=age + SLACK)
    assert time.monotonic() - begin < age + SLACK
    with refused():
        client.call("DescribeNamespace")


def test_revocation_at_google(deploy) -> None:
    deployment: Deployment = deploy(claimsMaxAge="1s")
    deployment.grant("readers", "reader", "alpha")
    token = deployment.token("anna@example.com", "readers")
    client = deployment.client(token)
    assert may_read(client, "alpha")
    deployment.google.revoke(token)
    ends_within(deployment, client, 1)


def test_revocation_of_a_membership_and_of_a_rule(deploy) -> None:
    deployment: Deployment = deploy(claimsMaxAge="1s")
    deployment.grant("readers", "reader", "alpha")
    deployment.grant("others", "reader", "alpha")
    first = deployment.client(deployment.token("anna@example.com", "readers"))
    second = deployment.client(deployment.token("berta@example.com", "others"))
    assert may_read(first, "alpha") and may_read(second, "alpha")
    deployment.leave("anna@example.com", "readers")
    ends_within(deployment, first, 1)
    assert may_read(second, "alpha")
    deployment.withdraw("others", "reader", "alpha")
    ends_within(deployment, second, 1)


def test_an_operator_who_is_one_no_longer(deploy) -> None:
    deployment: Deployment = deploy(claimsMaxAge="1s")
    client = deployment.client(deployment.token("anna@example.com", "operators"))
    assert may_write(client, "beta")
    deployment.leave("anna@example.com", "operators")
    eventually_sync(lambda: not may_read(client, "beta"), timeout=1 + SLACK)


def test_access_that_is_given_comes_within_the_age(deploy) -> None:
    deployment: Deployment = deploy(claimsMaxAge="1s")
    deployment.grant("readers", "reader", "alpha")
    client = deployment.client(deployment.token("anna@example.com"))
    assert not may_read(client, "alpha")
    deployment.join("anna@example.com", "readers")
    eventually_sync(lambda: may_read(client, "alpha"), timeout=1 + SLACK)


def test_openfga_is_asked_for_what_is_written_now(deploy) -> None:
    """OpenFGA may answer from its caches unless it is told not to."""
    deployment: Deployment = deploy()
    deployment.grant("readers", "reader", "alpha")
    assert may_read(
        deployment.client(deployment.token("anna@example.com", "readers")), "alpha")
    bodies = [body for path in ("/read", "/check", "/list-objects", "/streamed-list-objects")
              for body in deployment.openfga.bodies(path)]
    assert bodies and all(b.get("consistency") == "HIGHER_CONSISTENCY" for b in bodies), bodies


def test_tokens_of_one_person_are_separate(deploy) -> None:
    deployment: Deployment = deploy()
    deployment.grant("readers", "reader", "alpha")
    good = deployment.token("anna@example.com", "readers")
    bad = deployment.token("anna@example.com", scope="openid")
    for _ in range(3):
        assert may_read(deployment.client(good), "alpha")
        assert not may_read(deployment.client(bad), "alpha")


def test_tokens_that_begin_alike_are_separate(deploy) -> None:
    deployment: Deployment = deploy()
    deployment.grant("readers", "reader", "alpha")
    token = deployment.token("anna@example.com", "readers")
    assert may_read(deployment.client(token), "alpha")
    for other in (token[:-1], token + "x", token.swapcase()):
        assert not may_read(deployment.client(other), "alpha")


def test_a_thousand_tokens_are_no_burden(deploy) -> None:
    """The cache is bounded: whoever comes after many others is believed, and so are they."""
    deployment: Deployment = deploy()
    deployment.grant("readers", "reader", "alpha")
    first = deployment.client(deployment.token("anna@example.com", "readers"))
    assert may_read(first, "alpha")
    stranger = RawClient(deployment.server.address, "alpha")
    for number in range(1000):
        try:
            stranger.stub.DescribeNamespace(
                stranger.request("DescribeNamespace"), timeout=10,
                metadata=[("authorization", f"Bearer ya29.nobody-{number}")])
        except grpc.RpcError as error:
            assert is_refusal(read_failure(error)), error
        else:
            raise AssertionError("a stranger got in")
    stranger.close()
    assert may_read(first, "alpha")
    assert may_read(deployment.client(deployment.token("b@example.com", "readers")), "alpha")
