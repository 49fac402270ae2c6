import RedisLink

/// The calls of a consumer. Their completions run on the connection's thread, inside the actor.
extension Consumer {
    private nonisolated func tell(_ event: QueueEvent.Kind) {
        observers.tell(QueueEvent(queue: queue.name, kind: event))
    }

    private nonisolated func tell(_ claim: MessageClaim, _ event: MessageEvent.Kind) {
        observers.tell(MessageEvent(claim, of: queue.name, event))
    }

    // MARK: Claim

    func claim(_ count: Int) {
        let token = MessageClaim.newToken(of: instance)
        seen = clock.changes
        call(
            .claim(
                count, from: queue, token: token, lease: lease, attempts: routes.attempts(options.retry),
                takeOvers: state.takeOvers(at: clock.now), options: options, clock: clock)
        ) { consumer, result in
            consumer.claimed(result, wanted: count, token: token)
        }
    }

    private func claimed(_ result: Result<MessageClaim.Batch, RedisError>, wanted: Int, token: String) {
        let now = clock.now
        switch result {
        case .success(let batch):
            for stray in batch.strays { tell(.holdsStray(stray)) }
            if state.claimed(
                batch.claims.count, of: wanted, takenOver: batch.takenOver, nextDue: batch.nextDue, at: now)
            {
                start(batch.claims)
                if !batch.claims.isEmpty {
                    wake(at: clock.sending(at: batch.sentAt.wrappedValue) + lease / 3)
                }
            } else {
                // The stop came while the call was under way.
                state.settle(batch.claims.map { Settlement(claim: $0, verdict: .giveBack) })
            }
        case .failure(let error):
            tell(.claimingFailed(error))
            nameForeignKeys(after: error)
            if error.delivery == .unknown, error.code != .closed {
                return giveBack(token, until: now + lease)
            }
            state.claimFailed(refused: error.delivery == .refused, at: now)
            if error.code == .closed { stop(grace: .zero) }
        }
        advance()
    }

    /// Gives back what an unanswered call may have claimed, which nobody would handle while its lease lasts, and
    /// without using up an attempt. Nothing is claimed until that is answered, or needed no more.
    private func giveBack(_ token: String, until end: ContinuousClock.Instant) {
        call(.giveBack(token, to: queue)) { consumer, result in
            let now = consumer.clock.now
            if case .failure(let error) = result {
                consumer.tell(.givingBackFailed(error))
                if error.code != .closed, error.delivery != .refused, now < end {
                    let again = now + ConsumerState<Settlement>.pause
                    _ = consumer.clock.schedule(at: again, on: consumer.thread) { [weak consumer] in
                        consumer?.inTurn { $0.giveBack(token, until: end) }
                    }
                    return
                }
            }
            consumer.state.claimFailed(refused: false, at: now)
            if case .failure(let error) = result, error.code == .closed { consumer.stop(grace: .zero) }
            consumer.advance()
        }
    }

    // MARK: Renew

    /// Renews the claims that need it soon, in one call, and drops those that are over.
    func renewDue() {
        let now = clock.now
        var due: [MessageClaim] = []
        let isBatch = running.values.contains { claim in claim.update { $0.isRenewalDue(at: now) } }
        for claim in running.values {
            var step = claim.update { $0.next(at: now, isBatch: isBatch) }
            if step == .renew {
                due.append(claim)
                step = claim.update { $0.next(at: now) }
            }
            switch step {
            case .wait(let until): wake(at: until)
            case .lost(let reason): lost(claim, reason)
            case .renew, .nothing: break
            }
        }
        while !due.isEmpty {
            renew(Array(due.prefix(1000)))
            due.removeFirst(min(due.count, 1000))
        }
    }

    private func renew(_ claims: [MessageClaim]) {
        // Each attempt has a third of the lease: then there is time for another one.
        call(.renew(claims, of: queue, lease: lease), timeout: lease / 3) { consumer, result in
            consumer.renewed(claims, result)
        }
    }

    private func renewed(_ claims: [MessageClaim], _ result: Result<ClaimRenewals, RedisError>) {
        let now = clock.now
        switch result {
        case .success(let renewals):
            let sentAt = clock.sending(at: renewals.sentAt.wrappedValue)
            for (claim, isRenewed) in zip(claims, renewals.renewed) {
                if isRenewed {
                    claim.update { $0.renewed(sentAt: sentAt) }
                    wake(at: sentAt + lease / 3)
                } else if running[ObjectIdentifier(claim)] != nil, claim.update({ $0.refused() }) {
                    lost(claim, .taken)
                }
            }
        case .failure(let error):
            // Not a loss: the claims may live on. Their local deadlines decide.
            tell(.renewingFailed(claims.count, error))
            for claim in claims { wake(at: claim.update { $0.renewalFailed(at: now) }) }
        }
    }

    private func lost(_ claim: MessageClaim, _ reason: LossReason) {
        claim.activity?.become(.brief)
        tell(claim, .claimWasLost(reason))
    }

    // MARK: Settle

    func settle(_ batch: [Settlement]) {
        call(.settle(batch, queue: queue, options: options)) { consumer, result in
            consumer.settled(batch, result)
        }
    }

    private func settled(_ batch: [Settlement], _ result: Result<SettlementAnswers, RedisError>) {
        switch result {
        case .success(let reply):
            state.settled()
            for (settlement, answer) in zip(batch, reply.answers) { answered(settlement, answer) }
            for stray in reply.strays { tell(.holdsStray(stray)) }
        case .failure(let error):
            // Repeated whatever the error says: a commit that did happen is answered from the ledger. What
            // cannot be settled while its claim lasts is left to whoever takes the message over.
            let again = error.code == .closed ? [] : batch.filter(\.claim.isHeld)
            tell(.settlingFailed(batch.count, again: again.count, error))
            nameForeignKeys(after: error)
            state.settlingFailed(again: again, at: clock.now)
        }
        advance()
    }

    private func answered(_ settlement: Settlement, _ answer: Settlement.Answer) {
        switch answer {
        case .done:
            switch settlement.verdict {
            case .retry(let delay), .leave(let delay): state.expectDue(at: clock.now + delay)
            case .commit, .bury, .giveBack: break
            }
        case .lost:
            tell(settlement.claim, .wasTakenOver)
        case .refused(let why):
            let verdict = runner.verdict(on: settlement.claim, failedBecause: why)
            state.settle([Settlement(claim: settlement.claim, verdict: verdict)])
        }
    }

    private func call<Answer>(
        _ call: ScriptCall<Answer>, timeout: Duration? = nil,
        completion: @escaping @Sendable (isolated Consumer, Result<Answer, RedisError>) -> Void
    ) {
        link.call(call, timeout: timeout) { [self] result in
            inTurn { completion($0, result) }
        }
    }

    /// Tells which of the queue's keys are of another type, where that was the error: Redis does not say.
    private func nameForeignKeys(after error: RedisError) {
        guard "\(error)".contains("WRONGTYPE") else { return }
        for (key, type) in queue.types {
            link.send(["TYPE", .string(key)]) { [self] result in
                guard case .success(let reply) = result, let found = reply.value.string,
                    found != type, found != "none"
                else { return }
                tell(.holdsForeignKey(key, found: found, expected: type))
            }
        }
    }
}
