"""Which callbacks are taken, and what is said of those that are not."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Callable

import pytest
from temporalio.api.common.v1 import Callback, Link
from temporalio.api.enums.v1 import WorkflowIdConflictPolicy as Conflict
from temporalio.api.workflow.v1 import OnConflictOptions

from Support.callbacks import ANYWHERE, flags
from Support.errors import expect_error
from Support.raw import RawClient, seconds
from Support.receiver import Receiver
from Support.server import TargetServer, binary_path

URL = "http://127.0.0.1:1/x"


def _nexus(url: str, **header: str) -> Callback:
    return Callback(nexus=Callback.Nexus(url=url, header=header))


def test_no_address_is_allowed_by_default(raw: RawClient, names) -> None:
    with expect_error(
        "INVALID_ARGUMENT",
        match=r"^invalid url: url does not match any configured callback address: "
              r"https://example\.com:443/x$",
    ):
        raw.start(
            names(), names.task_queue,
            completion_callbacks=[_nexus("https://u:p@example.com:443/x?secret=1")])


@pytest.mark.parametrize("callback, code, text", [
    (_nexus("ftp://host/x"), "INVALID_ARGUMENT", "^invalid url: unknown scheme: ftp://host/x$"),
    (_nexus("host"), "INVALID_ARGUMENT", "^invalid url: unknown scheme: host$"),
    (_nexus(""), "INVALID_ARGUMENT", "^invalid url: unknown scheme: $"),
    (_nexus("http:///x"), "INVALID_ARGUMENT", "^invalid url: missing host$"),
    (_nexus("http://a b/"), "INVALID_ARGUMENT", "^invalid callback url"),
    (_nexus("http://a/" + "x" * 1000), "INVALID_ARGUMENT",
     "^invalid url: url length longer than max length allowed of 1000$"),
    (_nexus(URL, k="v" * 8192), "INVALID_ARGUMENT",
     "^invalid header: header size longer than max allowed size of 8192$"),
    (Callback(internal=Callback.Internal(data=b"x")), "INVALID_ARGUMENT",
     "unsupported callback variant"),
    (Callback(nexus_handler={}), "UNIMPLEMENTED", "^callbacks to nexus handlers are not built yet$"),
    (Callback(), "UNIMPLEMENTED", "^unknown callback variant"),
    (_nexus("temporal://system"), "UNIMPLEMENTED", "temporal://system are not built yet"),
    (Callback(nexus=Callback.Nexus(url=URL), links=[Link()]), "INVALID_ARGUMENT",
     "unsupported link variant"),
], ids=lambda value: None)
def test_refused(watched: RawClient, names, callback: Callback, code: str, text: str) -> None:
    with expect_error(code, match=text):
        watched.start(names(), names.task_queue, completion_callbacks=[callback])


def test_too_many(watched: RawClient, names) -> None:
    with expect_error(
        "INVALID_ARGUMENT", match="^cannot attach more than 2000 callbacks to an execution$"
    ):
        watched.start(names(), names.task_queue, completion_callbacks=[_nexus(URL)] * 2001)


def test_too_many_in_all(own_server: Callable[..., TargetServer], names) -> None:
    server = own_server(extra=flags(ANYWHERE, "callback.maxPerExecution=3")).start()
    raw = RawClient(server.address)
    raw.start("w", "q", completion_callbacks=[_nexus(URL)] * 2)
    with expect_error(
        "FAILED_PRECONDITION",
        match=r"^cannot attach more than 3 callbacks to a workflow \(2 callbacks already attached\)$",
    ):
        raw.start(
            "w", "q", completion_callbacks=[_nexus(URL)] * 2, request_id=str(uuid.uuid4()),
            workflow_id_conflict_policy=Conflict.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
            on_conflict_options=OnConflictOptions(
                attach_request_id=True, attach_completion_callbacks=True))
    assert len(raw.history("w")) == 2
    raw.close()


class ConfiguredServer(TargetServer):
    """A server that reads its configuration from files."""

    @property
    def command(self) -> list[str]:
        return [str(binary_path()), "--config", str(self.directory), "start"]


RULES = """
callback.allowedAddresses:
  - value:
      - Pattern: "127.0.0.1:*"
      - Pattern: "*"
        AllowInsecure: true
  - value:
      - Pattern: "127.0.0.*"
        AllowInsecure: true
    constraints:
      namespace: free
"""

STATIC = """
persistence:
  defaultStore: main
  visibilityStore: main
  numHistoryShards: 4
  datastores:
    main:
      sql:
        pluginName: sqlite
        databaseName: "{directory}/rules.sqlite"
services:
  frontend:
    rpc:
      grpcPort: {port}
      bindOnIP: 127.0.0.1
dynamicConfigClient:
  filepath: "{directory}/rules.yaml"
"""


def test_rules_of_a_namespace(tmp_path: Path, receiver: Receiver) -> None:
    server = ConfiguredServer(tmp_path)
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "development.yaml").write_text(
        STATIC.format(directory=tmp_path, port=server.port))
    server.start()
    try:
        free, strict = (RawClient(server.address, name) for name in ("free", "strict"))
        for raw in (free, strict):
            raw.call("RegisterNamespace", namespace=raw.namespace,
                     workflow_execution_retention_period=seconds(86400))
        free.start("w", "q", completion_callbacks=[receiver.callback("/free")])
        free.terminate("w")
        assert receiver.wait("/free").state == "failed"
        with expect_error(
            "INVALID_ARGUMENT",
            match="^invalid url: callback address does not allow insecure connections: ",
        ):
            strict.start("w", "q", completion_callbacks=[receiver.callback("/strict")])
        strict.start("w", "q", completion_callbacks=[_nexus("https://127.0.0.1:1/x")])
    finally:
        server.stop()


def test_links_that_come_with_a_callback_count_once(watched: RawClient, names) -> None:
    def link(name: str) -> Link:
        return Link(workflow_event=Link.WorkflowEvent(
            namespace="default", workflow_id=name, run_id="r"))
    watched.start(
        names(), names.task_queue, links=[link("own"), link("shared")],
        completion_callbacks=[Callback(nexus=Callback.Nexus(url=URL), links=[link("shared")])])
    event = watched.history(names())[0]
    assert [item.workflow_event.workflow_id for item in event.links] == ["own"]
    sent = event.workflow_execution_started_event_attributes.completion_callbacks[0]
    assert [item.workflow_event.workflow_id for item in sent.links] == ["shared"]
    with expect_error("INVALID_ARGUMENT", match="cannot attach more than 10 links"):
        watched.start(
            names("many"), names.task_queue, links=[link(f"{n}") for n in range(6)],
            completion_callbacks=[Callback(
                nexus=Callback.Nexus(url=URL), links=[link(f"{n}") for n in range(6, 11)])])
