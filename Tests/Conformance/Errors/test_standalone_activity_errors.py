"""How requests about activities that no workflow started are refused."""

from __future__ import annotations

import uuid

import pytest

from Support.raw import RawClient
from Support.refusals import (
    NO_SUCH_RUN, TOO_LARGE, TOO_LONG, Refusal, invalid, not_found)

START = "StartActivityExecution"
BY_ID = (
    "DescribeActivityExecution", "PollActivityExecution", "RequestCancelActivityExecution",
    "TerminateActivityExecution", "DeleteActivityExecution")
ENDS = ("RequestCancelActivityExecution", "TerminateActivityExecution")
MINUTE = {"seconds": 60}
NOT_ENOUGH = (
    "^a valid StartToCloseTimeout or ScheduleToCloseTimeout must be set on the activity. "
    "ActivityId=a ActivityType=t$")


def start(**fields) -> dict:
    """A good request, changed."""
    request = {
        "activity_id": "a", "activity_type": {"name": "t"}, "task_queue": {"name": "q"},
        "start_to_close_timeout": MINUTE, **fields}
    return {name: value for name, value in request.items() if value is not None}


STARTS: list[Refusal] = [
    invalid(START, "no queue", start(task_queue=None), "^taskQueue is not set$"),
    invalid(START, "long queue", start(task_queue={"name": TOO_LONG}), "^taskQueue length"),
    invalid(START, "reserved queue", start(task_queue={"name": "/_sys/q"}), "reserved prefix"),
    invalid(START, "no id", start(activity_id=""), "^activityId is not set$"),
    invalid(START, "long id", start(activity_id=TOO_LONG),
            "^activityId exceeds length limit. Length=1001 Limit=1000$"),
    invalid(START, "no type", start(activity_type=None), "^activityType is not set$"),
    invalid(START, "long type", start(activity_type={"name": TOO_LONG}),
            "^activityType exceeds length limit. Length=1001 Limit=1000$"),
    invalid(START, "no timeout", start(start_to_close_timeout=None), NOT_ENOUGH),
    invalid(START, "negative timeout", start(schedule_to_close_timeout={"seconds": -1}),
            "^invalid ScheduleToCloseTimeout: "),
    invalid(START, "negative delay", start(start_delay={"seconds": -1}), "^invalid StartDelay: "),
    invalid(START, "bad retry policy", start(retry_policy={"backoff_coefficient": 0.5}),
            "^BackoffCoefficient cannot be less than 1 on retry policy"),
    invalid(START, "bad priority", start(priority={"priority_key": -1}),
            "^invalid priorities: priority key can't be negative$"),
    invalid(START, "long request id", start(request_id=TOO_LONG),
            "^request ID exceeds length limit. Length=1001 Limit=1000$"),
    invalid(START, "long identity", start(identity=TOO_LONG),
            "^identity exceeds length limit. Length=1001 Limit=1000$"),
    invalid(START, "large input", start(input={"payloads": [{"data": TOO_LARGE.encode()}]}),
            "^input exceeds length limit$"),
    invalid(START, "unknown reuse policy", start(id_reuse_policy=9),
            "^unsupported ID reuse policy: 9$"),
    invalid(START, "unknown conflict policy", start(id_conflict_policy=9),
            "^unsupported ID conflict policy: 9$"),
    invalid(START, "long summary", start(user_metadata={"summary": {"data": b"x" * 401}}),
            r"^user_metadata\.summary exceeds size limit\. Length=\d+ Limit=400$"),
    invalid(START, "unknown attribute",
            start(search_attributes={"indexed_fields": {"NoSuch": {"data": b"1"}}}),
            "Namespace .+ has no mapping defined for search attribute NoSuch"),
    invalid(START, "callbacks", start(completion_callbacks=[{"nexus": {"url": "http://x"}}]),
            "^completion callbacks are not enabled for this namespace$"),
    invalid(START, "many links", start(links=[{"batch_job": {"job_id": "j"}}] * 11),
            "^cannot attach more than 10 links per request, got 11$"),
    invalid(START, "callbacks without request id",
            start(on_conflict_options={"attach_completion_callbacks": True}),
            "^on_conflict_options: attach_completion_callbacks requires attach_request_id"),
    invalid(START, "nothing to attach", start(on_conflict_options={"attach_request_id": True}),
            "^on_conflict_options: attach_request_id requires at least one"),
    Refusal(
        START, "running",
        lambda w: start(activity_id=running(w), request_id=str(uuid.uuid4())), "ALREADY_EXISTS",
        "^activity execution already started$", detail="ActivityExecutionAlreadyStartedFailure",
        detail_fields={"start_request_id": "."}),
]


def running(world) -> str:
    """An activity that nobody has taken."""
    world.raw.start_activity(f"{world.base}-running", world.queue, request_id=world.base)
    return f"{world.base}-running"


def by_id(rpc: str) -> list[Refusal]:
    rows = [
        invalid(rpc, "no id", {}, "^activity ID is required$"),
        invalid(rpc, "long id", {"activity_id": TOO_LONG},
                "^activity ID exceeds length limit. Length=1001 Limit=1000$"),
        invalid(rpc, "malformed run id", {"activity_id": "a", "run_id": "r"},
                "^invalid run id: must be a valid UUID$"),
        not_found(rpc, "unknown", {"activity_id": "no-such"},
                  "^activity not found for ID: no-such$"),
        not_found(rpc, "unknown run", lambda w: {"activity_id": running(w), "run_id": NO_SUCH_RUN},
                  "^activity not found for ID: "),
        not_found(rpc, "a workflow", lambda w: {"activity_id": w.running},
                  "^activity not found for ID: "),
    ]
    if rpc in ENDS:
        rows += [
            invalid(rpc, "long request id", {"activity_id": "a", "request_id": TOO_LONG},
                    "^request ID exceeds length limit. Length=1001 Limit=1000$"),
            invalid(rpc, "long identity", {"activity_id": "a", "identity": TOO_LONG},
                    "^identity exceeds length limit. Length=1001 Limit=1000$"),
            invalid(rpc, "long reason", {"activity_id": "a", "reason": TOO_LARGE},
                    "^reason exceeds length limit$"),
        ]
    return rows


TABLE: list[Refusal] = [
    *STARTS,
    *[row for rpc in BY_ID for row in by_id(rpc)],
    invalid("DescribeActivityExecution", "token without run",
            {"activity_id": "a", "long_poll_token": b"x"},
            "^run id is required when long poll token is provided$"),
    invalid("ListActivityExecutions", "unknown attribute", {"query": "Nope = 1"}, "invalid query"),
    invalid("CountActivityExecutions", "unknown attribute", {"query": "Nope = 1"},
            "invalid query"),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.id)
def test_refused(raw: RawClient, names, row: Refusal) -> None:
    row.check(raw, names())
