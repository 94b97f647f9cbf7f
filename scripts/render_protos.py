#!/usr/bin/env python3
"""Renders the API definitions of Sources/Server/API/Protos from installed Python packages.

The descriptors inside the pinned `temporalio` package are the source of the interface facts:
packages, messages, fields, numbers, types, enums, services and HTTP routes. Comments and
language-specific options are left out, as are the cloud and export packages.

  render_protos.py DIRECTORY          writes the files
  render_protos.py --check DIRECTORY  exits 1 and names every file that differs
"""

import importlib
import pathlib
import sys

from google.protobuf import descriptor_pb2

ROOTS = [
    "temporalio.api.workflowservice.v1.service_pb2",
    "temporalio.api.operatorservice.v1.service_pb2",
    "temporalio.api.errordetails.v1.message_pb2",
    "temporalio.api.common.v1.grpc_status_pb2",
    "temporalio.api.sdk.v1.workflow_metadata_pb2",
    "grpc_health.v1.health_pb2",
    "grpc_reflection.v1alpha.reflection_pb2",
]

# Names of the files that neither carry facts the server needs nor compile without their plug-ins.
LEFT_OUT = ("temporal/api/protometa/", "nexusannotations/", "google/protobuf/")

# The package publishes the reflection service under its older name only; both are the same messages.
RENAMED = {
    "grpc/reflection/v1/reflection.proto": (
        "grpc_reflection/v1alpha/reflection.proto",
        "grpc.reflection.v1alpha",
        "grpc.reflection.v1",
    )
}
PATHS = {
    "grpc_health/v1/health.proto": "grpc/health/v1/health.proto",
    "grpc_reflection/v1alpha/reflection.proto": "grpc/reflection/v1alpha/reflection.proto",
    "reflection.proto": "grpc/reflection/v1alpha/reflection.proto",
}

FIELD = descriptor_pb2.FieldDescriptorProto
SCALARS = {
    FIELD.TYPE_DOUBLE: "double", FIELD.TYPE_FLOAT: "float", FIELD.TYPE_INT64: "int64",
    FIELD.TYPE_UINT64: "uint64", FIELD.TYPE_INT32: "int32", FIELD.TYPE_FIXED64: "fixed64",
    FIELD.TYPE_FIXED32: "fixed32", FIELD.TYPE_BOOL: "bool", FIELD.TYPE_STRING: "string",
    FIELD.TYPE_BYTES: "bytes", FIELD.TYPE_UINT32: "uint32", FIELD.TYPE_SFIXED32: "sfixed32",
    FIELD.TYPE_SFIXED64: "sfixed64", FIELD.TYPE_SINT32: "sint32", FIELD.TYPE_SINT64: "sint64",
}  # fmt: skip


def reachable_files():
    """Every file descriptor reachable from the roots, by path."""
    found = {}

    def walk(file):
        if file.name in found:
            return
        found[file.name] = file
        for dependency in file.dependencies:
            walk(dependency)

    for root in ROOTS:
        walk(importlib.import_module(root).DESCRIPTOR)
    return found


class Renderer:
    """Writes one file descriptor as proto source."""

    def __init__(self, file):
        self.file = file
        self.lines = []

    def line(self, depth, text):
        self.lines.append("  " * depth + text if text else "")

    def render(self):
        file = self.file
        self.line(0, f'syntax = "{file.syntax or "proto2"}";')
        self.line(0, "")
        self.line(0, f"package {file.package};")
        imports = [PATHS.get(d, d) for d in file.dependency if not left_out(d) or d.startswith("google/protobuf/")]
        if imports:
            self.line(0, "")
        for path in imports:
            self.line(0, f'import "{path}";')
        for enum in file.enum_type:
            self.line(0, "")
            self.enum(0, enum)
        for message in file.message_type:
            self.line(0, "")
            self.message(0, message, f".{file.package}.{message.name}")
        if file.extension:
            self.line(0, "")
            self.extensions(file.extension)
        for service in file.service:
            self.line(0, "")
            self.service(service)
        return "\n".join(self.lines) + "\n"

    def extensions(self, fields):
        for extendee in sorted({f.extendee for f in fields}):
            self.line(0, f"extend {extendee.lstrip('.')} {{")
            for field in fields:
                if field.extendee == extendee:
                    self.line(1, self.field_text(field, {}))
            self.line(0, "}")

    def enum(self, depth, enum):
        self.line(depth, f"enum {enum.name} {{")
        if enum.options.allow_alias:
            self.line(depth + 1, "option allow_alias = true;")
        for value in enum.value:
            suffix = " [deprecated = true]" if value.options.deprecated else ""
            self.line(depth + 1, f"{value.name} = {value.number}{suffix};")
        self.reserved(depth + 1, enum, inclusive=True)
        self.line(depth, "}")

    def reserved(self, depth, owner, inclusive):
        ranges = []
        for r in owner.reserved_range:
            end = r.end if inclusive else r.end - 1
            ranges.append(str(r.start) if r.start == end else f"{r.start} to {end}")
        if ranges:
            self.line(depth, f"reserved {', '.join(ranges)};")
        if owner.reserved_name:
            self.line(depth, "reserved " + ", ".join(f'"{n}"' for n in owner.reserved_name) + ";")

    def message(self, depth, message, full_name):
        self.line(depth, f"message {message.name} {{")
        if message.options.deprecated:
            self.line(depth + 1, "option deprecated = true;")
        entries = {
            f"{full_name}.{n.name}": n for n in message.nested_type if n.options.map_entry
        }
        for enum in message.enum_type:
            self.enum(depth + 1, enum)
        for nested in message.nested_type:
            if not nested.options.map_entry:
                self.message(depth + 1, nested, f"{full_name}.{nested.name}")
        self.fields(depth + 1, message, entries)
        self.reserved(depth + 1, message, inclusive=False)
        self.line(depth, "}")

    def fields(self, depth, message, entries):
        written = set()
        for field in message.field:
            in_oneof = field.HasField("oneof_index") and not field.proto3_optional
            if not in_oneof:
                self.line(depth, self.field_text(field, entries))
            elif field.oneof_index not in written:
                written.add(field.oneof_index)
                self.line(depth, f"oneof {message.oneof_decl[field.oneof_index].name} {{")
                for member in message.field:
                    if member.HasField("oneof_index") and member.oneof_index == field.oneof_index:
                        self.line(depth + 1, self.field_text(member, entries))
                self.line(depth, "}")

    def type_name(self, field):
        return SCALARS.get(field.type) or field.type_name.lstrip(".")

    def field_text(self, field, entries):
        entry = entries.get(field.type_name)
        if entry is not None:
            key, value = entry.field
            kind = f"map<{self.type_name(key)}, {self.type_name(value)}>"
        elif field.label == FIELD.LABEL_REPEATED:
            kind = f"repeated {self.type_name(field)}"
        elif field.proto3_optional:
            kind = f"optional {self.type_name(field)}"
        elif self.file.syntax != "proto3":
            kind = f"optional {self.type_name(field)}"
        else:
            kind = self.type_name(field)
        suffix = " [deprecated = true]" if field.options.deprecated else ""
        return f"{kind} {field.name} = {field.number}{suffix};"

    def service(self, service):
        self.line(0, f"service {service.name} {{")
        for method in service.method:
            request = ("stream " if method.client_streaming else "") + method.input_type.lstrip(".")
            reply = ("stream " if method.server_streaming else "") + method.output_type.lstrip(".")
            head = f"rpc {method.name}({request}) returns ({reply})"
            rules = list(http_rules(method))
            if not rules and not method.options.deprecated:
                self.line(1, head + ";")
                continue
            self.line(1, head + " {")
            if method.options.deprecated:
                self.line(2, "option deprecated = true;")
            for rule in rules:
                self.line(2, "option (google.api.http) = {")
                self.http_rule(3, rule)
                self.line(2, "};")
            self.line(1, "}")
        self.line(0, "}")

    def http_rule(self, depth, rule):
        verb = rule.WhichOneof("pattern")
        self.line(depth, f'{verb}: "{getattr(rule, verb)}"')
        if rule.body:
            self.line(depth, f'body: "{rule.body}"')
        for more in rule.additional_bindings:
            self.line(depth, "additional_bindings {")
            self.http_rule(depth + 1, more)
            self.line(depth, "}")


def http_rules(method):
    from google.api import annotations_pb2

    if method.options.HasExtension(annotations_pb2.http):
        yield method.options.Extensions[annotations_pb2.http]


def left_out(path):
    return path.startswith(LEFT_OUT)


def rendered():
    """Path below the target directory → contents."""
    files, out = reachable_files(), {}
    protos = {}
    for name, file in files.items():
        proto = descriptor_pb2.FileDescriptorProto()
        file.CopyToProto(proto)
        protos[PATHS.get(name, name)] = proto
    for path, (_, old, new) in RENAMED.items():
        source = protos["grpc/reflection/v1alpha/reflection.proto"]
        text = source.SerializeToString()
        copy = descriptor_pb2.FileDescriptorProto.FromString(text)
        copy.package = new
        rename_types(copy, f".{old}.", f".{new}.")
        protos[path] = copy
    for path, proto in protos.items():
        if not left_out(path):
            out[path] = Renderer(proto).render()
    return out


def rename_types(message, old, new):
    for field, value in message.ListFields():
        if field.type == field.TYPE_MESSAGE:
            for child in value if field.is_repeated else [value]:
                rename_types(child, old, new)
        elif field.type == field.TYPE_STRING and not field.is_repeated and value.startswith(old):
            setattr(message, field.name, new + value[len(old):])


def main():
    check = "--check" in sys.argv
    target = pathlib.Path([a for a in sys.argv[1:] if a != "--check"][0])
    files, different = rendered(), []
    for path, text in sorted(files.items()):
        file = target / path
        if check:
            if not file.exists() or file.read_text() != text:
                different.append(path)
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    for folder in ("temporal", "google", "grpc"):
        for file in (target / folder).rglob("*.proto"):
            path = str(file.relative_to(target))
            if path not in files:
                different.append(path)
    if check and different:
        print("differ from the installed packages:", *different, sep="\n  ")
        return 1
    print(f"{len(files)} files {'agree' if check else 'written'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
