public import Foundation
import RedisLink

extension Holdfast {
    /// Does something once for each id, whoever asks and how often: for messages from a source of any kind.
    ///
    /// ```swift
    /// switch try await holdfast.once(event.id, in: "stripe", { claim in try await book(event, claim) }) {
    /// case .executed(let receipt), .alreadyDone(let receipt): print("booked: \(receipt)")
    /// case .inProgressElsewhere(let holder): print("being booked by \(holder)")
    /// }
    /// ```
    ///
    /// The id is claimed with a lease, `body` runs, and its result is recorded in the step that checks the
    /// claim. If `body` throws, the id is free again. Two round trips. What is recorded once is the *result*:
    /// an effect outside Redis is repeated if the process dies between the effect and the record. See
    /// ``Handled`` for what closes that gap.
    ///
    /// - Parameters:
    ///   - id: what to do once: 1 to 512 bytes.
    ///   - scope: what the id is unique in: 1 to 512 bytes, encoded.
    ///   - lease: how long the claim outlives an instance that died; it is renewed while `body` runs. 100 ms
    ///     to 24 h, ``Configuration/lease`` unless set.
    ///   - retention: for how long the result is remembered, at least 1 ms; defaults to 7 days. After that the id is
    ///     done again.
    ///   - made: when the id came into being, by its origin's clock. If that is longer ago than `retention`, by the
    ///     server's clock, and no result is remembered, the id is refused: it may have been done and forgotten. The
    ///     two clocks must agree, or ids stop coming again before `retention` is over by as much as they differ. Ids
    ///     of any age are taken unless set.
    ///   - body: the work. Its task is cancelled when the claim is lost. Its result is kept as JSON, see
    ///     ``Configuration/coders``.
    /// - Returns: the result, of this call or of the one that did it; or who is doing it at this moment.
    /// - Throws: what `body` throws; `CancellationError`; or a ``HoldfastError``: ``HoldfastError/Code/tooOld``;
    ///   ``HoldfastError/Code/lost`` when the claim was over before the result was recorded; what Redis said when it
    ///   did not record it. In the last two cases `body` may have done its work, which
    ///   ``HoldfastError/mayHaveHappened`` tells.
    public func once<Result: Codable & Sendable>(
        _ id: String, in scope: String, lease: Duration? = nil, retention: Duration = .seconds(7 * 86_400),
        made: Date? = nil, _ body: @escaping @Sendable (OnceClaim) async throws -> Result
    ) async throws -> Once<Result> {
        let claim = try core.onceClaim(id, in: scope, lease: lease, retention: retention)
        switch try await core.keeper.tryAcquire(claim) {
        case .refused(let holder):
            guard let result = OnceRecord.result(in: holder.value) else {
                return .inProgressElsewhere(holder)
            }
            do {
                return .alreadyDone(
                    try core.configuration.coders.decoder.decode(Result.self, from: Data(result.utf8)))
            } catch {
                throw HoldfastError(
                    .invalidArgument, "\(claim.name) is done, but its result cannot be read",
                    underlying: error)
            }
        case .acquired(let lease):
            return try await lease.whileHeld(logger: core.logger, lossIsUnknown: true) { [core] lease in
                try OnceRecord.check(made: made, retention: retention, lease)
                let result = try await body(OnceClaim(id: id, scope: scope, lease: lease))
                try await core.complete(lease, result: result, retention: retention)
                return .executed(result)
            }
        }
    }
}

/// The value at the key of an id that is done.
enum OnceRecord {
    private static let mark = "done:"

    /// The fence is at least the server's time in microseconds: so no id that could have been forgotten is taken for
    /// a younger one.
    static func check(made: Date?, retention: Duration, _ lease: Lease) throws(HoldfastError) {
        guard let made, let fence = lease.fencingToken else { return }
        let age = Double(fence.rawValue) / 1_000_000 - made.timeIntervalSince1970
        guard age > retention / .seconds(1) else { return }
        throw HoldfastError(
            .tooOld, "\(lease.name) was made \(Int(min(age, 1e15))) s ago, longer than results are remembered"
        )
    }

    /// Names the claim that did it, so that recording it again is recognised.
    static func value(token: String, result: String) -> String { "\(mark)\(token):\(result)" }

    /// The result, nil when the value is the token of a claim.
    static func result(in value: String) -> String? {
        guard value.hasPrefix(mark) else { return nil }
        // The token is "<instance>:<random>".
        let parts = value.dropFirst(mark.count).split(
            separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        return parts.count == 3 ? String(parts[2]) : nil
    }
}

extension Core {
    fileprivate func onceClaim(
        _ id: String, in scope: String, lease: Duration?, retention: Duration
    ) throws(HoldfastError) -> LockClaim {
        guard (1...512).contains(id.utf8.count) else {
            throw HoldfastError(.invalidArgument, "an id must have 1 to 512 bytes, not \(id.utf8.count)")
        }
        try Settings.retention.check(retention)
        beats.begin()
        return LockClaim(
            name: "\(scope)/\(id)", key: try keys.key(scope, "once:\(id)"),
            fenceKey: try keys.key(scope, "once-fence"),
            isWaitedFor: false, token: instance.token(), lease: try term(lease))
    }

    /// Records the result under the claim. Repeated while the outcome is unknown, or Redis is away or refuses it for a
    /// while, and the claim lasts; cancellation does not interrupt it. When it fails, the body may have had its effect.
    fileprivate func complete(_ lease: Lease, result: some Encodable, retention: Duration) async throws {
        let json = String(decoding: try configuration.coders.encoder.encode(result), as: UTF8.self)
        let record = OnceRecord.value(token: lease.grant.token, result: json)
        var recorded: Bool?
        var unknown = false
        while recorded == nil {
            do throws(RedisError) {
                recorded =
                    try await link.evaluateShielded(
                        Scripts.complete, keys: [lease.grant.key],
                        arguments: [
                            .string(lease.grant.token), .string(record), .init(milliseconds: retention),
                        ], check: .completing(lease.grant.token)
                    ).isYes
            } catch {
                unknown = unknown || error.delivery == .unknown
                if error.mayEnd, lease.isHeld {
                    await link.pauseShielded()
                    continue
                }
                if unknown {
                    // The key holds the result, or the claim: only the claim may be undone.
                    lease.settled()
                    keeper.abandon(lease.grant)
                }
                var failure = HoldfastError(error, "recording that \(lease.name) is done")
                // The body has run.
                failure.mayHaveHappened = true
                throw failure
            }
        }
        guard recorded == true else { throw lease.grant.lostError(.taken) }
        lease.settled()
    }
}

extension Lease {
    /// Its key was turned into something else: there is nothing to renew or to release any more.
    fileprivate func settled() {
        _ = grant.update { $0.release() }
    }
}
