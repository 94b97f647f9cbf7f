"""The section `auth` as people write it, and what is said of one that cannot be."""

from __future__ import annotations

import re
import time
from pathlib import Path

import grpc
import pytest

from Support.auth import Deployment, may_administer, may_read
from Support.configured import ConfiguredServer, as_yaml
from Support.sdk import eventually_sync
from Support.server import run_binary

STORE = MODEL = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
BARE = """\
auth:
  enabled: true
  adminGroups: operators, admins
  openAccessNamespaces: public
  googleClientID: {client}
  tokenInfoURL: {endpoint}
  claimsMaxAge: 1s
  ofga:
    apiScheme: http
    apiHost: 127.0.0.1
    apiPort: {port}
    token:
    storeID: {store}
    authModelID: {model}
"""


def rewritten(path: Path, section: str) -> None:
    """Replaces the section `auth` of a configuration file."""
    text, count = re.subn(r"(?m)^auth:\n(?:  .*\n)+", lambda _: section, path.read_text())
    assert count == 1
    path.write_text(text)


def test_values_without_quotes(deploy) -> None:
    deployment: Deployment = deploy(start=False)
    rewritten(deployment.server.config_path, BARE.format(
        client="1234567890-conformance.apps.googleusercontent.com",
        endpoint=deployment.google.endpoint, port=deployment.openfga.port,
        store=deployment.store.id, model=deployment.store.models[-1].id))
    deployment.start()
    client = deployment.client(deployment.token("anna@example.com", "admins"))
    assert may_administer(client, "alpha")
    assert may_read(deployment.client(deployment.token("b@example.com")), "public")
    deployment.leave("anna@example.com", "admins")
    eventually_sync(lambda: not may_administer(client, "alpha"), timeout=4)


def test_the_smallest_section(deploy) -> None:
    """Mode, age, deadline and lists have defaults: strict, and nobody is an operator."""
    deployment: Deployment = deploy(
        adminGroups=None, openAccessNamespaces=None, googleClientID=None, mode=None,
        claimsMaxAge=None, timeout=None)
    deployment.grant("writers", "writer", "alpha")
    client = deployment.client(deployment.token("anna@example.com", "writers", "operators"))
    assert may_read(client, "alpha") and not may_administer(client, "alpha")
    assert not may_read(client, "beta")


def test_the_default_deadline(deploy) -> None:
    deployment: Deployment = deploy(timeout=None)
    deployment.google.break_with("hang")
    client = deployment.client(deployment.token("anna@example.com"))
    begin = time.monotonic()
    with pytest.raises(grpc.RpcError) as caught:
        client.call("DescribeNamespace", timeout=30)
    assert caught.value.code().name == "UNAVAILABLE"
    assert 4 < time.monotonic() - begin < 9


def test_the_warning_is_about_servers_that_ask_nobody(deploy, launch, tmp_path) -> None:
    warning = "nobody is asked who they are"
    assert warning in launch(ConfiguredServer(tmp_path, {})).log
    assert warning not in deploy().server.log
    assert warning in deploy(enabled=False).server.log


def sound(directory: Path, **changes: str) -> Path:
    """A configuration of which nothing is wrong but the changes."""
    ofga: dict[str, object] = {
        "apiScheme": "http", "apiHost": "127.0.0.1", "apiPort": "8080", "token": "key-of-openfga",
        "storeID": STORE, "authModelID": MODEL}
    auth: dict[str, object] = {
        "enabled": True, "adminGroups": "operators", "openAccessNamespaces": "",
        "googleClientID": "", "mode": "strict", "claimsMaxAge": "60s", "timeout": "5s",
        "tokenInfoURL": "http://127.0.0.1:1/tokeninfo", "ofga": ofga}
    for key, value in changes.items():
        (ofga if key in ofga else auth)[key] = value
    return ConfiguredServer(directory, {"auth": auth}).config_path


def test_a_sound_one(tmp_path) -> None:
    done = run_binary("--config-file", str(sound(tmp_path)), "validate-config")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("key, value", [
    ("enabled", "perhaps"), ("mode", "lenient"), ("claimsMaxAge", "soon"),
    ("claimsMaxAge", "-1s"), ("claimsMaxAge", "0s"), ("timeout", "0s"), ("timeout", "never"),
    ("tokenInfoURL", "not an address"), ("apiScheme", "ftp"), ("apiPort", "many"),
    ("apiPort", "99999"), ("apiHost", ""), ("storeID", ""), ("storeID", "short"),
    ("authModelID", "short"), ("storeID", STORE.lower()),
])
def test_values_that_cannot_be(tmp_path, key: str, value: str) -> None:
    """They are named with file and line, and the server does not start with them."""
    path = sound(tmp_path, **{key: value})
    for command in ("validate-config", "start"):
        done = run_binary("--config-file", str(path), command)
        said = done.stdout + done.stderr
        assert done.returncode != 0, said
        assert re.search(rf"{path.name}:\d+: .*\b{key}\b", said), said
        assert "key-of-openfga" not in said


def test_keys_that_are_not_known(tmp_path) -> None:
    done = run_binary("--config-file", str(sound(tmp_path, admingroup="x")), "validate-config")
    assert done.returncode != 0
    assert re.search(r":\d+: unknown key auth\.admingroup", done.stdout + done.stderr)


def test_one_way_to_ask_and_not_two(tmp_path) -> None:
    path = sound(tmp_path)
    path.write_text(path.read_text() + as_yaml({"global": {"authorization": {
        "jwtKeyProvider": {"keySourceURIs": ["http://127.0.0.1:1/keys"]},
        "authorizer": "default", "claimMapper": "default"}}}) + "\n")
    done = run_binary("--config-file", str(path), "validate-config")
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert re.search(r"auth\.enabled.*authorizer|authorizer.*auth\.enabled", said), said
