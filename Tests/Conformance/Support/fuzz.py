"""Random requests made from descriptors, all from one seed."""

from __future__ import annotations

import random
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

_EXTREMES = [0, 1, -1, 2, 7, 255, 2**31 - 1, -(2**31), 2**63 - 1, -(2**63), 10**12]


class Fuzzer:
    """Fills any message; `words` and `tokens` are values that get past the first checks."""

    def __init__(self, seed: int, words: list[str], tokens: list[bytes]):
        self.random = random.Random(seed)
        self.words = words
        self.tokens = tokens

    def message(self, descriptor: Descriptor, namespace: str) -> Message:
        """A random message; its namespace is mostly the one given."""
        made = GetMessageClass(descriptor)()
        self._fill(made, depth=0)
        field = descriptor.fields_by_name.get("namespace")
        if field is not None and field.type == FieldDescriptor.TYPE_STRING:
            if self.random.random() < 0.85:
                made.namespace = namespace
        return made

    def garbage(self) -> bytes:
        """Bytes that are hardly any message."""
        return self.random.randbytes(self.random.choice([1, 3, 17, 200, 5000]))

    def _fill(self, message: Message, depth: int) -> None:
        density = self.random.choice([0.2, 0.6, 0.95]) if depth < 4 else 0.0
        for field in message.DESCRIPTOR.fields:
            if self.random.random() > density:
                continue
            if field.type == FieldDescriptor.TYPE_MESSAGE:
                self._fill_message_field(message, field, depth)
            elif field.is_repeated:
                getattr(message, field.name).extend(
                    self._scalar(field) for _ in range(self.random.randint(0, 3)))
            else:
                setattr(message, field.name, self._scalar(field))

    def _fill_message_field(self, message: Message, field: FieldDescriptor, depth: int) -> None:
        value = getattr(message, field.name)
        if field.message_type.GetOptions().map_entry:
            kind = field.message_type.fields_by_name["value"]
            for _ in range(self.random.randint(0, 3)):
                key = self._scalar(field.message_type.fields_by_name["key"])
                if kind.type == FieldDescriptor.TYPE_MESSAGE:
                    self._fill(value[key], depth + 1)
                else:
                    value[key] = self._scalar(kind)
        elif field.is_repeated:
            for _ in range(self.random.randint(0, 3)):
                self._fill(value.add(), depth + 1)
        else:
            value.SetInParent()
            self._fill(value, depth + 1)

    def _scalar(self, field: FieldDescriptor) -> Any:
        kind = field.cpp_type
        if field.type == FieldDescriptor.TYPE_BYTES:
            return self._bytes()
        if kind == FieldDescriptor.CPPTYPE_STRING:
            return self._string()
        if kind == FieldDescriptor.CPPTYPE_BOOL:
            return self.random.random() < 0.5
        if kind in (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT):
            return self.random.choice([0.0, -1.0, 1e300, float("nan"), float("inf"), 0.5]) \
                if kind == FieldDescriptor.CPPTYPE_DOUBLE \
                else self.random.choice([0.0, -1.0, 1e30, float("nan"), float("inf"), 0.5])
        if kind == FieldDescriptor.CPPTYPE_ENUM:
            if self.random.random() < 0.8:
                return self.random.choice(field.enum_type.values).number
            return self.random.choice([-1, 99, 2**31 - 1, -(2**31)])
        bits = 32 if kind in (
            FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_UINT32) else 64
        unsigned = kind in (FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64)
        low, high = (0, 2**bits - 1) if unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        return min(max(self.random.choice(_EXTREMES), low), high)

    def _string(self) -> str:
        shape = self.random.random()
        if shape < 0.6:
            return self.random.choice(self.words)
        if shape < 0.65:
            return "x" * self.random.choice([255, 1000, 1001, 70_000])
        if shape < 0.7:
            return ""
        alphabet = "abc'\"\\;%_\x00\n/日\U0001f600{}[]$.-\u202e"
        return "".join(self.random.choice(alphabet) for _ in range(self.random.randint(1, 30)))

    def _bytes(self) -> bytes:
        shape = self.random.random()
        if shape < 0.5 and self.tokens:
            token = bytearray(self.random.choice(self.tokens))
            if self.random.random() < 0.6 and token:
                for _ in range(self.random.randint(1, 4)):
                    token[self.random.randrange(len(token))] = self.random.randrange(256)
                token = token[: self.random.randint(0, len(token))] \
                    if self.random.random() < 0.3 else token
            return bytes(token)
        return self.random.randbytes(self.random.choice([0, 1, 8, 64, 1000]))
