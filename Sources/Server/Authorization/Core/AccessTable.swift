import Primitives

/// What each RPC takes of its caller: the one place where this is said.
///
/// An RPC that is missing here is denied to everybody.
package enum AccessTable {
    private static let workflowService = "temporal.api.workflowservice.v1.WorkflowService"
    private static let operatorService = "temporal.api.operatorservice.v1.OperatorService"
    private static let adminService = "temporal.server.api.adminservice.v1.AdminService"
    private static let health = "grpc.health.v1.Health"
    private static let reflection = [
        "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection",
    ]

    package static func requirement(of rpc: RPCName) -> Requirement? {
        if let requirement = self.requirements[rpc] { return requirement }
        // What operators do with the cluster's insides, whichever namespace it concerns.
        return rpc.service == self.adminService ? .access(.admin, to: .cluster) : nil
    }

    package static let requirements: [RPCName: Requirement] = {
        var table: [RPCName: Requirement] = [:]
        for (service, requirement, methods) in rows {
            for method in methods.split(whereSeparator: \.isWhitespace) {
                let rpc = RPCName(service: service, method: String(method))
                let known = table.updateValue(requirement, forKey: rpc)
                invariant(known == nil, "\(method) is in the table twice")
            }
        }
        return table
    }()

    private static let rows: [(String, Requirement, String)] =
        [
            (workflowService, .nothing, "GetSystemInfo"),
            (workflowService, .membership, "GetClusterInfo ListNamespaces GetSearchAttributes"),
            (workflowService, .access(.read, to: .namespace), reads),
            (workflowService, .access(.write, to: .namespace), writes),
            (
                workflowService, .access(.admin, to: .namespace),
                "RegisterNamespace UpdateNamespace DeprecateNamespace"
            ),
            (operatorService, .access(.read, to: .namespace), "ListSearchAttributes"),
            (
                operatorService, .access(.admin, to: .namespace),
                "AddSearchAttributes RemoveSearchAttributes DeleteNamespace"
            ),
            (
                operatorService, .access(.admin, to: .cluster),
                """
                AddOrUpdateRemoteCluster RemoveRemoteCluster ListClusters
                GetNexusEndpoint CreateNexusEndpoint UpdateNexusEndpoint DeleteNexusEndpoint
                ListNexusEndpoints
                """
            ),
            (health, .nothing, "Check"),
            (health, .access(.read, to: .cluster), "List Watch"),
        ] + reflection.map { ($0, .access(.read, to: .cluster), "ServerReflectionInfo") }

    private static let reads = """
        DescribeNamespace
        GetWorkflowExecutionHistory GetWorkflowExecutionHistoryReverse
        DescribeWorkflowExecution QueryWorkflow PollWorkflowExecutionUpdate
        PollWorkflowExecutionTimeSkipping
        ListWorkflowExecutions ListOpenWorkflowExecutions ListClosedWorkflowExecutions
        ListArchivedWorkflowExecutions ScanWorkflowExecutions CountWorkflowExecutions
        DescribeTaskQueue ListTaskQueuePartitions
        DescribeSchedule ListScheduleMatchingTimes ListSchedules CountSchedules
        GetWorkerBuildIdCompatibility GetWorkerVersioningRules GetWorkerTaskReachability
        DescribeBatchOperation ListBatchOperations
        DescribeDeployment ListDeployments GetDeploymentReachability GetCurrentDeployment
        DescribeWorkerDeployment DescribeWorkerDeploymentVersion ListWorkerDeployments
        ValidateWorkerDeploymentVersionComputeConfig
        DescribeWorkflowRule ListWorkflowRules
        ListWorkers CountWorkers DescribeWorker FetchWorkerConfig
        DescribeActivityExecution PollActivityExecution ListActivityExecutions
        CountActivityExecutions
        DescribeNexusOperationExecution PollNexusOperationExecution ListNexusOperationExecutions
        CountNexusOperationExecutions
        """

    private static let writes = """
        StartWorkflowExecution SignalWorkflowExecution SignalWithStartWorkflowExecution
        ExecuteMultiOperation UpdateWorkflowExecution UpdateWorkflowExecutionOptions
        RequestCancelWorkflowExecution ResetWorkflowExecution TerminateWorkflowExecution
        DeleteWorkflowExecution PauseWorkflowExecution UnpauseWorkflowExecution
        PollWorkflowTaskQueue RespondWorkflowTaskCompleted RespondWorkflowTaskFailed
        RespondQueryTaskCompleted ResetStickyTaskQueue
        PollActivityTaskQueue RecordActivityTaskHeartbeat RecordActivityTaskHeartbeatById
        RespondActivityTaskCompleted RespondActivityTaskCompletedById RespondActivityTaskFailed
        RespondActivityTaskFailedById RespondActivityTaskCanceled RespondActivityTaskCanceledById
        UpdateActivityOptions PauseActivity UnpauseActivity ResetActivity
        PollNexusTaskQueue RespondNexusTaskCompleted RespondNexusTaskFailed
        CreateSchedule UpdateSchedule PatchSchedule DeleteSchedule
        StartBatchOperation StopBatchOperation
        UpdateWorkerBuildIdCompatibility UpdateWorkerVersioningRules UpdateTaskQueueConfig
        SetCurrentDeployment
        CreateWorkerDeployment CreateWorkerDeploymentVersion DeleteWorkerDeployment
        DeleteWorkerDeploymentVersion SetWorkerDeploymentCurrentVersion
        SetWorkerDeploymentRampingVersion SetWorkerDeploymentManager
        UpdateWorkerDeploymentVersionMetadata UpdateWorkerDeploymentVersionComputeConfig
        CreateWorkflowRule DeleteWorkflowRule TriggerWorkflowRule
        ShutdownWorker RecordWorkerHeartbeat UpdateWorkerConfig
        StartActivityExecution RequestCancelActivityExecution TerminateActivityExecution
        DeleteActivityExecution UpdateActivityExecutionOptions PauseActivityExecution
        UnpauseActivityExecution ResetActivityExecution
        StartNexusOperationExecution RequestCancelNexusOperationExecution
        TerminateNexusOperationExecution DeleteNexusOperationExecution
        """
}
