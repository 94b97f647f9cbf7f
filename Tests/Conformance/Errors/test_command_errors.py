"""How commands about the workflow itself are refused: the task fails with the command's cause."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import Memo, Priority, RetryPolicy, SearchAttributes

from Support.errors import expect_error
from Support.histories import IDLE, assert_history, find, types
from Support.raw import (
    RawClient, cancel_activity, cancel_timer, complete, continue_as_new, fail,
    marker, payload, payloads, schedule_activity, start_child, start_timer,
    upsert_search_attributes,
)
from Support.refusals import TOO_LARGE, TOO_LONG, World, invalid

LONG = r"Length=1001 Limit=1000"
NEGATIVE = Duration(seconds=-1)
MIXED = Duration(seconds=1, nanos=-1)
DIFFERENT_SIGNS = "duration has seconds and nanos with different signs"
STATE = "invalid history builder state for action"
RESERVED = "/_sys/q/1"
INTERNAL = "temporal-sys-per-ns-tq"
# What Temporal says of a retry policy, and a policy it says it of.
POLICIES = [
    ("invalid InitialInterval set on retry policy: negative duration",
     RetryPolicy(initial_interval=NEGATIVE)),
    ("BackoffCoefficient cannot be less than 1 on retry policy.",
     RetryPolicy(backoff_coefficient=0.5)),
    ("invalid MaximumInterval set on retry policy: negative duration",
     RetryPolicy(maximum_interval=NEGATIVE)),
    ("MaximumInterval cannot be less than InitialInterval on retry policy.",
     RetryPolicy(initial_interval=Duration(seconds=2), maximum_interval=Duration(seconds=1))),
    ("MaximumAttempts cannot be negative on retry policy.", RetryPolicy(maximum_attempts=-1)),
    ("Invalid timeout type value: Never.",
     RetryPolicy(non_retryable_error_types=["TemporalTimeout:Never"])),
]


@dataclass(frozen=True)
class Row:
    """Commands, of which the last cannot be carried out, and what the worker is told of it."""

    name: str
    cause: str
    text: str
    commands: tuple[Command, ...]

    @property
    def id(self) -> str:
        return self.name.replace(" ", "-")

    @property
    def message(self) -> str:
        """The whole text, which begins with the cause as one word."""
        cause = "".join(word.capitalize() for word in self.cause.split("_"))
        return f"^{cause}: {self.text}$"


def again(*, kind: str = "", queue: str = "", **fields: Any) -> Command:
    """A command to continue as new, which names no more than it is told to."""
    command = continue_as_new(kind, queue)
    attributes = command.continue_as_new_workflow_execution_command_attributes
    for name, value in fields.items():
        if name == "inherit_build_id":
            attributes.inherit_build_id = value
        else:
            getattr(attributes, name).CopyFrom(value)
    return command


def next_run(name: str, text: str, command: Command, cause: str = "") -> Row:
    return Row(f"next run {name}", cause or "BAD_CONTINUE_AS_NEW_ATTRIBUTES", text, (command,))


def of_next_run(what: str, flaw: str) -> str:
    """Temporal's words for a flaw of one of the fields, and the run it would have been."""
    flaw = re.escape(flaw)
    return f"{what} on ContinueAsNewWorkflowExecutionCommand: {flaw}\\. WorkflowType=Raw TaskQueue=.+"


QUEUE_OF_NEXT_RUN = (
    r"error validating ContinueAsNewWorkflowExecutionCommand TaskQueue: {}\. "
    r"WorkflowType=Raw TaskQueue=.+")
NEXT_RUN = [
    next_run("with a long type",
             "WorkflowType on ContinueAsNewWorkflowExecutionCommand exceeds length limit. "
             f"WorkflowType=x+ {LONG}", again(kind=TOO_LONG)),
    next_run("on a long queue", QUEUE_OF_NEXT_RUN.format("taskQueue length exceeds limit"),
             again(queue=TOO_LONG)),
    next_run("on a reserved queue", QUEUE_OF_NEXT_RUN.format(
        "task queue name cannot start with reserved prefix /_sys/"), again(queue=RESERVED)),
    next_run("on the queue of the server", QUEUE_OF_NEXT_RUN.format(
        "cannot use internal per-namespace task queue"), again(queue=INTERNAL)),
    *[next_run(f"with a {how} {field}", of_next_run(f"Invalid {shown}", flaw),
               again(**{field: value}))
      for field, shown in (
          ("workflow_run_timeout", "WorkflowRunTimeout"),
          ("workflow_task_timeout", "WorkflowTaskTimeout"),
          ("backoff_start_interval", "BackoffStartInterval"))
      for how, value, flaw in (
          ("negative", NEGATIVE, "negative duration"), ("mixed", MIXED, DIFFERENT_SIGNS))],
    *[next_run(f"with retry policy {number}", of_next_run("invalid WorkflowRetryPolicy", flaw),
               again(retry_policy=policy))
      for number, (flaw, policy) in enumerate(POLICIES)],
    next_run("with an unknown search attribute",
             "(invalid SearchAttributes on ContinueAsNewWorkflowExecutionCommand: )?"
             "Namespace .+ has no mapping defined for search attribute NoSuch.*",
        again(search_attributes=SearchAttributes(indexed_fields={"NoSuch": payload("x")})),
        "BAD_SEARCH_ATTRIBUTES"),
    next_run("with a word for a number", of_next_run(
        "invalid SearchAttributes", "invalid value for search attribute CustomIntField of type Int"
    ).replace("Int\\.", "Int.*\\."),
        again(search_attributes=SearchAttributes(indexed_fields={"CustomIntField": payload("x")})),
        "BAD_SEARCH_ATTRIBUTES"),
    next_run("with an attribute of the server", of_next_run(
        "invalid SearchAttributes", "WorkflowId attribute can't be set in SearchAttributes"),
        again(search_attributes=SearchAttributes(indexed_fields={"WorkflowId": payload("x")})),
        "BAD_SEARCH_ATTRIBUTES"),
    next_run("with another build", re.escape(
        "ContinueAsNew with UseCompatibleVersion cannot run on different task queue."),
        again(queue="other", inherit_build_id=True)),
]


def activity(name: str, text: str, command: Command) -> Row:
    return Row(f"activity {name}", "BAD_SCHEDULE_ACTIVITY_ATTRIBUTES", text, (command,))


def work(activity_id: str = "a", queue: str = "q", **fields: Any) -> Command:
    """A command to schedule an activity, with fields that `schedule_activity` does not take."""
    kind = fields.pop("kind", "Work")
    command = schedule_activity(activity_id, queue, kind=kind, start_to_close=60)
    for name, value in fields.items():
        attributes = command.schedule_activity_task_command_attributes
        if name == "use_workflow_build_id":
            attributes.use_workflow_build_id = value
        else:
            getattr(attributes, name).CopyFrom(value)
    return command


ACTIVITIES = [
    activity("without id", "activityId is not set", work("")),
    activity("without type", "activityType is not set", work(kind="")),
    activity("with a long id", f"activityId exceeds length limit. {LONG}", work(TOO_LONG)),
    activity("with a long type", f"activityType exceeds length limit. {LONG}",
             work(kind=TOO_LONG)),
    activity("on a long queue", "taskQueue length exceeds limit", work(queue=TOO_LONG)),
    activity("on a reserved queue",
             "task queue name cannot start with reserved prefix /_sys/", work(queue=RESERVED)),
    activity("on the queue of the server", "cannot use internal per-namespace task queue",
             work(queue=INTERNAL)),
    activity("with a negative priority", "invalid priorities: priority key can't be negative",
             work(priority=Priority(priority_key=-1))),
    activity("with a long fairness key",
             "invalid priorities: fairness key length exceeds limit",
             work(priority=Priority(fairness_key="x" * 65))),
    activity("with a negative weight", "invalid priorities: must be greater than zero",
             work(priority=Priority(fairness_weight=-1))),
    *[activity(f"with a negative {field}", f"invalid {shown}: negative duration",
               work(**{field: NEGATIVE}))
      for field, shown in (
          ("schedule_to_close_timeout", "ScheduleToCloseTimeout"),
          ("schedule_to_start_timeout", "ScheduleToStartTimeout"),
          ("start_to_close_timeout", "StartToCloseTimeout"),
          ("heartbeat_timeout", "HeartbeatTimeout"))],
    activity("without a timeout",
             "a valid StartToCloseTimeout or ScheduleToCloseTimeout must be set on the activity. "
             "ActivityId=a ActivityType=Work", schedule_activity("a", "q")),
    *[activity(f"with retry policy {number}", re.escape(flaw), work(retry_policy=policy))
      for number, (flaw, policy) in enumerate(POLICIES)],
    activity("with another build", re.escape(
        "Activity with UseCompatibleVersion cannot run on different task queue."),
        work(queue="other", use_workflow_build_id=True)),
    Row("activity twice", "SCHEDULE_ACTIVITY_DUPLICATE_ID",
        f"{STATE}: add-activitytask-scheduled-event, ActivityID: a", (work(), work())),
    Row("cancel of no activity", "BAD_REQUEST_CANCEL_ACTIVITY_ATTRIBUTES",
        "ScheduledEventId is not set on RequestCancelActivityTaskCommand.", (cancel_activity(0),)),
    Row("cancel of an unknown activity", "BAD_REQUEST_CANCEL_ACTIVITY_ATTRIBUTES",
        f"{STATE}: add-activitytask-cancel-requested-event, ScheduledEventID: 99",
        (cancel_activity(99),)),
]


def without(command: Command, *path: str) -> Command:
    """The command, with the attributes of its type but not this field of them."""
    message = getattr(command, command.WhichOneof("attributes"))
    for name in path[:-1]:
        message = getattr(message, name)
    message.ClearField(path[-1])
    return command


def timed(timer_id: str, delay: Duration) -> Command:
    command = start_timer(timer_id, 1)
    command.start_timer_command_attributes.start_to_fire_timeout.CopyFrom(delay)
    return command


def memo(**fields: Any) -> Command:
    """A command that changes the memo."""
    command = Command(command_type="COMMAND_TYPE_MODIFY_WORKFLOW_PROPERTIES")
    command.modify_workflow_properties_command_attributes.upserted_memo.CopyFrom(
        Memo(fields={name: payload(value) for name, value in fields.items()}))
    return command


OTHERS = [
    Row("timer without id", "BAD_START_TIMER_ATTRIBUTES",
        "TimerId is not set on StartTimerCommand.", (start_timer("", 1),)),
    Row("timer with a long id", "BAD_START_TIMER_ATTRIBUTES",
        f"TimerId on StartTimerCommand exceeds length limit. TimerId=x+ {LONG}",
        (start_timer(TOO_LONG, 1),)),
    Row("negative timer", "BAD_START_TIMER_ATTRIBUTES",
        "An invalid StartToFireTimeout is set on StartTimerCommand: negative duration. TimerId=t",
        (timed("t", NEGATIVE),)),
    Row("mixed timer", "BAD_START_TIMER_ATTRIBUTES",
        f"An invalid StartToFireTimeout is set on StartTimerCommand: {DIFFERENT_SIGNS}. TimerId=t",
        (timed("t", MIXED),)),
    Row("timer twice", "START_TIMER_DUPLICATE_ID",
        f"{STATE}: add-timer-started-event, TimerID: t", (start_timer("t", 1),) * 2),
    Row("cancel of an unknown timer", "BAD_CANCEL_TIMER_ATTRIBUTES",
        f"{STATE}: add-timer-canceled-event, TimerID: t", (cancel_timer("t"),)),
    Row("cancel of no timer", "BAD_CANCEL_TIMER_ATTRIBUTES",
        "TimerId is not set on CancelTimerCommand.", (cancel_timer(""),)),
    Row("cancel of a long timer id", "BAD_CANCEL_TIMER_ATTRIBUTES",
        f"TimerId on CancelTimerCommand exceeds length limit. TimerId=x+ {LONG}",
        (cancel_timer(TOO_LONG),)),
    Row("marker without name", "BAD_RECORD_MARKER_ATTRIBUTES",
        "MarkerName is not set on RecordMarkerCommand.", (marker(""),)),
    Row("marker with a long name", "BAD_RECORD_MARKER_ATTRIBUTES",
        f"MarkerName on RecordMarkerCommand exceeds length limit. MarkerName=x+ {LONG}",
        (marker(TOO_LONG),)),
    Row("failure that is none", "BAD_FAIL_WORKFLOW_EXECUTION_ATTRIBUTES",
        "Failure is not set on FailWorkflowExecutionCommand.", (without(fail(""), "failure"),)),
    Row("upsert of nothing", "BAD_SEARCH_ATTRIBUTES",
        "SearchAttributes is not set on UpsertWorkflowSearchAttributesCommand.",
        (without(upsert_search_attributes(NoSuch=1), "search_attributes"),)),
    Row("upsert of no attributes", "BAD_SEARCH_ATTRIBUTES",
        "IndexedFields is not set on UpsertWorkflowSearchAttributesCommand.",
        (without(upsert_search_attributes(NoSuch=1), "search_attributes", "indexed_fields"),)),
    Row("upsert of an unknown attribute", "BAD_SEARCH_ATTRIBUTES",
        "Namespace .+ has no mapping defined for search attribute NoSuch", (upsert_search_attributes(NoSuch="x"),)),
    Row("upsert of a word for a number", "BAD_SEARCH_ATTRIBUTES",
        "invalid value for search attribute CustomIntField of type Int.*",
        (upsert_search_attributes(CustomIntField="x"),)),
    Row("memo of nothing", "BAD_MODIFY_WORKFLOW_PROPERTIES_ATTRIBUTES",
        "UpsertedMemo is not set on ModifyWorkflowPropertiesCommand.",
        (without(memo(a=1), "upserted_memo"),)),
    Row("memo without fields", "BAD_MODIFY_WORKFLOW_PROPERTIES_ATTRIBUTES",
        "UpsertedMemo.Fields is not set on ModifyWorkflowPropertiesCommand.", (memo(),)),
    Row("child with another build", "BAD_START_CHILD_EXECUTION_ATTRIBUTES", re.escape(
        "StartChildWorkflowExecution with UseCompatibleVersion cannot run on different task "
        "queue."), (start_child("c", task_queue="other", inherit_build_id=True),)),
]


@pytest.mark.parametrize("row", [*NEXT_RUN, *ACTIVITIES, *OTHERS], ids=lambda row: row.id)
def test_task_fails(raw: RawClient, names, row: Row) -> None:
    """The worker and the history are told the same, and a later attempt goes on."""
    invalid("RespondWorkflowTaskCompleted", row.name, lambda w: {
        "task_token": w.task.task_token, "commands": row.commands}, row.message,
    ).check(raw, names())
    workflow_id, queue = f"{names()}-task", World(raw, names()).queue
    events = raw.stored_history(workflow_id)
    assert types(events) == [*IDLE[:3], "WorkflowTaskFailed"]
    failed = find(events, "WorkflowTaskFailed")
    assert failed["cause"] == f"WORKFLOW_TASK_FAILED_CAUSE_{row.cause}"
    assert re.search(row.message, failed["failure"]["message"])
    assert "serverFailureInfo" in failed["failure"]
    raw.respond(raw.next_workflow_task(queue), complete())
    assert types(raw.history(workflow_id)) == [
        *IDLE[:3], "WorkflowTaskFailed", *IDLE[1:], "WorkflowExecutionCompleted"]


def test_failure_may_be_retried(raw: RawClient, names) -> None:
    """The failure a task ends with is the server's, and none that forbids another attempt."""
    raw.start(names(), names.task_queue)
    with expect_error("INVALID_ARGUMENT"):
        raw.respond(raw.next_workflow_task(names.task_queue), marker(""))
    failure = find(raw.stored_history(names()), "WorkflowTaskFailed")["failure"]
    assert "source" not in failure and failure["serverFailureInfo"] == {}


MANY = {"CustomKeywordField": payload("x" * 3000)}
# What is too large, the cause, the words of it.
TOO_MUCH = [
    Row("input of the next run", "BAD_CONTINUE_AS_NEW_ATTRIBUTES",
        "ContinueAsNewWorkflowExecutionCommandAttributes. Input exceeds size limit.",
        (again(input=payloads(TOO_LARGE)),)),
    Row("memo of the next run", "BAD_CONTINUE_AS_NEW_ATTRIBUTES",
        "ContinueAsNewWorkflowExecutionCommandAttributes. Memo exceeds size limit.",
        (again(memo=Memo(fields={"m": payload(TOO_LARGE)})),)),
    Row("attributes of the next run", "BAD_CONTINUE_AS_NEW_ATTRIBUTES",
        r"search attribute CustomKeywordField value size \d+ exceeds size limit 2048",
        (again(search_attributes=SearchAttributes(indexed_fields=MANY)),)),
    Row("input of an activity", "BAD_SCHEDULE_ACTIVITY_ATTRIBUTES",
        "ScheduleActivityTaskCommandAttributes.Input exceeds size limit.",
        (work(input=payloads(TOO_LARGE)),)),
    Row("details of a marker", "BAD_RECORD_MARKER_ATTRIBUTES",
        "RecordMarkerCommandAttributes.Details exceeds size limit.", (marker("m", d=TOO_LARGE),)),
    Row("failure", "BAD_FAIL_WORKFLOW_EXECUTION_ATTRIBUTES",
        "FailWorkflowExecutionCommandAttributes.Failure exceeds size limit.", (fail(TOO_LARGE),)),
    Row("search attribute", "BAD_SEARCH_ATTRIBUTES",
        "UpsertWorkflowSearchAttributesCommandAttributes exceeds size limit.",
        (upsert_search_attributes(CustomKeywordField=TOO_LARGE),)),
    Row("search attributes together", "BAD_SEARCH_ATTRIBUTES",
        r"search attribute CustomKeywordField value size \d+ exceeds size limit 2048",
        (upsert_search_attributes(CustomKeywordField="x" * 3000),)),
    Row("change of the memo", "BAD_MODIFY_WORKFLOW_PROPERTIES_ATTRIBUTES",
        "ModifyWorkflowPropertiesCommandAttributes exceeds size limit.", (memo(m=TOO_LARGE),)),
    Row("memo together", "BAD_MODIFY_WORKFLOW_PROPERTIES_ATTRIBUTES",
        "ModifyWorkflowPropertiesCommandAttributes. Memo exceeds size limit.",
        (memo(a="x" * 1_500_000), memo(b="x" * 1_500_000))),
    Row("memo of a child", "BAD_START_CHILD_EXECUTION_ATTRIBUTES",
        "StartChildWorkflowExecutionCommandAttributes.Memo exceeds size limit.",
        (start_child("c", memo=Memo(fields={"m": payload(TOO_LARGE)})),)),
]


@pytest.mark.parametrize("row", TOO_MUCH, ids=lambda row: row.id)
def test_workflow_ends(raw: RawClient, names, row: Row) -> None:
    """What nobody could keep ends the workflow, and the end says why."""
    raw.start(names(), names.task_queue)
    task = raw.next_workflow_task(names.task_queue)
    with expect_error("INVALID_ARGUMENT", match=row.message):
        raw.respond(task, *row.commands)
    events = raw.history(names())
    assert_history(events, f"""
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskFailed {{"cause": "WORKFLOW_TASK_FAILED_CAUSE_{row.cause}"}}
        5 WorkflowExecutionTerminated {{"identity": "history-service"}}
    """)
    assert re.search(row.message, find(events, "WorkflowExecutionTerminated")["reason"])
    assert re.search(row.message, find(events, "WorkflowTaskFailed")["failure"]["message"])


def test_result_is_too_large(raw: RawClient, names) -> None:
    """The workflow ends all the same, but not as it wanted to.

    Temporal blames this on an activity; here the cause is that of the command.
    """
    raw.start(names(), names.task_queue)
    task = raw.next_workflow_task(names.task_queue)
    text = r": CompleteWorkflowExecutionCommandAttributes\.Result exceeds size limit\.$"
    with expect_error("INVALID_ARGUMENT", match=text):
        raw.respond(task, complete(TOO_LARGE))
    assert types(raw.history(names())) == [
        *IDLE[:3], "WorkflowTaskFailed", "WorkflowExecutionTerminated"]
