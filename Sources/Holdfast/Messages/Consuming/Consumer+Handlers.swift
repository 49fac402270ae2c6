import Logging
import RedisLink

/// Runs the handlers of what a consumer claimed, and turns what they say into verdicts.
extension Consumer {
    /// Starts the handlers of what one call claimed, one for each message or for some together.
    nonisolated func begin(_ claims: [MessageClaim]) {
        var batches: [ExactText: [MessageClaim]] = [:]
        for claim in claims {
            if let problem = claim.problem {
                delivery(of: claim).logger.error("the message is dead: \(problem)")
                end(claim, .bury(reason: problem))
                continue
            }
            switch routes.choice(for: claim.type) {
            case .route(let route):
                switch route.handler {
                case .one(let handler): claim.start { await self.handle($0, route, handler) }
                case .many(let size, let handler):
                    let type = ExactText(claim.type)
                    batches[type, default: []].append(claim)
                    if batches[type]!.count >= max(size, 1) {
                        beginBatch(batches.removeValue(forKey: type)!, route, handler)
                    }
                }
            case .unknown:
                let time = MessageRoutes.leave(after: claim.age, random: .random(in: 0..<1))
                delivery(of: claim).logger.notice(
                    "the message is of a type or version that is not known here, left to others: \(claim.type)"
                )
                end(claim, .leave(for: time))
            case .untyped:
                end(claim, .bury(reason: "it names no type, and the queue carries several"))
            }
        }
        for (type, rest) in batches {
            guard case .route(let route) = routes.choice(for: type.text),
                case .many(_, let handler) = route.handler
            else { continue }
            beginBatch(rest, route, handler)
        }
    }

    private nonisolated func beginBatch(
        _ claims: [MessageClaim], _ route: MessageRoute, _ handler: @escaping MessageRoute.Many
    ) {
        let activities = claims.compactMap(\.activity)
        let task = Task { await activities.including { await handle(claims, route, handler) } }
        for claim in claims { claim.attach(task) }
    }

    nonisolated func delivery(of claim: MessageClaim) -> Delivery {
        delivery(of: claim, routes.retry(for: claim.type, options.retry))
    }

    private nonisolated func delivery(of claim: MessageClaim, _ retry: RetryPolicy) -> Delivery {
        Delivery(
            of: claim, queue: queue.name, namespace: queue.namespace, attempts: retry.attempts,
            baseLogger: logger)
    }

    private nonisolated func end(_ claim: MessageClaim, _ verdict: Settlement.Verdict?) {
        claim.activity?.become(.brief)
        onThread { $0.finished(claim, verdict) }
        claim.end()
    }

    private nonisolated func handle(
        _ claim: MessageClaim, _ route: MessageRoute, _ handler: @escaping MessageRoute.One
    ) async {
        let delivery = delivery(of: claim, route.retry ?? options.retry)
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

    private nonisolated func handle(
        _ claims: [MessageClaim], _ route: MessageRoute, _ handler: @escaping MessageRoute.Many
    ) async {
        let retry = route.retry ?? options.retry
        var verdicts: [Settlement.Verdict?] = []
        do {
            var fit: [(MessageClaim, Delivery)] = []
            var early: [ObjectIdentifier: Settlement.Verdict?] = [:]
            for claim in claims {
                let delivery = delivery(of: claim, retry)
                do {
                    try checkBegin(delivery)
                    fit.append((claim, delivery))
                } catch {
                    early[ObjectIdentifier(claim)] = .some(
                        verdict(on: delivery, failed: error, hasBegun: false))
                }
            }
            var results = fit.isEmpty ? [].makeIterator() : try await handler(fit).makeIterator()
            for claim in claims {
                if let verdict = early[ObjectIdentifier(claim)] {
                    verdicts.append(verdict)
                    continue
                }
                let delivery = delivery(of: claim, retry)
                switch results.next() {
                case .success(let handled)?: verdicts.append(verdict(on: delivery, handled))
                case .failure(let error)?: verdicts.append(verdict(on: delivery, failed: error))
                case nil: preconditionFailure("a batch has a result for each of its messages")
                }
            }
        } catch {
            verdicts = claims.map { verdict(on: delivery(of: $0, retry), failed: error) }
        }
        for (claim, verdict) in zip(claims, verdicts) { end(claim, verdict) }
    }

    /// Before the handler began the stop may have come, or the process may have been stopped itself.
    private nonisolated func checkBegin(_ delivery: Delivery) throws {
        try Task.checkCancellation()
        try delivery.check()
        // The claim may allow more than the type does.
        if delivery.attempt > delivery.attempts { throw NoOutcome() }
    }

    private struct NoOutcome: Error, CustomStringConvertible {
        var description: String { "no outcome was reported: its consumers crashed or lost their claims" }
    }

    /// Also sent if the lease is over: whether the message is still ours, Redis decides.
    private nonisolated func verdict(on delivery: Delivery, _ handled: Handled) -> Settlement.Verdict {
        switch handled.verdict {
        case .commit(let effects):
            if let why = effects.problem(in: queue, id: delivery.id) {
                return verdict(on: delivery, failedBecause: why)
            } else {
                return .commit(effects)
            }
        case .bury(let reason):
            delivery.logger.warning("its handler dead-lettered the message: \(reason)")
            return .bury(reason: reason)
        case .retry(let delay):
            let verdict = routes.retry(for: delivery.type, options.retry).verdict(
                afterFailed: delivery.attempt, delay: delay, reason: "its last attempt asked for another one",
                random: .random(in: 0..<1))
            if case .bury(let reason) = verdict {
                delivery.logger.error("the message is dead: \(reason)")
            } else {
                delivery.logger.debug("its handler asked for another attempt")
            }
            return verdict
        case .giveBack(let delay):
            if routes.retry(for: delivery.type, options.retry).isAtMostOnce {
                return verdict(
                    on: delivery, failedBecause: "its handler gave it back, and its one attempt had begun")
            } else {
                return .leave(
                    for: delay?.asDelay
                        ?? MessageRoutes.leave(after: delivery.claim.age, random: .random(in: 0..<1)))
            }
        }
    }

    private nonisolated func verdict(
        on delivery: Delivery, failed error: any Error, hasBegun: Bool = true
    ) -> Settlement.Verdict? {
        if delivery.claim.loss != nil { return nil }
        // The claim stands, so it is the stop that cancelled the handler, or the loss of another one in its batch.
        if Task.isCancelled {
            guard hasBegun, routes.retry(for: delivery.type, options.retry).isAtMostOnce else {
                return .giveBack
            }
            return verdict(on: delivery, failedBecause: "its one attempt was cancelled")
        }
        return verdict(on: delivery, failedBecause: "\(error)")
    }

    nonisolated func verdict(on delivery: Delivery, failedBecause reason: String) -> Settlement.Verdict {
        let verdict = routes.retry(for: delivery.type, options.retry).verdict(
            afterFailed: delivery.attempt, reason: reason, random: .random(in: 0..<1))
        switch verdict {
        case .bury: delivery.logger.error("the last attempt failed, the message is dead: \(reason)")
        default: delivery.logger.warning("the attempt failed, there will be another one: \(reason)")
        }
        return verdict
    }
}
