public import Foundation
import RedisLink

extension Holdfast {
    /// Does something once for each id, no matter who asks and how often: for messages from any kind of
    /// source.
    ///
    /// ```swift
    /// switch try await holdfast.once(event.id, in: "stripe", { claim in try await book(event, claim) }) {
    /// case .executed(let receipt), .alreadyDone(let receipt): print("booked: \(receipt)")
    /// case .inProgressElsewhere(let holder): print("being booked by \(holder)")
    /// }
    /// ```
    ///
    /// The id is claimed with a lease, `body` runs, and its result is recorded in the step that checks the
    /// claim. If `body` throws, the id is free again. Two round trips. It is the *result* that is recorded
    /// once: an effect outside Redis is repeated if the process dies between the effect and the record.
    /// ``Decision`` explains how to close that gap.
    ///
    /// Once `body` has returned, the id never becomes free at once. If the result cannot be encoded or has
    /// more than 32 MiB, only the fact that the id is done is remembered. If Redis does not record it, the
    /// claim stays until its lease ends; the same applies if the client is closed while `body` runs.
    ///
    /// - Parameters:
    ///   - id: what to do once: 1 to 512 bytes.
    ///   - scope: the scope in which the id is unique: 1 to 512 bytes, encoded.
    ///   - lease: how long the claim outlives an instance that died; it is renewed while `body` runs. 100 ms
    ///     to 24 h; defaults to ``Holdfast/Configuration/lease``.
    ///   - retention: how long the result is remembered, at least 1 ms; defaults to 7 days. After that the id
    ///     is done again.
    ///   - made: when the id was made, by its origin's clock. If that is longer ago than `retention`, by the
    ///     server's clock, and no result is remembered, the id is refused: it may have been done and
    ///     forgotten. If the two clocks differ, ids must stop being repeated that much before `retention` is
    ///     over. By default ids of any age are accepted.
    ///   - body: the work. Its task is cancelled when the claim is lost. Its result is kept as JSON, see
    ///     ``Holdfast/Configuration/coders``.
    /// - Returns: the result of this call or of the one that did it, or who is doing it at this moment.
    /// - Throws: what `body` throws; `CancellationError`; or a ``HoldfastError``:
    ///   ``HoldfastError/Code/tooOld``; ``HoldfastError/Code/lost`` if the claim was over before the result
    ///   was recorded; the error of Redis if it did not record the result;
    ///   ``HoldfastError/Code/invalidArgument`` in this call for a result that cannot be encoded, and in
    ///   later calls for one that was not recorded or cannot be decoded. In these cases `body` has done its
    ///   work, or may have: ``HoldfastError/mayHaveHappened`` is true. ``HoldfastError/Code/refused`` if the
    ///   id's key holds something that this version does not know.
    public nonisolated(nonsending) func once<Result: Codable & Sendable>(
        _ id: String, in scope: String, lease: Duration? = nil, retention: Duration = .seconds(7 * 86_400),
        made: Date? = nil, _ body: nonisolated(nonsending) (OnceClaim) async throws -> Result
    ) async throws -> OnceOutcome<Result> {
        let claim = try core.onceClaim(id, in: scope, lease: lease, retention: retention)
        switch try await core.keeper.tryAcquire(claim) {
        case .refused(let holder):
            guard case .done(let result) = try OnceRecord(holder.value, at: claim.key) else {
                return .inProgressElsewhere(holder)
            }
            do {
                return .alreadyDone(
                    try core.configuration.coders.decoder.decode(Result.self, from: Data(result.utf8)))
            } catch {
                throw HoldfastError(
                    .invalidArgument,
                    result.isEmpty
                        ? "the result of \(claim.name) could not be recorded, only that it is done"
                        : "the result of \(claim.name), which is done, cannot be read",
                    mayHaveHappened: true, underlying: result.isEmpty ? nil : error)
            }
        case .acquired(let lease):
            return try await lease.whileHeld { lease in
                try lease.checkAge(made: made, retention: retention)
                let result = try await body(
                    OnceClaim(id: id, scope: scope, namespace: core.keys.namespace, lease: lease))
                try await core.complete(lease, result: result, retention: retention)
                return .executed(result)
            }
        }
    }
}

extension Holdfast {
    /// Does something without a result once for each id; otherwise like
    /// ``once(_:in:lease:retention:made:_:)``.
    ///
    /// ```swift
    /// try await holdfast.once(event.id, in: "stripe") { claim in try await book(event, claim) }
    /// ```
    @discardableResult
    public nonisolated(nonsending) func once(
        _ id: String, in scope: String, lease: Duration? = nil, retention: Duration = .seconds(7 * 86_400),
        made: Date? = nil, _ body: nonisolated(nonsending) (OnceClaim) async throws -> Void
    ) async throws -> OnceOutcome<Void> {
        let outcome = try await once(id, in: scope, lease: lease, retention: retention, made: made) {
            claim in
            try await body(claim)
            return NoResult()
        }
        return switch outcome {
        case .executed: .executed(())
        case .alreadyDone: .alreadyDone(())
        case .inProgressElsewhere(let holder): .inProgressElsewhere(holder)
        }
    }
}

/// Recorded as an empty object, and read of whatever was recorded.
private struct NoResult: Codable {
    init() {}
    init(from decoder: any Decoder) {}
}

extension Core {
    fileprivate func onceClaim(
        _ id: String, in scope: String, lease: Duration?, retention: Duration
    ) throws(HoldfastError) -> LeaseClaim {
        guard (1...512).contains(id.utf8.count) else {
            throw HoldfastError(.invalidArgument, "an id must have 1 to 512 bytes, not \(id.utf8.count)")
        }
        try Settings.retention.check(retention)
        beats.begin()
        let kind = OnceLease(
            key: try keys.key(scope, "once:\(id)"), fenceKey: try keys.key(scope, "once-fence"))
        return LeaseClaim("\(scope)/\(id)", kind, token: instance.token(), lease: try term(lease))
    }

    /// Records under the claim that the body has run, with its result. Repeated while the outcome is unknown, or Redis is
    /// away or refuses it for a while, and the claim lasts; cancellation does not interrupt it.
    fileprivate func complete(_ lease: Lease, result: some Encodable, retention: Duration) async throws {
        var json = ""
        var problem: (any Error)?
        do {
            json = try OnceRecord.encoded(result, by: configuration.coders.encoder)
        } catch {
            // Still it is done, and must not be done again.
            problem = error
        }
        try await record(lease, OnceRecord.value(token: lease.grant.token, result: json), retention)
        if let problem {
            throw HoldfastError(
                .invalidArgument, "the result of \(lease.name) cannot be recorded, only that it is done",
                mayHaveHappened: true,
                underlying: problem)
        }
    }

    private func record(_ lease: Lease, _ record: String, _ retention: Duration) async throws {
        var isRecorded: Bool?
        while isRecorded == nil {
            do throws(RedisError) {
                isRecorded = try await link.callShielded(
                    .complete(lease.grant.claim, record: record, retention: retention))
            } catch {
                if error.mayEnd, lease.isHeld {
                    await link.pauseShielded()
                    continue
                }
                // The body has run: nobody begins it again before the claim has ended by itself.
                lease.leave()
                var failure = HoldfastError(error, "recording that \(lease.name) is done")
                failure.mayHaveHappened = true
                throw failure
            }
        }
        guard isRecorded == true else { throw lease.grant.lostError(.taken) }
        lease.leave()
    }
}

extension Lease {
    /// The fence is at least the server's time in microseconds: so no id that could have been forgotten is taken for
    /// a younger one.
    fileprivate func checkAge(made: Date?, retention: Duration) throws(HoldfastError) {
        guard let made, let fence else { return }
        let age = Double(fence.rawValue) / 1_000_000 - made.timeIntervalSince1970
        guard age > retention / .seconds(1) else { return }
        throw HoldfastError(
            .tooOld, "\(name) was made \(Int(min(age, 1e15))) s ago, longer than results are remembered")
    }
}
