import Logging
import RedisLink

/// Runs the handlers of claimed messages, and says what is to become of each.
///
/// It knows neither Redis nor the consumer's actor: claims and routes come in, verdicts go out, in any order and from
/// any thread.
struct HandlerRunner: Sendable {
    private let queue: QueueKeys
    private let routes: MessageRoutes
    private let retry: RetryPolicy
    /// For the deliveries.
    private let logger: Logger
    private let observers: Observers
    private let ended: @Sendable (MessageClaim, Settlement.Verdict?) -> Void

    /// - Parameters:
    ///   - retry: of the messages whose type has no policy of its own.
    ///   - ended: called once for each message that was begun, with nil where there is nothing to settle: its claim is
    ///     lost.
    init(
        queue: QueueKeys, routes: MessageRoutes, retry: RetryPolicy, logger: Logger, observers: Observers,
        ended: @escaping @Sendable (MessageClaim, Settlement.Verdict?) -> Void
    ) {
        self.queue = queue
        self.routes = routes
        self.retry = retry
        self.observers = observers
        self.ended = ended
        var logger = logger
        logger[metadataKey: "holdfast.queue"] = .string(queue.name)
        self.logger = logger
    }

    /// Messages of one type that one call of a handler gets.
    private struct Batch {
        var claims: [MessageClaim] = []
        let route: MessageRoute
        let size: Int
        let handler: MessageRoute.Many
    }

    // MARK: Begin

    /// Starts the handlers of what one call claimed, one for each message or for some together. Their tasks are
    /// cancelled by their claims' losses, and by ``MessageClaim/end()``.
    func begin(_ claims: [MessageClaim]) {
        var batches: [ExactText: Batch] = [:]
        for claim in claims {
            if let problem = claim.problem {
                tell(claim, .died(problem))
                end(claim, .bury(reason: problem))
                continue
            }
            switch routes.choice(for: claim.type) {
            case .route(let route):
                switch route.handler {
                case .one(let handler): claim.start { await handle($0, route, handler) }
                case .many(let size, let handler):
                    let type = ExactText(claim.type)
                    var batch =
                        batches.removeValue(forKey: type)
                        ?? Batch(route: route, size: max(size, 1), handler: handler)
                    batch.claims.append(claim)
                    if batch.claims.count == batch.size { begin(batch) } else { batches[type] = batch }
                }
            case .unknown:
                tell(claim, .isOfUnknownType(claim.type))
                end(claim, .leave(for: MessageRoutes.leave(after: claim.age, random: .random(in: 0..<1))))
            case .untyped:
                end(claim, .bury(reason: "it names no type, and the queue carries several"))
            }
        }
        for batch in batches.values { begin(batch) }
    }

    private func begin(_ batch: Batch) {
        let activities = batch.claims.compactMap(\.activity)
        let task = Task { await activities.including { await handle(batch) } }
        for claim in batch.claims { claim.attach(task) }
    }

    private func end(_ claim: MessageClaim, _ verdict: Settlement.Verdict?) {
        claim.activity?.become(.brief)
        ended(claim, verdict)
        claim.end()
    }

    // MARK: Handle

    private func handle(_ claim: MessageClaim, _ route: MessageRoute, _ handler: MessageRoute.One) async {
        let delivery = delivery(of: claim, route.retry ?? retry)
        let verdict: Settlement.Verdict?
        var hasBegun = false
        do {
            try checkBegin(delivery)
            hasBegun = true
            verdict = self.verdict(on: delivery, try await handler(claim, delivery))
        } catch {
            verdict = self.verdict(on: delivery, failed: error, hasBegun: hasBegun)
        }
        end(claim, verdict)
    }

    private func handle(_ batch: Batch) async {
        // The first end cancels the task of all, so all verdicts come before it.
        for (claim, verdict) in await verdicts(on: batch) { end(claim, verdict) }
    }

    private func verdicts(on batch: Batch) async -> [(MessageClaim, Settlement.Verdict?)] {
        var verdicts: [(MessageClaim, Settlement.Verdict?)] = []
        var begun: [Delivery] = []
        for claim in batch.claims {
            let delivery = delivery(of: claim, batch.route.retry ?? retry)
            do {
                try checkBegin(delivery)
                begun.append(delivery)
            } catch {
                verdicts.append((claim, verdict(on: delivery, failed: error, hasBegun: false)))
            }
        }
        guard !begun.isEmpty else { return verdicts }
        let results: [Result<Decision, any Error>]
        do {
            results = try await batch.handler(begun.map { ($0.claim, $0) })
        } catch {
            results = begun.map { _ in .failure(error) }
        }
        precondition(results.count == begun.count, "a batch has a result for each of its messages")
        for (delivery, result) in zip(begun, results) {
            switch result {
            case .success(let decision): verdicts.append((delivery.claim, verdict(on: delivery, decision)))
            case .failure(let error):
                verdicts.append((delivery.claim, verdict(on: delivery, failed: error)))
            }
        }
        return verdicts
    }

    private func delivery(of claim: MessageClaim, _ retry: RetryPolicy) -> Delivery {
        Delivery(
            of: claim, queue: queue.name, namespace: queue.namespace, attempts: retry.attempts,
            baseLogger: logger)
    }

    /// Before the handler began the stop may have come, or the process may have been stopped itself.
    private func checkBegin(_ delivery: Delivery) throws {
        try Task.checkCancellation()
        try delivery.check()
        // The claim may allow more than the type does.
        if delivery.attempt > delivery.attempts { throw NoOutcome() }
    }

    private struct NoOutcome: Error, CustomStringConvertible {
        var description: String { "no outcome was reported: its consumers crashed or lost their claims" }
    }

    // MARK: Verdicts

    /// Also sent if the lease is over: whether the message is still ours, Redis decides.
    private func verdict(on delivery: Delivery, _ decision: Decision) -> Settlement.Verdict {
        let claim = delivery.claim
        switch decision.verdict {
        case .commit(let effects):
            if let why = effects.problem(in: queue, id: delivery.id) {
                return verdict(on: claim, failedBecause: why)
            }
            return .commit(effects)
        case .bury(let reason):
            tell(claim, .wasGivenUp(reason))
            return .bury(reason: reason)
        case .retry(let delay):
            let verdict = policy(of: claim).verdict(
                afterFailed: delivery.attempt, delay: delay, reason: "its last attempt asked for another one",
                random: .random(in: 0..<1))
            if case .bury(let reason) = verdict {
                tell(claim, .died(reason))
            } else {
                tell(claim, .isToBeRetried)
            }
            return verdict
        case .giveBack(let delay):
            if policy(of: claim).isAtMostOnce {
                return verdict(
                    on: claim, failedBecause: "its handler gave it back, and its one attempt had begun")
            }
            return .leave(
                for: delay?.asDelay ?? MessageRoutes.leave(after: claim.age, random: .random(in: 0..<1)))
        }
    }

    private func verdict(
        on delivery: Delivery, failed error: any Error, hasBegun: Bool = true
    ) -> Settlement.Verdict? {
        let claim = delivery.claim
        if claim.loss != nil { return nil }
        // The claim stands, so it is the stop that cancelled the handler, or the loss of another one in its batch.
        if Task.isCancelled {
            guard hasBegun, policy(of: claim).isAtMostOnce else { return .giveBack }
            return verdict(on: claim, failedBecause: "its one attempt was cancelled")
        }
        return verdict(on: claim, failedBecause: "\(error)")
    }

    /// What becomes of a message whose attempt failed, here or in Redis.
    func verdict(on claim: MessageClaim, failedBecause reason: String) -> Settlement.Verdict {
        let verdict = policy(of: claim).verdict(
            afterFailed: claim.attempt, reason: reason, random: .random(in: 0..<1))
        if case .bury = verdict {
            tell(claim, .lastAttemptFailed(reason))
        } else {
            tell(claim, .attemptFailed(reason))
        }
        return verdict
    }

    private func policy(of claim: MessageClaim) -> RetryPolicy { routes.retry(for: claim.type, retry) }

    private func tell(_ claim: MessageClaim, _ event: MessageEvent.Kind) {
        observers.tell(MessageEvent(claim, of: queue.name, event))
    }
}
