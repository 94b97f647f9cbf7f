"""Who may call what, as data: what every RPC needs, who calls, and what therefore is decided.

Written from the rules of authorization and not from any server's table: the cases compare.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum

WORKFLOW = "temporal.api.workflowservice.v1.WorkflowService"
OPERATOR = "temporal.api.operatorservice.v1.OperatorService"
HEALTH = "grpc.health.v1.Health"
REFLECTION = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")
ADMIN_SERVICE = "temporal.server.api.adminservice.v1.AdminService"
MODES = ("strict", "charmed")


class Scope(Enum):
    """What an RPC is about: the namespace it names, or the whole cluster."""

    NAMESPACE = "namespace"
    CLUSTER = "cluster"


class Access(IntEnum):
    """What an RPC needs, and what a role gives."""

    READ = 1
    WRITE = 2
    ADMIN = 3


_NAMESPACE_READ = """
    DescribeNamespace GetWorkflowExecutionHistory GetWorkflowExecutionHistoryReverse
    ListOpenWorkflowExecutions ListClosedWorkflowExecutions ListWorkflowExecutions
    ListArchivedWorkflowExecutions ScanWorkflowExecutions CountWorkflowExecutions QueryWorkflow
    DescribeWorkflowExecution DescribeTaskQueue ListTaskQueuePartitions DescribeSchedule
    ListScheduleMatchingTimes ListSchedules CountSchedules GetWorkerBuildIdCompatibility
    GetWorkerVersioningRules GetWorkerTaskReachability PollWorkflowExecutionUpdate
    PollWorkflowExecutionTimeSkipping DescribeBatchOperation ListBatchOperations DescribeDeployment
    ListDeployments GetDeploymentReachability GetCurrentDeployment DescribeWorkerDeploymentVersion
    DescribeWorkerDeployment ValidateWorkerDeploymentVersionComputeConfig ListWorkerDeployments
    DescribeWorkflowRule ListWorkflowRules ListWorkers CountWorkers DescribeWorker
    FetchWorkerConfig DescribeActivityExecution PollActivityExecution ListActivityExecutions
    CountActivityExecutions DescribeNexusOperationExecution PollNexusOperationExecution
    ListNexusOperationExecutions CountNexusOperationExecutions
""".split()

_NAMESPACE_WRITE = """
    StartWorkflowExecution ExecuteMultiOperation PollWorkflowTaskQueue RespondWorkflowTaskCompleted
    RespondWorkflowTaskFailed PollActivityTaskQueue RecordActivityTaskHeartbeat
    RecordActivityTaskHeartbeatById RespondActivityTaskCompleted RespondActivityTaskCompletedById
    RespondActivityTaskFailed RespondActivityTaskFailedById RespondActivityTaskCanceled
    RespondActivityTaskCanceledById RequestCancelWorkflowExecution SignalWorkflowExecution
    SignalWithStartWorkflowExecution ResetWorkflowExecution TerminateWorkflowExecution
    DeleteWorkflowExecution RespondQueryTaskCompleted ResetStickyTaskQueue ShutdownWorker
    CreateSchedule UpdateSchedule PatchSchedule DeleteSchedule UpdateWorkerBuildIdCompatibility
    UpdateWorkerVersioningRules UpdateWorkflowExecution StartBatchOperation StopBatchOperation
    PollNexusTaskQueue RespondNexusTaskCompleted RespondNexusTaskFailed UpdateActivityOptions
    PauseActivity UnpauseActivity ResetActivity UpdateActivityExecutionOptions
    PauseActivityExecution UnpauseActivityExecution ResetActivityExecution
    UpdateWorkflowExecutionOptions SetCurrentDeployment SetWorkerDeploymentCurrentVersion
    SetWorkerDeploymentRampingVersion SetWorkerDeploymentManager CreateWorkerDeployment
    CreateWorkerDeploymentVersion UpdateWorkerDeploymentVersionComputeConfig
    DeleteWorkerDeployment DeleteWorkerDeploymentVersion UpdateWorkerDeploymentVersionMetadata
    CreateWorkflowRule DeleteWorkflowRule TriggerWorkflowRule RecordWorkerHeartbeat
    UpdateTaskQueueConfig UpdateWorkerConfig PauseWorkflowExecution UnpauseWorkflowExecution
    StartActivityExecution RequestCancelActivityExecution TerminateActivityExecution
    DeleteActivityExecution StartNexusOperationExecution RequestCancelNexusOperationExecution
    TerminateNexusOperationExecution DeleteNexusOperationExecution
""".split()

# What changes a namespace itself.
_NAMESPACE_ADMIN = "RegisterNamespace UpdateNamespace DeprecateNamespace".split()
_OPERATOR_NAMESPACE_ADMIN = "AddSearchAttributes RemoveSearchAttributes DeleteNamespace".split()
_CLUSTER_READ = "GetSystemInfo GetClusterInfo ListNamespaces GetSearchAttributes".split()
_OPERATOR_CLUSTER_ADMIN = """
    AddOrUpdateRemoteCluster RemoveRemoteCluster ListClusters GetNexusEndpoint CreateNexusEndpoint
    UpdateNexusEndpoint DeleteNexusEndpoint ListNexusEndpoints
""".split()


def _rows(
    service: str, rpcs: list[str], scope: Scope, access: Access
) -> dict[str, tuple[Scope, Access]]:
    return {f"/{service}/{rpc}": (scope, access) for rpc in rpcs}


TABLE: dict[str, tuple[Scope, Access]] = {
    **_rows(WORKFLOW, _NAMESPACE_READ, Scope.NAMESPACE, Access.READ),
    **_rows(WORKFLOW, _NAMESPACE_WRITE, Scope.NAMESPACE, Access.WRITE),
    **_rows(WORKFLOW, _NAMESPACE_ADMIN, Scope.NAMESPACE, Access.ADMIN),
    **_rows(WORKFLOW, _CLUSTER_READ, Scope.CLUSTER, Access.READ),
    **_rows(OPERATOR, ["ListSearchAttributes"], Scope.NAMESPACE, Access.READ),
    **_rows(OPERATOR, _OPERATOR_NAMESPACE_ADMIN, Scope.NAMESPACE, Access.ADMIN),
    **_rows(OPERATOR, _OPERATOR_CLUSTER_ADMIN, Scope.CLUSTER, Access.ADMIN),
    **_rows(HEALTH, ["Check", "List", "Watch"], Scope.CLUSTER, Access.READ),
    **_rows(REFLECTION[0], ["ServerReflectionInfo"], Scope.CLUSTER, Access.READ),
    **_rows(REFLECTION[1], ["ServerReflectionInfo"], Scope.CLUSTER, Access.READ),
}

# Answered to everyone, with whatever header.
ALWAYS = frozenset({f"/{HEALTH}/Check", f"/{WORKFLOW}/GetSystemInfo"})

# What SDKs and the UI read of the cluster: for everyone who has a role in some namespace.
FOR_MEMBERS = frozenset(
    f"/{WORKFLOW}/{rpc}" for rpc in ("GetClusterInfo", "ListNamespaces", "GetSearchAttributes"))


@dataclass(frozen=True)
class Claims:
    """What somebody who was believed may do."""

    namespaces: dict[str, Access] = field(default_factory=dict)
    is_operator: bool = False


def is_allowed(mode: str, path: str, claims: Claims | None, namespace: str) -> bool:
    """The decision. Without claims nobody was believed; an empty namespace is none."""
    if path in ALWAYS:
        return True
    if claims is None or path not in TABLE:
        return False
    if claims.is_operator:
        return True
    scope, access = TABLE[path]
    if scope is Scope.CLUSTER:
        return path in FOR_MEMBERS and bool(claims.namespaces)
    if mode == "charmed":
        access = min(access, Access.WRITE)  # a writer does what else takes an admin
    return bool(namespace) and claims.namespaces.get(namespace, 0) >= access


@dataclass(frozen=True)
class Subject:
    """Somebody who calls. `groups` are joined; `about` is what Google says of the token."""

    name: str
    claims: Claims | None = None
    groups: tuple[str, ...] = ()
    header: str | None = None
    about: dict[str, object] = field(default_factory=dict)
    is_known: bool = True


# Groups, and what each is given where. The `ghost` namespaces are never registered.
GRANTS: dict[str, list[tuple[str, str]]] = {
    "readers": [("reader", "alpha"), ("reader", "ghost")],
    "writers": [("writer", "alpha"), ("writer", "ghost")],
    "owners": [("admin", "alpha"), ("admin", "ghost")],
    "owners-of-beta": [("admin", "beta")],
    "operators": [],
}
OPEN = "public"


def _in_alpha(access: Access) -> Claims:
    return Claims({"alpha": access, "ghost": access, OPEN: Access.WRITE})


WRONG_SCOPE = "openid https://www.googleapis.com/auth/userinfo.email.readonly"
_ALL_GROUPS = tuple(GRANTS)

SUBJECTS: tuple[Subject, ...] = (
    # Nobody who is believed, although most would be members of every group.
    Subject("no header", None, _ALL_GROUPS, header=""),
    Subject("basic scheme", None, _ALL_GROUPS, header="Basic YW5uYTpzZWNyZXQ="),
    Subject("macaroon scheme", None, _ALL_GROUPS, header="Macaroon {token}"),
    Subject("no scheme", None, _ALL_GROUPS, header="{token}"),
    Subject("empty token", None, _ALL_GROUPS, header="Bearer "),
    Subject("two words", None, _ALL_GROUPS, header="Bearer {token} {token}"),
    Subject("unknown token", None, _ALL_GROUPS, is_known=False),
    Subject("expired", None, _ALL_GROUPS, about={"lifetime": -5, "is_known_after_expiry": True}),
    Subject("expiry unreadable", None, _ALL_GROUPS, about={"exp": "tomorrow"}),
    Subject("expiry missing", None, _ALL_GROUPS, about={"exp": None}),
    Subject("other audience", None, _ALL_GROUPS,
            about={"azp": "9999.apps.googleusercontent.com"}),
    Subject("lookalike of a service account", None, _ALL_GROUPS, about={
        "azp": "9999", "email": "robot@x.iam.gserviceaccount.com.example.com"}),
    Subject("email unverified", None, _ALL_GROUPS, about={"email_verified": "false"}),
    Subject("email verification missing", None, _ALL_GROUPS, about={"email_verified": None}),
    Subject("scope missing", None, _ALL_GROUPS, about={"scope": "openid"}),
    Subject("scope in a longer word", None, _ALL_GROUPS, about={"scope": WRONG_SCOPE}),
    # People, and a robot.
    Subject("stranger", Claims({OPEN: Access.WRITE})),
    Subject("reader", _in_alpha(Access.READ), ("readers",)),
    Subject("writer", _in_alpha(Access.WRITE), ("writers",)),
    Subject("admin", _in_alpha(Access.ADMIN), ("owners",)),
    Subject("admin of another namespace",
            Claims({"beta": Access.ADMIN, OPEN: Access.WRITE}), ("owners-of-beta",)),
    Subject("operator", Claims(is_operator=True), ("operators",)),
    Subject("service account", _in_alpha(Access.WRITE), ("writers",), about={
        "azp": "118246391", "email": "robot@conformance.iam.gserviceaccount.com"}),
)
