"""`temporal-server auth`: the rules in OpenFGA, from an empty one to those who may."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Iterator

import pytest

from Support.auth import MODEL, Deployment, may_write
from Support.configured import ConfiguredServer
from Support.openfga import OpenFGA
from Support.openfga_model import Key, Model
from Support.server import run_binary

DONE, FAILED, NOT_SO, USAGE = 0, 1, 2, 64
KEY = "preshared-key-of-openfga"


class Command:
    """The command with one configuration file, and the OpenFGA it speaks to."""

    def __init__(self, directory: Path, key: str = KEY):
        self.openfga = OpenFGA(key)
        self.directory = directory
        self.configure("", "")

    def configure(self, store: str, model: str, **ofga: Any) -> None:
        """Writes the configuration anew."""
        section = {
            "apiScheme": "http", "apiHost": "127.0.0.1", "apiPort": str(self.openfga.port),
            "token": KEY, "storeID": store, "authModelID": model, **ofga}
        self.server = ConfiguredServer(self.directory, {"auth": {
            "enabled": True, "adminGroups": "operators, admins", "openAccessNamespaces": "",
            "googleClientID": "", "timeout": "2s", "ofga": section}})

    def with_model(self) -> Command:
        store = self.openfga.make_store(MODEL, "temporal")
        self.configure(store.id, store.models[-1].id)
        return self

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        done = run_binary(
            "--config-file", str(self.server.config_path), "auth", *arguments, timeout=40)
        assert KEY not in done.stdout + done.stderr, "the key is in the output"
        assert "Fatal error" not in done.stderr
        return done

    def json(self, *arguments: str, code: int = DONE) -> Any:
        """What it prints as JSON, and nothing else on standard output."""
        done = self.run(*arguments, "--output", "json")
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)

    def refused(self, *arguments: str, code: int, named: str) -> None:
        """It must fail, and say why in a line on standard error."""
        done = self.run(*arguments)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        assert named in done.stderr, done.stderr

    @property
    def keys(self) -> list[str]:
        """The tuples of the only store."""
        (store,) = self.openfga.stores.values()
        return [str(key) for key, _ in store.tuples.matching("", "", "")]


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    made = Command(tmp_path)
    yield made
    made.openfga.stop()


MEMBER = ("--user", "anna@example.com", "--group", "developers")
RULE = ("--group", "developers", "--namespace", "alpha", "--role", "writer")


# The model.


def test_an_empty_openfga(command: Command) -> None:
    written = command.json("model", "write")
    (store,) = command.openfga.stores.values()
    assert written == {
        "storeID": store.id, "authModelID": store.models[-1].id, "written": True}
    assert store.models[-1].json["type_definitions"] == Model("", MODEL).json["type_definitions"]
    command.configure(store.id, "")
    assert command.json("model", "write") == written | {"written": False}
    assert len(store.models) == 1 and len(command.openfga.stores) == 1


def test_a_store_that_has_another_model(command: Command) -> None:
    older = {"schema_version": "1.1", "type_definitions": MODEL["type_definitions"][:2]}
    store = command.openfga.make_store(older, "temporal")
    command.configure(store.id, store.models[0].id)
    written = command.json("model", "write")
    assert written["written"] and written["storeID"] == store.id
    assert written["authModelID"] == store.models[-1].id and len(store.models) == 2


def test_the_name_of_a_new_store(command: Command) -> None:
    written = command.json("model", "write", "--store-name", "production")
    assert command.openfga.stores[written["storeID"]].name == "production"
    assert command.json("model", "write", "--store-name", "production") == (
        written | {"written": False}), "a store of that name is taken, not made again"
    done = command.run("model", "write", "--store-name", "production")
    assert written["storeID"] in done.stdout and written["authModelID"] in done.stdout


def test_two_stores_of_one_name(command: Command) -> None:
    for _ in range(2):
        command.openfga.make_store(MODEL, "temporal")
    command.refused("model", "write", code=FAILED, named="storeID")


# Rules.


def test_a_rule_from_its_beginning_to_its_end(command: Command) -> None:
    command.with_model()
    assert command.json("rule", "check", *RULE, code=NOT_SO) == {"allowed": False}
    assert command.json("rule", "add", *RULE)["changed"] is True
    assert command.json("rule", "add", *MEMBER)["changed"] is True
    assert command.keys == ["namespace:alpha#writer@group:developers#member",
                            "group:developers#member@user:anna@example.com"]
    assert command.json("rule", "add", *RULE)["changed"] is False, "adding again changes nothing"
    assert command.json("rule", "check", *RULE) == {"allowed": True}
    assert command.json("rule", "check", *MEMBER) == {"allowed": True}
    assert command.json("rule", "remove", *RULE)["changed"] is True
    assert command.json("rule", "remove", *RULE)["changed"] is False
    assert command.json("rule", "check", *RULE, code=NOT_SO) == {"allowed": False}
    assert command.keys == ["group:developers#member@user:anna@example.com"]


def test_what_is_added_names_itself(command: Command) -> None:
    command.with_model()
    assert command.json("rule", "add", *RULE) == {"changed": True, "rule": {
        "group": "developers", "namespace": "alpha", "role": "writer"}}
    assert command.json("rule", "add", *MEMBER) == {"changed": True, "rule": {
        "user": "anna@example.com", "group": "developers"}}
    text = command.run("rule", "add", *RULE).stdout
    assert "developers" in text and "alpha" in text and "writer" in text


def test_check_follows_what_is_implied(command: Command) -> None:
    command.with_model()
    command.json("rule", "add", *RULE)
    command.json("rule", "add", *MEMBER)
    person = ("--user", "anna@example.com", "--namespace", "alpha", "--role")
    for role, code in (("reader", DONE), ("writer", DONE), ("admin", NOT_SO)):
        assert command.json("rule", "check", *person, role, code=code) == {
            "allowed": code == DONE}
    command.json("rule", "check", "--user", "berta@example.com", "--namespace", "alpha",
                 "--role", "reader", code=NOT_SO)
    command.json("rule", "check", "--group", "developers", "--namespace", "beta",
                 "--role", "reader", code=NOT_SO)


def canonical(rules: list[dict[str, str]]) -> list[str]:
    """Rules in one order, whatever the order of the fields in an object, which says nothing."""
    return sorted(json.dumps(rule, sort_keys=True) for rule in rules)


def test_lists(command: Command) -> None:
    command.with_model()
    (store,) = command.openfga.stores.values()
    for number in range(250):
        store.tuples.add(Key("group:many", "member", f"user:p{number:03}@example.com"), "")
    command.json("rule", "add", *RULE)
    command.json("rule", "add", *MEMBER)
    rules = command.json("rule", "list")["rules"]
    assert len(rules) == 252
    assert [json.dumps(rule, sort_keys=True) for rule in rules] == canonical(rules)
    member = {"user": "anna@example.com", "group": "developers"}
    rule = {"group": "developers", "namespace": "alpha", "role": "writer"}
    for filters, expected in (
        (("--user", "anna@example.com"), [member]),
        (("--namespace", "alpha"), [rule]),
        (("--group", "developers"), [member, rule]),
        (("--group", "developers", "--namespace", "alpha"), [rule]),
        (("--group", "nobody"), []),
    ):
        found = command.json("rule", "list", *filters)["rules"]
        assert canonical(found) == canonical(expected), filters
    lines = command.run("rule", "list", "--group", "developers").stdout.splitlines()
    assert any("anna@example.com" in line for line in lines)


def test_admins(command: Command) -> None:
    command.with_model()
    assert command.json("admins", "list") == {"admins": []}
    for user, group in (
        ("anna@example.com", "operators"), ("berta@example.com", "admins"),
        ("anna@example.com", "admins"), ("carla@example.com", "developers"),
    ):
        command.json("rule", "add", "--user", user, "--group", group)
    assert command.json("admins", "list") == {"admins": [
        {"user": "anna@example.com", "groups": ["admins", "operators"]},
        {"user": "berta@example.com", "groups": ["admins"]}]}
    assert "carla" not in command.run("admins", "list").stdout


# What cannot be.


@pytest.mark.parametrize("arguments", [
    ("rule", "add"),
    ("rule", "add", "--user", "anna@example.com"),
    ("rule", "add", "--group", "g"),
    ("rule", "add", "--group", "g", "--namespace", "n"),
    ("rule", "add", "--group", "g", "--role", "reader"),
    ("rule", "add", "--group", "g", "--namespace", "n", "--role", "owner"),
    ("rule", "add", "--user", "a@b.c", "--namespace", "n", "--role", "reader"),
    ("rule", "add", "--user", "a@b.c", "--group", "g", "--namespace", "n", "--role", "reader"),
    ("rule", "add", "--user", "a b@c.d", "--group", "g"),
    ("rule", "add", "--user", "a@b.c", "--group", "g#member"),
    ("rule", "add", "--user", "a@b.c", "--group", "g:h"),
    ("rule", "add", "--user", "*", "--group", "g"),
    ("rule", "add", "--user", "", "--group", "g"),
    ("rule", "remove"),
    ("rule", "check", "--user", "a@b.c"),
    ("rule", "list", "--output", "runes"),
    ("rule", "list", "--frobnicate"),
    ("rule", "frobnicate"),
], ids=" ".join)
def test_wrong_arguments(command: Command, arguments: tuple[str, ...]) -> None:
    command.with_model()
    assert command.json("rule", "list") == {"rules": []}
    done = command.run(*arguments)
    assert done.returncode == USAGE and done.stderr.strip()
    assert command.openfga.count("/write") == 0 and command.keys == []


@pytest.mark.parametrize("arguments", [
    ("model", "write"), ("rule", "add", *RULE), ("rule", "remove", *RULE),
    ("rule", "check", *RULE), ("rule", "list"), ("admins", "list")], ids=" ".join)
def test_openfga_away(command: Command, arguments: tuple[str, ...]) -> None:
    """An answer of `no` and no answer are two things."""
    command.with_model()
    command.openfga.key = "another"
    command.refused(*arguments, code=FAILED, named="unauthenticated")
    command.openfga.key = KEY
    for fault in ("error", "garbage", "hang"):
        command.openfga.break_with(fault)
        command.refused(*arguments, code=FAILED, named=str(command.openfga.port))
    command.openfga.stop()
    command.refused(*arguments, code=FAILED, named=str(command.openfga.port))


def test_configurations_that_cannot_be(command: Command) -> None:
    command.refused("rule", "list", code=FAILED, named="storeID")
    command.configure("short", "")
    command.refused("rule", "list", code=FAILED, named="storeID")
    store = command.openfga.make_store()
    command.configure(store.id, "")
    command.refused("rule", "add", *RULE, code=FAILED, named="model")


def test_help_names_the_commands() -> None:
    for arguments, words in (
        (("auth", "--help"), ("model", "rule", "admins")),
        (("auth", "rule", "--help"), ("add", "remove", "check", "list")),
        (("auth", "rule", "add", "--help"), ("--user", "--group", "--namespace", "--role")),
    ):
        done = run_binary(*arguments)
        assert done.returncode == 0 and all(word in done.stdout for word in words)


def test_from_an_empty_openfga_to_a_worker(deploy) -> None:
    """As docs/authorization.md tells it: what the command writes is what the server reads."""
    deployment: Deployment = deploy(claimsMaxAge="1s")
    path = str(deployment.server.config_path)
    token = deployment.token("anna@example.com")
    assert not may_write(deployment.client(token), "alpha")
    for rule in (RULE, MEMBER):
        done = run_binary("--config-file", path, "auth", "rule", "add", *rule)
        assert done.returncode == DONE, done.stderr
    fresh = deployment.token("anna@example.com")
    assert may_write(deployment.client(fresh), "alpha")
