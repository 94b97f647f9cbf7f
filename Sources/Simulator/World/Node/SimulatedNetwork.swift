import Primitives
import SimulationKernel

/// Carries calls from clients and workers to the node: with latency, and not always.
///
/// A crash resets the connections of whoever crashed, and a caller that goes away ends its call
/// at the node, as closing a stream does.
// Safe because a simulation has one thread.
final class SimulatedNetwork<Target: Sendable>: @unchecked Sendable {
    private struct OpenCall {
        let caller: NodeIncarnation
        /// Where it is being done; nil while it is on its way.
        var callee: NodeIncarnation?
        var task: Task<Void, Never>?
        /// Answers the caller with an error.
        let fail: (ServiceError) -> Void
    }

    private let loop: SimulationLoop
    private let plan: FaultPlan
    /// Who answers; nil while the node is down.
    private var target: (incarnation: NodeIncarnation, value: Target)?
    private var calls: [UInt64: OpenCall] = [:]

    init(_ loop: SimulationLoop, plan: FaultPlan) {
        self.loop = loop
        self.plan = plan
    }

    /// From now on calls arrive at `value`.
    func connect(_ value: Target, in incarnation: NodeIncarnation) {
        self.target = (incarnation, value)
    }

    /// Ends all calls from and to an incarnation that crashed.
    func reset(_ incarnation: NodeIncarnation) {
        if self.target?.incarnation == incarnation { self.target = nil }
        for (number, call) in self.calls.sorted(by: { $0.key < $1.key }) {
            if call.caller == incarnation { self.abandon(number) }
            guard call.callee == incarnation else { continue }
            self.loop.after(self.plan.networkLatency()) {
                call.fail(.unavailable("the connection was reset"))
            }
        }
    }

    /// Calls the node and waits for its answer, at most for `timeout`.
    func call<Reply: Sendable>(
        timeout: Duration,
        _ operation: @escaping @Sendable (Target, Timestamp) async throws(ServiceError) -> Reply
    ) async throws(ServiceError) -> Reply {
        let number = self.loop.makeNumber()
        let deadline = self.loop.now + timeout
        let result: Result<Reply, ServiceError> = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                self.open(number, continuation)
                guard !Task.isCancelled else { return self.cancel(number) }
                let answer = self.answer(number, continuation)
                self.loop.after(timeout) {
                    answer(.failure(ServiceError(.deadlineExceeded, "no answer in time")))
                }
                guard !self.plan.strikes(.callLost) else { return }
                self.loop.after(self.plan.networkLatency()) {
                    self.deliver(number, deadline, operation, answer)
                }
            }
        } onCancel: {
            self.cancel(number)
        }
        return try result.get()
    }

    private func open<Reply: Sendable>(
        _ number: UInt64, _ continuation: UnsafeContinuation<Result<Reply, ServiceError>, Never>
    ) {
        let answer = self.answer(number, continuation)
        self.calls[number] = OpenCall(
            caller: self.loop.current, callee: nil, task: nil, fail: { answer(.failure($0)) })
    }

    /// What resumes the caller, as a part of its incarnation, the first time it is called.
    private func answer<Reply: Sendable>(
        _ number: UInt64, _ continuation: UnsafeContinuation<Result<Reply, ServiceError>, Never>
    ) -> (Result<Reply, ServiceError>) -> Void {
        { result in
            guard let call = self.abandon(number) else { return }
            self.loop.run(as: call.caller) { continuation.resume(returning: result) }
        }
    }

    /// Forgets a call, and lets its node know that nobody waits any more.
    @discardableResult
    private func abandon(_ number: UInt64) -> OpenCall? {
        guard let call = self.calls.removeValue(forKey: number) else { return nil }
        if let task = call.task, let callee = call.callee {
            self.loop.after(self.plan.networkLatency()) {
                guard !self.loop.isCrashed(callee) else { return }
                self.loop.run(as: callee) { task.cancel() }
            }
        }
        return call
    }

    private func cancel(_ number: UInt64) {
        self.calls[number]?.fail(ServiceError(.cancelled, "the caller gave up"))
    }

    private func deliver<Reply: Sendable>(
        _ number: UInt64, _ deadline: Timestamp,
        _ operation: @escaping @Sendable (Target, Timestamp) async throws(ServiceError) -> Reply,
        _ answer: @escaping (Result<Reply, ServiceError>) -> Void
    ) {
        guard self.calls[number] != nil else { return }
        guard let target = self.target else {
            return answer(.failure(.unavailable("the connection was refused")))
        }
        let reply = ReplyPath(answer)
        let task = self.loop.run(as: target.incarnation) {
            Task {
                let result: Result<Reply, ServiceError>
                do throws(ServiceError) {
                    result = .success(try await operation(target.value, deadline))
                } catch {
                    result = .failure(error)
                }
                guard !self.plan.strikes(.replyLost) else { return }
                self.loop.after(self.plan.networkLatency()) {
                    self.calls[number]?.task = nil
                    reply.answer(result)
                }
            }
        }
        self.calls[number]?.callee = target.incarnation
        self.calls[number]?.task = task
    }
}

/// Carries a caller's answer into the task that finds it.
// Safe because a simulation has one thread.
private struct ReplyPath<Reply: Sendable>: @unchecked Sendable {
    let answer: (Result<Reply, ServiceError>) -> Void

    init(_ answer: @escaping (Result<Reply, ServiceError>) -> Void) { self.answer = answer }
}
