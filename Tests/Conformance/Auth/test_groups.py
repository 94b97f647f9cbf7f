"""From OpenFGA's tuples to roles: many pages, the strongest role, admin groups, open namespaces."""

from __future__ import annotations

from itertools import permutations

import pytest

from Auth.decisions import MODES
from Support.auth import ROLES, Deployment, may_administer, may_read, may_write, refused, role_of


def names(count: int) -> list[str]:
    return [f"group-{number:04}" for number in range(count)]


# Many.


@pytest.mark.parametrize("count", [101, 250, 1100])
@pytest.mark.parametrize("where", ["first", "last"])
def test_somebody_in_many_groups(deploy, count: int, where: str) -> None:
    deployment: Deployment = deploy(timeout="60s")
    groups = names(count)
    deployment.grant(groups[0 if where == "first" else -1], "writer", "alpha")
    client = deployment.client(deployment.token("anna@example.com", *groups))
    assert may_write(client, "alpha", 80)
    assert not may_read(client, "beta")


@pytest.mark.parametrize("count", [101, 1100])
def test_an_operator_in_many_groups(deploy, count: int) -> None:
    deployment: Deployment = deploy(timeout="60s")
    client = deployment.client(deployment.token("anna@example.com", *names(count), "operators"))
    assert may_write(client, "beta", 80)


@pytest.mark.parametrize("count", [101, 1100])
def test_a_group_with_many_namespaces(deploy, count: int) -> None:
    deployment: Deployment = deploy(timeout="60s")
    many = [f"namespace-{number:04}" for number in range(count)]
    deployment.grant("readers", "reader", "alpha", *many, "beta")
    client = deployment.client(deployment.token("anna@example.com", "readers"))
    assert may_read(client, "alpha", 80) and may_read(client, "beta")
    assert not may_read(client, "public") and not may_write(client, "alpha")


def test_a_group_with_many_members(deploy) -> None:
    deployment: Deployment = deploy()
    deployment.grant("readers", "reader", "alpha")
    for number in range(500):
        deployment.join(f"person-{number}@example.com", "readers")
    client = deployment.client(deployment.token("anna@example.com", "readers"))
    assert may_read(client, "alpha")


# The strongest.


@pytest.mark.parametrize("order", list(permutations(ROLES)), ids=" ".join)
def test_the_strongest_role_counts_whatever_the_order(deploy, order: tuple[str, ...]) -> None:
    """By one group with three roles, and by three groups with one each."""
    deployment: Deployment = deploy()
    for role in order:
        deployment.grant("all", role, "alpha")
        deployment.grant(f"only-{role}", role, "beta")
    one = deployment.client(deployment.token("anna@example.com", "all"))
    three = deployment.client(
        deployment.token("berta@example.com", *(f"only-{role}" for role in order)))
    assert role_of(one, "alpha") == "admin" and role_of(one, "beta") == "none"
    assert role_of(three, "beta") == "admin" and role_of(three, "alpha") == "none"


@pytest.mark.parametrize("order", [("reader", "writer"), ("writer", "reader")], ids=" ".join)
def test_the_strongest_of_two(deploy, order: tuple[str, ...]) -> None:
    deployment: Deployment = deploy()
    for role in order:
        deployment.grant(f"only-{role}", role, "alpha")
    client = deployment.client(
        deployment.token("anna@example.com", *(f"only-{role}" for role in order)))
    assert role_of(client, "alpha") == "writer"


# Names.


@pytest.mark.parametrize("setting", [
    "operators,admins", "operators, admins", " admins ,operators ", "admins,,operators,",
    "admins\t,\toperators"])
def test_admin_groups_are_trimmed(deploy, setting: str) -> None:
    deployment: Deployment = deploy(adminGroups=setting)
    for group in ("operators", "admins"):
        client = deployment.client(deployment.token(f"{group}@example.com", group))
        assert may_write(client, "beta"), group
        client.call("ListNamespaces")
    for group in ("admin", "operators2", "Operators"):
        client = deployment.client(deployment.token(f"not-{group}@example.com", group))
        assert not may_read(client, "beta"), group


@pytest.mark.parametrize("setting", ["", " ", ",", None])
def test_no_admin_groups(deploy, setting: str | None) -> None:
    deployment: Deployment = deploy(adminGroups=setting)
    client = deployment.client(deployment.token("anna@example.com", "operators"))
    assert not may_read(client, "alpha")


def test_an_admin_group_counts_beside_other_groups(deploy) -> None:
    deployment: Deployment = deploy()
    deployment.grant("readers", "reader", "alpha")
    for groups in (("readers", "operators"), ("operators", "readers")):
        client = deployment.client(deployment.token(f"{groups[0]}@example.com", *groups))
        assert may_administer(client, "alpha") and may_administer(client, "beta")


def test_names_that_look_like_patterns_are_names(deploy) -> None:
    deployment: Deployment = deploy(openAccessNamespaces="*, pub%, alph")
    client = deployment.client(deployment.token("anna@example.com"))
    for namespace in ("alpha", "beta", "public"):
        assert not may_read(client, namespace)


def test_an_email_in_other_letters_is_somebody_else(deploy) -> None:
    deployment: Deployment = deploy()
    deployment.grant("readers", "reader", "alpha")
    deployment.join("anna@example.com", "readers")
    client = deployment.client(deployment.token("anna@example.com.evil.org"))
    assert not may_read(client, "alpha")


# Open namespaces.


@pytest.mark.parametrize("setting", ["public", " public ", "other, public", "public,"])
@pytest.mark.parametrize("mode", MODES)
def test_open_namespaces(deploy, setting: str, mode: str) -> None:
    deployment: Deployment = deploy(openAccessNamespaces=setting, mode=mode)
    client = deployment.client(deployment.token("anna@example.com"))
    assert may_write(client, "public") and not may_read(client, "alpha")
    assert may_administer(client, "public") is (mode == "charmed")
    assert client.call("GetClusterInfo").server_version
    assert not may_read(deployment.client(None), "public")
    assert not may_read(deployment.client("ya29.unknown"), "public")


@pytest.mark.parametrize("role, expected", [
    ("reader", "writer"), ("writer", "writer"), ("admin", "admin")])
def test_a_rule_does_not_lower_an_open_namespace(deploy, role: str, expected: str) -> None:
    deployment: Deployment = deploy(openAccessNamespaces="public")
    deployment.grant("some", role, "public")
    client = deployment.client(deployment.token("anna@example.com", "some"))
    assert role_of(client, "public") == expected


@pytest.mark.parametrize("setting", ["", " ", ",", " , ", None])
@pytest.mark.parametrize("mode", MODES)
def test_no_open_namespaces(deploy, setting: str | None, mode: str) -> None:
    """An empty setting is no namespace: somebody without a role reads nothing of the cluster."""
    deployment: Deployment = deploy(openAccessNamespaces=setting, mode=mode)
    client = deployment.client(deployment.token("anna@example.com"))
    for namespace in ("alpha", "public", ""):
        with refused():
            client.call("DescribeNamespace", namespace=namespace)
    for rpc in ("ListNamespaces", "GetClusterInfo"):
        with refused():
            client.call(rpc)
    assert client.call("GetSystemInfo").server_version


# Who is asked for.


def test_no_client_id_takes_tokens_of_every_application(deploy) -> None:
    deployment: Deployment = deploy(googleClientID="")
    deployment.grant("readers", "reader", "alpha")
    token = deployment.token("anna@example.com", "readers", azp="another-application")
    assert may_read(deployment.client(token), "alpha")


def test_disabled_authorization_asks_nobody(deploy) -> None:
    deployment: Deployment = deploy(enabled=False)
    for token in (None, "ya29.unknown"):
        client = deployment.client(token)
        assert may_administer(client, "alpha")
    assert deployment.google.count() == 0 and deployment.openfga.count() == 0
