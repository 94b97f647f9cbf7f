"""The stand-ins answer as Google and OpenFGA do; cases about the server rest on that."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Iterator

import pytest

from Support.auth import MODEL
from Support.openfga import ULID, OpenFGA
from Support.openfga_model import Key
from Support.token_info import CLIENT_ID, EMAIL_SCOPE, TokenInfo

def http(
    method: str, url: str, body: Any = None, token: str | None = None, timeout: float = 5
) -> tuple[int, Any]:
    """A status and a JSON body."""
    headers = {"authorization": f"Bearer {token}"} if token is not None else {}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.fixture
def google() -> Iterator[TokenInfo]:
    made = TokenInfo()
    yield made
    made.stop()


@pytest.fixture
def openfga() -> Iterator[OpenFGA]:
    made = OpenFGA()
    yield made
    made.stop()


class Calls:
    """A store with the deployment's model, by its HTTP API."""

    def __init__(self, openfga: OpenFGA):
        self.openfga = openfga
        self.id = openfga.make_store(MODEL).id

    def post(self, what: str, **body: Any) -> tuple[int, Any]:
        return http("POST", f"{self.openfga.url}/stores/{self.id}/{what}", body)

    def write(self, *keys: tuple[str, str, str], **options: Any) -> tuple[int, Any]:
        return self.post("write", writes={"tuple_keys": [as_json(k) for k in keys]} | options)

    def delete(self, *keys: tuple[str, str, str], **options: Any) -> tuple[int, Any]:
        return self.post("write", deletes={"tuple_keys": [as_json(k) for k in keys]} | options)

    def check(self, user: str, relation: str, object: str) -> bool:
        status, answer = self.post("check", tuple_key=as_json((user, relation, object)))
        assert status == 200, answer
        return answer["allowed"]


def as_json(key: tuple[str, str, str]) -> dict[str, str]:
    return dict(zip(("user", "relation", "object"), key))


@pytest.fixture
def store(openfga: OpenFGA) -> Calls:
    return Calls(openfga)


# Google.


def test_token_info_has_only_strings(google: TokenInfo) -> None:
    token = google.issue("anna@example.com")
    status, info = http("GET", google.endpoint, token=token)
    assert status == 200 and all(isinstance(value, str) for value in info.values()), info
    assert set(info) == {"azp", "aud", "sub", "scope", "exp", "expires_in", "email",
                         "email_verified", "access_type"}
    assert info["email"] == "anna@example.com" and info["azp"] == info["aud"] == CLIENT_ID
    assert EMAIL_SCOPE in info["scope"].split() and info["email_verified"] == "true"
    assert 3500 < int(info["exp"]) - time.time() <= 3600
    assert 3500 < int(info["expires_in"]) <= 3600


@pytest.mark.parametrize("kind", ["unknown", "revoked", "expired"])
def test_tokens_google_does_not_know(google: TokenInfo, kind: str) -> None:
    token = google.issue("anna@example.com", lifetime=-1 if kind == "expired" else 60)
    if kind == "revoked":
        assert http("GET", google.endpoint, token=token)[0] == 200
        google.revoke(token)
    status, info = http("GET", google.endpoint, token="ya29.no" if kind == "unknown" else token)
    assert status == 400
    assert info == {"error": "invalid_token", "error_description": "Invalid Value"}


def test_token_info_overrides(google: TokenInfo) -> None:
    token = google.issue(
        "a@example.com", lifetime=-5, is_known_after_expiry=True, exp="soon", azp=None)
    status, info = http("GET", google.endpoint, token=token)
    assert status == 200 and info["exp"] == "soon"
    assert google.issue_to_service_account("robot") != token
    missing = google.issue("a@example.com", email=None)
    assert "email" not in http("GET", google.endpoint, token=missing)[1]


def test_calls_are_counted_by_token(google: TokenInfo) -> None:
    first, second = google.issue("a@example.com"), google.issue("b@example.com")
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda _: http("GET", google.endpoint, token=first), range(20)))
    http("GET", google.endpoint, token=second)
    assert google.calls(first) == 20 and google.calls(second) == 1 and google.count() == 21
    google.forget()
    assert google.calls(first) == 0


# Faults, of both.


def test_faults(google: TokenInfo) -> None:
    token, other = google.issue("a@example.com"), google.issue("b@example.com")
    google.break_with("error", lambda request: request.bearer == token)
    assert http("GET", google.endpoint, token=token)[0] == 500
    assert http("GET", google.endpoint, token=other)[0] == 200
    google.break_with("garbage")
    with pytest.raises(ValueError):
        http("GET", google.endpoint, token=token)
    google.break_with("close")
    with pytest.raises(OSError):
        http("GET", google.endpoint, token=token)
    google.break_with("slow", delay=0.3)
    begin = time.monotonic()
    assert http("GET", google.endpoint, token=token)[0] == 200
    assert time.monotonic() - begin >= 0.3
    google.repair()
    assert http("GET", google.endpoint, token=token)[0] == 200


def test_hanging_ends_with_the_fault(google: TokenInfo) -> None:
    token = google.issue("a@example.com")
    google.break_with("hang")
    with pytest.raises(TimeoutError):
        http("GET", google.endpoint, token=token, timeout=0.3)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(http, "GET", google.endpoint, None, token)
        while google.count() < 2:
            time.sleep(0.01)
        assert not answer.done()
        google.repair()
        assert answer.result(5)[0] == 200


def test_redirects(google: TokenInfo, openfga: OpenFGA) -> None:
    google.break_with("redirect", location=openfga.url + "/stores")
    assert http("GET", google.endpoint)[1]["stores"] == []
    assert openfga.count("/stores") == 1


def test_stopped_and_started_on_the_same_port(google: TokenInfo) -> None:
    token, endpoint = google.issue("a@example.com"), google.endpoint
    google.stop()
    with pytest.raises(OSError):
        http("GET", endpoint, token=token)
    google.start()
    assert http("GET", endpoint, token=token)[0] == 200


# OpenFGA: stores and models.


def test_stores(openfga: OpenFGA) -> None:
    status, made = http("POST", f"{openfga.url}/stores", {"name": "temporal"})
    assert status == 201 and ULID.match(made["id"]) and made["name"] == "temporal"
    for number in range(60):
        openfga.make_store(name=f"store-{number}")
    status, page = http("GET", f"{openfga.url}/stores")
    assert status == 200 and len(page["stores"]) == 50 and page["continuation_token"]
    rest = http(
        "GET", f"{openfga.url}/stores?continuation_token={page['continuation_token']}")[1]
    assert len(rest["stores"]) == 11 and rest["continuation_token"] == ""
    assert len({s["id"] for s in page["stores"] + rest["stores"]}) == 61
    assert [s["id"] for s in http("GET", f"{openfga.url}/stores?name=temporal")[1]["stores"]] == [
        made["id"]]
    assert http("GET", f"{openfga.url}/stores/{made['id']}")[1]["name"] == "temporal"
    assert http("POST", f"{openfga.url}/stores", {"name": "x"})[1]["code"] == "validation_error"


def test_models(openfga: OpenFGA) -> None:
    store = openfga.make_store()
    models = f"{openfga.url}/stores/{store.id}/authorization-models"
    status, first = http("POST", models, MODEL)
    assert status == 201 and ULID.match(first["authorization_model_id"])
    second = http("POST", models, MODEL)[1]
    listed = http("GET", models)[1]["authorization_models"]
    assert [m["id"] for m in listed] == [  # the newest is first
        second["authorization_model_id"], first["authorization_model_id"]]
    got = http("GET", f"{models}/{first['authorization_model_id']}")[1]["authorization_model"]
    assert got["schema_version"] == "1.1"
    assert [t["type"] for t in got["type_definitions"]] == ["user", "group", "namespace"]
    assert got["type_definitions"][2]["relations"]["reader"] == {"union": {"child": [
        {"this": {}}, {"computedUserset": {"object": "", "relation": "writer"}}]}}
    status, missing = http("GET", f"{models}/01ARZ3NDEKTSV4RRFFQ69G5FAV")
    assert (status, missing["code"]) == (400, "authorization_model_not_found")


def without_types(name: str) -> dict[str, Any]:
    return {"schema_version": "1.1", "type_definitions": [
        {"type": "user"}, {"type": "group", "relations": {name: {"this": {}}}}]}


@pytest.mark.parametrize("model, code", [
    ({"schema_version": "1.1", "type_definitions": []}, "type_definitions_too_few_items"),
    (MODEL | {"schema_version": "2.0"}, "validation_error"),
    (MODEL | {"schema_version": "1.0"}, "invalid_authorization_model"),
    (MODEL | {"type_definitions": MODEL["type_definitions"][1:]}, "invalid_authorization_model"),
    (MODEL | {"type_definitions": MODEL["type_definitions"] * 2}, "invalid_authorization_model"),
    (without_types("member"), "invalid_authorization_model"),
    ({"schema_version": "1.1", "type_definitions": [
        {"type": "group", "relations": {"a": {"computedUserset": {"relation": "b"}}}}]},
     "invalid_authorization_model"),
], ids=["empty", "version", "old", "no user", "twice", "no restrictions", "undefined"])
def test_models_that_are_refused(openfga: OpenFGA, model: Any, code: str) -> None:
    store = openfga.make_store()
    status, answer = http(
        "POST", f"{openfga.url}/stores/{store.id}/authorization-models", model)
    assert (status, answer["code"]) == (400, code) and answer["message"]


# OpenFGA: tuples.

MEMBER = ("user:anna@example.com", "member", "group:ops")
RULE = ("group:ops#member", "writer", "namespace:alpha")


def test_write_read_delete(store: Calls) -> None:
    assert store.write(MEMBER, RULE) == (200, {})
    status, answer = store.post("read")
    assert status == 200 and answer["continuation_token"] == ""
    assert [t["key"] for t in answer["tuples"]] == [
        as_json(MEMBER) | {"condition": None}, as_json(RULE) | {"condition": None}]
    filtered = store.post("read", tuple_key={"user": MEMBER[0], "object": "group:"})[1]["tuples"]
    assert [t["key"]["object"] for t in filtered] == ["group:ops"]
    assert store.post("read", tuple_key={"object": "namespace:alpha"})[1]["tuples"]
    assert store.post(
        "read", tuple_key={"object": "namespace:alpha", "relation": "reader"})[1]["tuples"] == []
    assert store.delete(MEMBER) == (200, {})
    assert not store.check(MEMBER[0], "writer", "namespace:alpha")


@pytest.mark.parametrize("key", [
    {"user": "user:anna@example.com"}, {"object": "group:"}, {"object": "group"}, {}])
def test_reads_that_are_refused(store: Calls, key: dict[str, str]) -> None:
    status, answer = store.post("read", tuple_key=key)
    assert (status, answer["code"]) == (400, "validation_error")


@pytest.mark.parametrize("key, reason", [
    (("anna@example.com", "member", "group:ops"), "the 'user' field is malformed"),
    (("user:anna", "member", "group"), "invalid 'object' field format"),
    (("user:anna", "owner", "group:ops"), "relation 'group#owner' not found"),
    (("robot:r2", "member", "group:ops"), "type 'robot' not found"),
    (("user:anna", "writer", "namespace:alpha"), "type 'user' is not an allowed type restriction"),
    (("group:a#member", "member", "group:b"), "'group#member' is not an allowed type restriction"),
    (("user:*", "member", "group:ops"), "the typed wildcard 'user:*' is not an allowed"),
    (("group:a", "reader", "namespace:alpha"), "type 'group' is not an allowed type restriction"),
    (("user:anna", "member", "group:*"), "cannot reference a typed wildcard"),
])
def test_writes_are_checked_with_the_model(
    store: Calls, key: tuple[str, str, str], reason: str
) -> None:
    status, answer = store.write(key)
    assert (status, answer["code"]) == (400, "validation_error")
    assert answer["message"].startswith("Invalid tuple '") and reason in answer["message"]


def test_a_write_is_all_or_nothing(store: Calls) -> None:
    assert store.write(MEMBER)[0] == 200
    status, answer = store.write(RULE, MEMBER)
    assert (status, answer["code"]) == (400, "write_failed_due_to_invalid_input")
    assert "cannot write a tuple which already exists" in answer["message"]
    assert len(store.post("read")[1]["tuples"]) == 1
    status, answer = store.delete(MEMBER, RULE)
    assert (status, answer["code"]) == (400, "write_failed_due_to_invalid_input")
    assert "cannot delete a tuple which does not exist" in answer["message"]
    assert len(store.post("read")[1]["tuples"]) == 1
    assert store.write(RULE, MEMBER, on_duplicate="ignore")[0] == 200
    assert store.delete(MEMBER, RULE)[0] == 200
    assert store.delete(MEMBER, on_missing="ignore")[0] == 200
    assert store.write(MEMBER, on_duplicate="perhaps")[1]["code"] == "validation_error"


def test_sizes_of_writes(store: Calls) -> None:
    many = [("user:anna", "member", f"group:g{number}") for number in range(101)]
    status, answer = store.write(*many)
    assert (status, answer["code"]) == (400, "exceeded_entity_limit")
    assert store.write(*many[:100])[0] == 200
    status, answer = store.write(RULE, RULE)
    assert (status, answer["code"]) == (400, "cannot_allow_duplicate_tuples_in_one_request")
    assert store.post("write")[1]["code"] == "invalid_write_input"
    assert store.post("write", writes={"tuple_keys": []})[1]["code"] == "validation_error"


def test_pages(store: Calls, openfga: OpenFGA) -> None:
    for number in range(230):
        openfga.stores[store.id].tuples.add(
            Key(f"group:g{number}", "member", "user:anna"), "2026-01-01T00:00:00Z")
    key = {"user": "user:anna", "relation": "member", "object": "group:"}
    for asked, sizes in ((None, [50, 50, 50, 50, 30]), (100, [100, 100, 30]), (115, None)):
        size = {} if asked is None else {"page_size": asked}
        seen, got, token = [], [], ""
        while True:
            status, page = store.post("read", tuple_key=key, continuation_token=token, **size)
            if status != 200:
                break
            got.append(len(page["tuples"]))
            seen += [t["key"]["object"] for t in page["tuples"]]
            token = page["continuation_token"]
            if not token:
                break
        if sizes is None:
            assert (status, page["code"]) == (400, "page_size_invalid")
        else:
            assert got == sizes and seen == [f"group:g{number}" for number in range(230)]
    status, answer = store.post("read", continuation_token="bm8=")
    assert (status, answer["code"]) == (400, "invalid_continuation_token")


# OpenFGA: questions.


def test_what_follows_from_tuples(store: Calls) -> None:
    store.write(
        MEMBER, RULE, ("user:berta", "member", "group:boss"),
        ("group:boss#member", "admin", "namespace:beta"))
    for user, relation, object, allowed in (
        ("user:anna@example.com", "writer", "namespace:alpha", True),
        ("user:anna@example.com", "reader", "namespace:alpha", True),  # a writer is a reader
        ("user:anna@example.com", "admin", "namespace:alpha", False),
        ("user:anna@example.com", "reader", "namespace:beta", False),
        ("group:ops#member", "reader", "namespace:alpha", True),
        ("group:boss#member", "reader", "namespace:alpha", False),
        ("user:berta", "reader", "namespace:beta", True),
        ("user:berta", "member", "group:ops", False),
    ):
        assert store.check(user, relation, object) is allowed, (user, relation, object)
        status, answer = store.post(
            "list-objects", type=object.partition(":")[0], relation=relation, user=user,
            consistency="HIGHER_CONSISTENCY")
        assert status == 200 and (object in answer["objects"]) is allowed


def test_questions_that_are_refused(store: Calls, openfga: OpenFGA) -> None:
    for what, body, code in (
        ("check", {}, "tuple_key_value_not_specified"),
        ("check", {"tuple_key": as_json(("user:a", "owner", "group:b"))}, "validation_error"),
        ("list-objects", {"type": "robot", "relation": "a", "user": "user:a"}, "type_not_found"),
        ("list-objects", {"type": "group", "relation": "a", "user": "user:a"},
         "relation_not_found"),
        ("list-objects", {"type": "group", "relation": "member", "user": "a"},
         "validation_error"),
        ("read", {"consistency": "PERHAPS"}, "validation_error"),
        ("check", {"tuple_key": as_json(MEMBER), "authorization_model_id": "short"},
         "validation_error"),
        ("check", {"tuple_key": as_json(MEMBER),
                   "authorization_model_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV"},
         "authorization_model_not_found"),
    ):
        status, answer = store.post(what, **body)
        assert (status, answer["code"]) == (400, code), (what, body, answer)
    store.id = openfga.make_store().id
    assert store.post("check", tuple_key=as_json(MEMBER))[1]["code"] == (
        "latest_authorization_model_not_found")


def test_lists_end_at_a_thousand_and_streams_do_not(store: Calls, openfga: OpenFGA) -> None:
    for number in range(1100):
        openfga.stores[store.id].tuples.add(
            Key(f"group:g{number}", "member", "user:anna"), "2026-01-01T00:00:00Z")
    body = {"type": "group", "relation": "member", "user": "user:anna"}
    assert len(store.post("list-objects", **body)[1]["objects"]) == 1000
    url = f"{openfga.url}/stores/{store.id}/streamed-list-objects"
    request = urllib.request.Request(url, json.dumps(body).encode(), method="POST")
    with urllib.request.urlopen(request, timeout=5) as reply:
        lines = [json.loads(line) for line in reply]
    assert len({line["result"]["object"] for line in lines}) == 1100


def test_expand(store: Calls) -> None:
    store.write(RULE)
    status, answer = store.post(
        "expand", tuple_key={"object": "namespace:alpha", "relation": "writer"})
    nodes = answer["tree"]["root"]["union"]["nodes"]
    assert status == 200 and nodes[0]["leaf"] == {"users": {"users": ["group:ops#member"]}}
    assert nodes[1]["leaf"] == {"computed": {"userset": "namespace:alpha#admin"}}


# OpenFGA: who may ask, and where.


def test_preshared_key(openfga: OpenFGA) -> None:
    openfga.key = "preshared"
    assert http("GET", f"{openfga.url}/stores") == (
        401, {"code": "bearer_token_missing", "message": "missing bearer token"})
    assert http("GET", f"{openfga.url}/stores", token="wrong") == (
        401, {"code": "unauthenticated", "message": "unauthenticated"})
    assert http("GET", f"{openfga.url}/stores", token="preshared")[0] == 200


def test_paths_and_identifiers(openfga: OpenFGA) -> None:
    for method, path, status, code in (
        ("GET", "/nonsense", 404, "undefined_endpoint"),
        ("DELETE", "/stores", 404, "unimplemented"),
        ("POST", "/stores/short/read", 400, "validation_error"),
        ("GET", "/stores/01ARZ3NDEKTSV4RRFFQ69G5FAV", 404, "store_id_not_found"),
        ("POST", "/stores/01ARZ3NDEKTSV4RRFFQ69G5FAI/read", 400, "validation_error"),
    ):
        got, answer = http(method, openfga.url + path, {} if method == "POST" else None)
        assert (got, answer["code"]) == (status, code), (path, answer)
    unknown = f"{openfga.url}/stores/01ARZ3NDEKTSV4RRFFQ69G5FAV"
    assert http("POST", f"{unknown}/read", {}) == (200, {"tuples": [], "continuation_token": ""})
    assert http("POST", f"{unknown}/check", {"tuple_key": as_json(MEMBER)})[1]["code"] == (
        "latest_authorization_model_not_found")
