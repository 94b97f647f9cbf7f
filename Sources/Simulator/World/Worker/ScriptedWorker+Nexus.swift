import Primitives
import SwiftProtobuf
import TemporalAPI

extension ScriptedWorker {
    /// Answers with a command for a Nexus operation: there are no endpoints, so that the task fails
    /// as one whose worker has failed, with the command's own cause.
    func askForNexus(_ task: PollWorkflowTaskQueueResponse) async {
        let command = self.nexusCommand()
        let request = RespondWorkflowTaskCompletedRequest.with {
            $0.namespace = SimulatedWorld.namespace
            $0.taskToken = task.taskToken
            $0.identity = self.identity
            $0.commands = [command]
        }
        let answer = await self.caller.call(
            "RespondWorkflowTaskCompleted", request,
            returning: RespondWorkflowTaskCompletedResponse.self)
        if case .failure(let error) = answer.result, error.kind == .invalidArgument,
            error.message.contains("NexusOperationAttributes: ")
        {
            self.world.coverage.used(command.commandType)
            return
        }
        guard self.check(answer, of: "RespondWorkflowTaskCompleted") != nil else { return }
        self.world.fail("a command for a Nexus endpoint that nobody made was taken")
    }

    private func nexusCommand() -> Temporal_Api_Command_V1_Command {
        .with {
            if self.caller.draw(upTo: .seconds(2)) < .seconds(1) {
                $0.commandType = .scheduleNexusOperation
                $0.scheduleNexusOperationCommandAttributes = .with {
                    $0.endpoint = "nobody"
                    $0.service = "service"
                    $0.operation = "operation"
                }
            } else {
                $0.commandType = .requestCancelNexusOperation
                $0.requestCancelNexusOperationCommandAttributes.scheduledEventID = 5
            }
        }
    }
}
