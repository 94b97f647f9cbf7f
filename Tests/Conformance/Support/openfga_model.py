"""OpenFGA's models and tuples: direct relations, usersets, unions and computed usersets.

What OpenFGA knows beyond that (intersections, exclusions, relations from another relation,
conditions) is refused when a model is written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Iterator, NamedTuple, NoReturn

DEPTH_MAX = 25
NAME = re.compile(r"^[^:#@\s]{1,254}$")
RELATION = re.compile(r"^[^:#@\s]{1,50}$")


class Refused(Exception):
    """What OpenFGA answers instead: an HTTP status, a code and a message."""

    def __init__(self, code: str, message: str, status: int = 400):
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


class Key(NamedTuple):
    """A relationship tuple."""

    object: str
    relation: str
    user: str

    def __str__(self) -> str:
        return f"{self.object}#{self.relation}@{self.user}"


@dataclass(frozen=True)
class Allowed:
    """A type of user that may be related directly: `user`, `group#member` or `user:*`."""

    type: str
    relation: str
    wildcard: bool

    @property
    def json(self) -> dict[str, Any]:
        answer: dict[str, Any] = {"type": self.type}
        if self.relation:
            answer["relation"] = self.relation
        if self.wildcard:
            answer["wildcard"] = {}
        return answer | {"condition": ""}


@dataclass
class Relation:
    """A relation of a type: who may be named directly, and which other relations imply it."""

    is_direct: bool
    computed: list[str]
    rewrite: dict[str, Any]
    allowed: list[Allowed]


def split_object(value: str) -> tuple[str, str]:
    """Type and id."""
    kind, colon, name = value.partition(":")
    return (kind, name) if colon else ("", value)


def split_userset(value: str) -> tuple[str, str]:
    """Object and relation; the relation is empty if it is no userset."""
    name, _, relation = value.partition("#")
    return name, relation


def is_object(value: str) -> bool:
    kind, colon, name = value.partition(":")
    return bool(kind and colon and name) and not re.search(r"[#\s]", value) and ":" not in name


def is_userset(value: str) -> bool:
    name, hash_sign, relation = value.partition("#")
    return bool(hash_sign) and is_object(name) and bool(RELATION.match(relation))


class Model:
    """An authorization model, checked when it is made."""

    def __init__(self, identifier: str, body: dict[str, Any]):
        self.id = identifier
        self.schema_version = body.get("schema_version") or "1.1"
        self.types: dict[str, dict[str, Relation]] = {}
        for definition in body["type_definitions"]:
            self._add(definition)
        self._check()

    def _add(self, definition: dict[str, Any]) -> None:
        name = definition.get("type", "")
        if not NAME.match(name):
            raise Refused("type_invalid_pattern", f"invalid type '{name}'")
        if name in self.types:
            raise Refused(
                "invalid_authorization_model",
                "an authorization model cannot contain duplicate types")
        metadata = ((definition.get("metadata") or {}).get("relations")) or {}
        relations = definition.get("relations") or {}
        self.types[name] = {
            relation: _relation(rewrite, metadata.get(relation) or {})
            for relation, rewrite in relations.items()}

    def _check(self) -> None:
        for name, relations in self.types.items():
            for label, relation in relations.items():
                where = f"'{name}#{label}'"
                if relation.is_direct and not relation.allowed:
                    _invalid(f"the relation type '{label}' on object type '{name}' is assignable "
                             "but has no type restrictions")
                if relation.allowed and not relation.is_direct:
                    _invalid(f"{where} has type restrictions but is not assignable")
                for other in relation.computed:
                    if other not in relations:
                        _invalid(f"{where} refers to '{name}#{other}', which is undefined")
                for allowed in relation.allowed:
                    known = self.types.get(allowed.type)
                    if known is None or (allowed.relation and allowed.relation not in known):
                        _invalid(f"{where} allows '{allowed.type}#{allowed.relation}', "
                                 "which is undefined")

    @property
    def json(self) -> dict[str, Any]:
        """The model as OpenFGA returns it."""
        return {
            "id": self.id, "schema_version": self.schema_version,
            "type_definitions": [_definition(*entry) for entry in self.types.items()],
            "conditions": {}}

    # What must hold of a tuple.

    def relation(self, kind: str, relation: str) -> Relation:
        """A relation that must be defined."""
        if kind not in self.types:
            raise Refused("type_not_found", f"type '{kind}' not found")
        if relation not in self.types[kind]:
            raise Refused("relation_not_found", f"relation '{kind}#{relation}' not found")
        return self.types[kind][relation]

    def why_malformed(self, key: Key) -> str | None:
        """Why a tuple does not fit the model, restrictions of types aside."""
        if not (is_object(key.user) or is_userset(key.user)):
            return "the 'user' field is malformed"
        user, relation = split_userset(key.user)
        if problem := self._why_unknown(split_object(user)[0], relation):
            return problem
        if not is_object(key.object):
            return "invalid 'object' field format"
        kind, name = split_object(key.object)
        if name == "*":
            return "the 'object' field cannot reference a typed wildcard"
        return self._why_unknown(kind, key.relation)

    def _why_unknown(self, kind: str, relation: str) -> str | None:
        if kind not in self.types:
            return f"type '{kind}' not found"
        if relation and relation not in self.types[kind]:
            return f"relation '{kind}#{relation}' not found"
        return None

    def why_not_allowed(self, key: Key) -> str | None:
        """Why a tuple breaks the restrictions of types."""
        target = split_object(key.object)[0]
        user, relation = split_userset(key.user)
        kind, name = split_object(user)
        wanted = Allowed(kind, relation, name == "*")
        if wanted in self.types[target][key.relation].allowed:
            return None
        where = f"'{target}#{key.relation}'"
        if relation:
            return f"'{kind}#{relation}' is not an allowed type restriction for {where}"
        if wanted.wildcard:
            return f"the typed wildcard '{user}' is not an allowed type restriction for {where}"
        return f"type '{kind}' is not an allowed type restriction for {where}"


def _relation(rewrite: dict[str, Any], metadata: dict[str, Any]) -> Relation:
    allowed = [
        Allowed(entry["type"], entry.get("relation", ""), "wildcard" in entry)
        for entry in metadata.get("directly_related_user_types") or []]
    leaves = list(_leaves(rewrite))
    return Relation(
        "" in leaves, [leaf for leaf in leaves if leaf], _normal(rewrite), allowed)


def _leaves(rewrite: dict[str, Any]) -> Iterator[str]:
    """The relations a rewrite is the union of; the empty name is the relation's own tuples."""
    ((kind, value),) = rewrite.items() or {"": {}}.items()
    if kind == "this":
        yield ""
    elif kind in ("computedUserset", "computed_userset"):
        yield value["relation"]
    elif kind == "union":
        for child in value["child"]:
            yield from _leaves(child)
    else:
        _invalid(f"this stand-in has no rewrite '{kind}'")


def _normal(rewrite: dict[str, Any]) -> dict[str, Any]:
    ((kind, value),) = rewrite.items()
    if kind == "this":
        return {"this": {}}
    if kind == "union":
        return {"union": {"child": [_normal(child) for child in value["child"]]}}
    return {"computedUserset": {"object": "", "relation": value["relation"]}}


def _definition(name: str, relations: dict[str, Relation]) -> dict[str, Any]:
    empty = {"module": "", "source_info": None}
    metadata = {
        label: {"directly_related_user_types": [a.json for a in relation.allowed]} | empty
        for label, relation in relations.items()}
    return {
        "type": name,
        "relations": {label: relation.rewrite for label, relation in relations.items()},
        "metadata": ({"relations": metadata} | empty) if metadata else None}


def _invalid(message: str) -> NoReturn:
    raise Refused("invalid_authorization_model", message)


class Tuples:
    """The tuples of a store in the order they were written, and what follows from them."""

    def __init__(self) -> None:
        self._written: dict[Key, str] = {}
        self._users: dict[tuple[str, str], dict[str, None]] = {}
        self._of_user: dict[str, dict[Key, None]] = {}

    def __contains__(self, key: Key) -> bool:
        return key in self._written

    def __len__(self) -> int:
        return len(self._written)

    def add(self, key: Key, timestamp: str) -> None:
        self._written[key] = timestamp
        self._users.setdefault((key.object, key.relation), {})[key.user] = None
        self._of_user.setdefault(key.user, {})[key] = None

    def remove(self, key: Key) -> None:
        del self._written[key]
        del self._users[key.object, key.relation][key.user]
        del self._of_user[key.user][key]

    def matching(self, user: str, relation: str, object: str) -> list[tuple[Key, str]]:
        """The tuples a filter names; an object may be a type alone: `group:`."""
        keys = self._of_user.get(user, {}) if user else self._written
        return [
            (key, self._written[key]) for key in keys
            if (not relation or key.relation == relation)
            and (key.object.startswith(object) if object.endswith(":") else
                 not object or key.object == object)]

    def objects(self, kind: str) -> list[str]:
        """Every object of a type that a tuple names."""
        return list({key.object: None for key in self._written
                     if key.object.startswith(f"{kind}:")})

    def users(self, object: str, relation: str) -> list[str]:
        return list(self._users.get((object, relation), ()))

    def check(self, model: Model, key: Key, depth: int = 0) -> bool:
        """Whether the user has the relation to the object, directly or by what implies it."""
        if depth > DEPTH_MAX:
            raise Refused(
                "authorization_model_resolution_too_complex",
                "Authorization Model resolution required too many rewrite rules to be resolved.")
        if key.user == f"{key.object}#{key.relation}":
            return True
        relation = model.relation(split_object(key.object)[0], key.relation)
        if relation.is_direct and self._is_named(model, key, depth):
            return True
        return any(self.check(model, key._replace(relation=other), depth + 1)
                   for other in relation.computed)

    def _is_named(self, model: Model, key: Key, depth: int) -> bool:
        users = self._users.get((key.object, key.relation), {})
        if key.user in users or f"{split_object(key.user)[0]}:*" in users:
            return True
        return any(
            self.check(model, Key(*split_userset(user), key.user), depth + 1)
            for user in users if is_userset(user))
