"""A stand-in for OpenFGA: its HTTP API with stores, models, tuples and questions, as far as needed.

Statuses, codes and texts are those of OpenFGA 1.x with its default limits; what is stored, and what
follows from it, is in `openfga_model`.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
from datetime import datetime, timezone
from typing import Any, Callable

from .openfga_model import Key, Model, Refused, Tuples, is_object, is_userset, split_object
from .stand_in import Reply, Request, StandIn, json_reply

ULID = re.compile(r"^[ABCDEFGHJKMNPQRSTVWXYZ0-9]{26}$")
STORE_NAME = re.compile(r"^[a-zA-Z0-9\s.\-/^_&@]{3,64}$")
TOKEN = re.compile(r"^[A-Za-z0-9\-_]+={0,2}$")
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CONSISTENCY = ("UNSPECIFIED", "MINIMIZE_LATENCY", "HIGHER_CONSISTENCY")
PAGE_DEFAULT, PAGE_MAX = 50, 100
WRITES_MAX = 100
OBJECTS_MAX = 1000
Body = dict[str, Any]


def ulid() -> str:
    """A new identifier in OpenFGA's form; later ones sort later."""
    number = int(time.time() * 1000) << 80 | secrets.randbits(80)
    return "".join(ALPHABET[number >> shift & 31] for shift in range(125, -5, -5))


def now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def invalid(field: str, reason: str, code: str = "validation_error") -> Refused:
    return Refused(code, f"invalid {field}: {reason}")


def check_ulid(value: str, field: str) -> str:
    if not isinstance(value, str) or not ULID.match(value):
        raise invalid(field, f'value does not match regex pattern "{ULID.pattern}"')
    return value


class Store:
    """A store with its models, the newest last, and its tuples."""

    def __init__(self, name: str):
        self.id = ulid()
        self.name = name
        self.made = now()
        self.models: list[Model] = []
        self.tuples = Tuples()

    @property
    def json(self) -> Body:
        return {"id": self.id, "name": self.name, "created_at": self.made, "updated_at": self.made,
                "deleted_at": None}


class OpenFGA(StandIn):
    """OpenFGA's HTTP server. With a key, only requests that bear it are answered."""

    def __init__(self, key: str = "") -> None:
        self.key = key
        self.stores: dict[str, Store] = {}
        super().__init__()
        self._routes: list[tuple[str, str, Callable[..., Reply]]] = [
            ("POST", "/stores", self._create_store),
            ("GET", "/stores", self._list_stores),
            ("GET", "/stores/{}", self._get_store),
            ("POST", "/stores/{}/authorization-models", self._write_model),
            ("GET", "/stores/{}/authorization-models", self._list_models),
            ("GET", "/stores/{}/authorization-models/{}", self._get_model),
            ("POST", "/stores/{}/write", self._write),
            ("POST", "/stores/{}/read", self._read),
            ("POST", "/stores/{}/check", self._check),
            ("POST", "/stores/{}/list-objects", self._list_objects),
            ("POST", "/stores/{}/streamed-list-objects", self._stream_objects),
            ("POST", "/stores/{}/expand", self._expand),
        ]

    # For the cases that use it.

    def make_store(self, model: Body | None = None, name: str = "conformance") -> Store:
        """A store, with a model if one is given."""
        store = Store(name)
        if model is not None:
            store.models.append(Model(ulid(), model))
        with self.lock:
            self.stores[store.id] = store
        return store

    def bodies(self, path: str) -> list[Body]:
        """What was sent to paths that end so."""
        with self.lock:
            return [json.loads(r.body) for r in self.requests if r.path.endswith(path)]

    # Requests.

    def answer(self, request: Request) -> Reply:
        try:
            self._authenticate(request)
            handler, arguments = self._route(request)
            body = self._body(request)
            with self.lock:
                return handler(request, body, *arguments)
        except Refused as refused:
            return json_reply(refused.status, {"code": refused.code, "message": refused.message})

    def _authenticate(self, request: Request) -> None:
        if not self.key:
            return
        if request.bearer is None:
            raise Refused("bearer_token_missing", "missing bearer token", 401)
        if request.bearer != self.key:
            raise Refused("unauthenticated", "unauthenticated", 401)

    def _route(self, request: Request) -> tuple[Callable[..., Reply], list[str]]:
        parts = request.path.strip("/").split("/")
        found = False
        for method, pattern, handler in self._routes:
            wanted = pattern.strip("/").split("/")
            if len(wanted) != len(parts) or any(
                    w not in ("{}", p) for w, p in zip(wanted, parts)):
                continue
            if method == request.method:
                return handler, [p for w, p in zip(wanted, parts) if w == "{}"]
            found = True
        if found:
            raise Refused("unimplemented", "Method Not Allowed", 404)
        raise Refused("undefined_endpoint", "Not Found", 404)

    def _body(self, request: Request) -> Body:
        if request.method == "GET" or not request.body:
            return {}
        try:
            body = json.loads(request.body)
        except ValueError:
            raise Refused("validation_error", "malformed JSON") from None
        if not isinstance(body, dict):
            raise Refused("validation_error", "syntax error: unexpected token")
        consistency = body.get("consistency", "UNSPECIFIED")
        if consistency not in CONSISTENCY:
            raise Refused(
                "validation_error", f'invalid value for enum type: "{consistency}"')
        return body

    def _store(self, identifier: str, message: str) -> Store:
        """The store; OpenFGA takes one it does not know for one that has nothing in it."""
        check_ulid(identifier, f"{message}.StoreId")
        return self.stores.get(identifier) or Store("unknown")

    def _model(self, store: Store, body: Body, message: str) -> Model:
        """The model a request names, or the newest."""
        wanted = body.get("authorization_model_id") or ""
        if wanted:
            check_ulid(wanted, f"{message}.AuthorizationModelId")
            return _find_model(store, wanted)
        if not store.models:
            raise Refused(
                "latest_authorization_model_not_found",
                f"No authorization models found for store '{store.id}'")
        return store.models[-1]

    # Stores.

    def _create_store(self, request: Request, body: Body) -> Reply:
        name = body.get("name", "")
        if not isinstance(name, str) or not STORE_NAME.match(name):
            raise invalid(
                "CreateStoreRequest.Name", f'value does not match regex pattern '
                f'"{STORE_NAME.pattern}"')
        store = self.make_store(name=name)
        return json_reply(201, {k: v for k, v in store.json.items() if k != "deleted_at"})

    def _get_store(self, request: Request, body: Body, identifier: str) -> Reply:
        store = self._store(identifier, "GetStoreRequest")
        if store.id != identifier:
            raise Refused("store_id_not_found", "Store ID not found", 404)
        return json_reply(200, store.json)

    def _list_stores(self, request: Request, body: Body) -> Reply:
        wanted = request.query.get("name", "")
        stores = [s.json for s in self.stores.values() if not wanted or s.name == wanted]
        page, token = _page(stores, request.query, "ListStoresRequest")
        return json_reply(200, {"stores": page, "continuation_token": token})

    # Models.

    def _write_model(self, request: Request, body: Body, identifier: str) -> Reply:
        store = self._store(identifier, "WriteAuthorizationModelRequest")
        if not body.get("type_definitions"):
            raise invalid(
                "WriteAuthorizationModelRequest.TypeDefinitions",
                "value must contain at least 1 item(s)", "type_definitions_too_few_items")
        if body.get("schema_version") not in ("1.1", "1.2"):
            if body.get("schema_version") == "1.0":
                raise Refused("invalid_authorization_model", "invalid schema version")
            raise invalid("WriteAuthorizationModelRequest.SchemaVersion",
                          "value must be in list [1.0 1.1 1.2]")
        model = Model(ulid(), body)
        store.models.append(model)
        return json_reply(201, {"authorization_model_id": model.id})

    def _list_models(self, request: Request, body: Body, identifier: str) -> Reply:
        store = self._store(identifier, "ReadAuthorizationModelsRequest")
        newest_first = [model.json for model in reversed(store.models)]
        page, token = _page(newest_first, request.query, "ReadAuthorizationModelsRequest")
        return json_reply(200, {"authorization_models": page, "continuation_token": token})

    def _get_model(self, request: Request, body: Body, identifier: str, model: str) -> Reply:
        store = self._store(identifier, "ReadAuthorizationModelRequest")
        check_ulid(model, "ReadAuthorizationModelRequest.Id")
        return json_reply(200, {"authorization_model": _find_model(store, model).json})

    # Tuples.

    def _write(self, request: Request, body: Body, identifier: str) -> Reply:
        store = self._store(identifier, "WriteRequest")
        deletes, missing = _changes(body.get("deletes"), "Deletes", "on_missing")
        writes, duplicate = _changes(body.get("writes"), "Writes", "on_duplicate")
        if not deletes and not writes:
            raise Refused(
                "invalid_write_input",
                "Invalid input. Make sure you provide at least one write, or at least one delete")
        if writes:
            model = self._model(store, body, "WriteRequest")
            for key in writes:
                _check_writable(model, key)
        for key in deletes:
            if not (is_object(key.user) or is_userset(key.user)):
                raise _invalid_tuple(key, "the 'user' field is malformed")
        _check_size(deletes + writes)
        _apply(store.tuples, deletes, missing, writes, duplicate)
        return json_reply(200, {})

    def _read(self, request: Request, body: Body, identifier: str) -> Reply:
        store = self._store(identifier, "ReadRequest")
        key = body.get("tuple_key")
        user = relation = object = ""
        if key is not None:
            user, relation, object = (key.get(n) or "" for n in ("user", "relation", "object"))
            kind, name = split_object(object)
            if not kind or (not name and not user):
                raise Refused(
                    "validation_error",
                    "the 'tuple_key' field was provided but the object type field is required and "
                    "both the object id and user cannot be empty")
        page, token = _page(store.tuples.matching(user, relation, object), body, "ReadRequest")
        return json_reply(200, {
            "tuples": [{"key": {"user": k.user, "relation": k.relation, "object": k.object,
                                "condition": None}, "timestamp": at} for k, at in page],
            "continuation_token": token})

    # Questions.

    def _check(self, request: Request, body: Body, identifier: str) -> Reply:
        store = self._store(identifier, "CheckRequest")
        if not body.get("tuple_key"):
            raise invalid("CheckRequest.TupleKey", "value is required",
                          "tuple_key_value_not_specified")
        model = self._model(store, body, "CheckRequest")
        key = _key(body["tuple_key"])
        if problem := model.why_malformed(key):
            raise Refused("validation_error", problem)
        return json_reply(
            200, {"allowed": store.tuples.check(model, key), "resolution": ""})

    def _objects(self, body: Body, identifier: str, message: str) -> list[str]:
        store = self._store(identifier, message)
        model = self._model(store, body, message)
        kind, relation, user = (body.get(n) or "" for n in ("type", "relation", "user"))
        model.relation(kind, relation)
        if not (is_object(user) or is_userset(user)):
            raise Refused("validation_error", "invalid 'user' value: the 'user' field is malformed")
        if problem := model.why_malformed(Key(f"{kind}:any", relation, user)):
            raise Refused("validation_error", f"invalid 'user' value: {problem}")
        return [name for name in store.tuples.objects(kind)
                if store.tuples.check(model, Key(name, relation, user))]

    def _list_objects(self, request: Request, body: Body, identifier: str) -> Reply:
        found = self._objects(body, identifier, "ListObjectsRequest")
        return json_reply(200, {"objects": found[:OBJECTS_MAX]})

    def _stream_objects(self, request: Request, body: Body, identifier: str) -> Reply:
        found = self._objects(body, identifier, "StreamedListObjectsRequest")
        lines = [json.dumps({"result": {"object": name}}) + "\n" for name in found]
        return Reply(200, "".join(lines).encode())

    def _expand(self, request: Request, body: Body, identifier: str) -> Reply:
        store = self._store(identifier, "ExpandRequest")
        key = body.get("tuple_key") or {}
        object, relation = key.get("object", ""), key.get("relation", "")
        if not object or not relation:
            raise Refused(
                "invalid_expand_input",
                "Invalid input. Make sure you provide an object and a relation")
        model = self._model(store, body, "ExpandRequest")
        rewrite = model.relation(split_object(object)[0], relation).rewrite
        return json_reply(
            200, {"tree": {"root": _expanded(store.tuples, rewrite, object, relation)}})


def _find_model(store: Store, identifier: str) -> Model:
    for model in store.models:
        if model.id == identifier:
            return model
    raise Refused(
        "authorization_model_not_found", f"Authorization Model '{identifier}' not found")


def _page(values: list[Any], asked: dict[str, Any], message: str) -> tuple[list[Any], str]:
    """A page of a list, and the token of the next one."""
    size = asked.get("page_size")
    size = PAGE_DEFAULT if size is None else int(size)
    if not 1 <= size <= PAGE_MAX:
        raise invalid(f"{message}.PageSize", f"value must be inside range [1, {PAGE_MAX}]",
                      "page_size_invalid")
    token, start = asked.get("continuation_token") or "", 0
    if token:
        if not TOKEN.match(token):
            raise invalid(f"{message}.ContinuationToken", "value does not match regex pattern "
                          f'"{TOKEN.pattern}"')
        try:
            start = int(base64.urlsafe_b64decode(token))
        except ValueError:
            raise Refused("invalid_continuation_token", "Invalid continuation token") from None
    end = start + size
    following = base64.urlsafe_b64encode(str(end).encode()).decode() if end < len(values) else ""
    return values[start:end], following


def _key(value: Body) -> Key:
    return Key(*(str(value.get(name) or "") for name in ("object", "relation", "user")))


def _changes(value: Body | None, name: str, option: str) -> tuple[list[Key], bool]:
    """The keys to write or delete, and whether those that change nothing are ignored."""
    if value is None:
        return [], False
    if not value.get("tuple_keys"):
        raise invalid(f"WriteRequest{name}.TupleKeys", "value must contain at least 1 item(s)")
    wanted = value.get(option) or "error"
    if wanted not in ("error", "ignore"):
        raise Refused("validation_error", f"invalid {option} option: {wanted}")
    if any(entry.get("condition") for entry in value["tuple_keys"]):
        raise Refused("validation_error", "undefined condition")
    return [_key(entry) for entry in value["tuple_keys"]], wanted == "ignore"


def _invalid_tuple(key: Key, reason: str) -> Refused:
    return Refused("validation_error", f"Invalid tuple '{key}'. Reason: {reason}")


def _check_writable(model: Model, key: Key) -> None:
    if problem := model.why_malformed(key) or model.why_not_allowed(key):
        raise _invalid_tuple(key, problem)
    if key.user == f"{key.object}#{key.relation}":
        raise _invalid_tuple(key, "cannot write a tuple that is implicit")


def _text(key: Key) -> str:
    return f"user: '{key.user}', relation: '{key.relation}', object: '{key.object}'"


def _check_size(keys: list[Key]) -> None:
    seen: set[Key] = set()
    for key in keys:
        if key in seen:
            raise Refused("cannot_allow_duplicate_tuples_in_one_request",
                          f"duplicate tuple in write: {_text(key)}")
        seen.add(key)
    if len(seen) > WRITES_MAX:
        raise Refused("exceeded_entity_limit", "The number of write operations exceeds the allowed "
                                               f"limit of {WRITES_MAX}")


def _apply(
    tuples: Tuples, deletes: list[Key], ignore_missing: bool, writes: list[Key],
    ignore_duplicates: bool,
) -> None:
    """All of it, or nothing."""
    why = "tuple to be written already existed or the tuple to be deleted did not exist"
    for key in deletes:
        if key not in tuples and not ignore_missing:
            raise Refused("write_failed_due_to_invalid_input",
                          f"cannot delete a tuple which does not exist: {_text(key)}: {why}")
    for key in writes:
        if key in tuples and not ignore_duplicates:
            raise Refused("write_failed_due_to_invalid_input",
                          f"cannot write a tuple which already exists: {_text(key)}: {why}")
    for key in deletes:
        if key in tuples:
            tuples.remove(key)
    for key in writes:
        if key not in tuples:
            tuples.add(key, now())


def _expanded(tuples: Tuples, rewrite: Body, object: str, relation: str) -> Body:
    name = f"{object}#{relation}"
    ((kind, value),) = rewrite.items()
    if kind == "this":
        return {"name": name, "leaf": {"users": {"users": tuples.users(object, relation)}}}
    if kind == "computedUserset":
        userset = f"{object}#{value['relation']}"
        return {"name": name, "leaf": {"computed": {"userset": userset}}}
    nodes = [_expanded(tuples, child, object, relation) for child in value["child"]]
    return {"name": name, "union": {"nodes": nodes}}
