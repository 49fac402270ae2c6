import Logging
import RedisLink

/// Acquires, renews and releases the leases of one client.
///
/// It shares the executor of the command connection: an acquisition is one hop to that thread and one back,
/// and the renewals run there too, so that no user code that blocks Swift's threads can delay them. There is
/// one timer for all leases; renewals that are due soon go out with those that are due now, in one batch.
package actor LeaseKeeper {
    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        connection.thread.asUnownedSerialExecutor()
    }

    private struct Held {
        weak var lease: Lease?
    }

    /// How long closing waits for a server that does not answer.
    static let closeTimeout: Duration = .seconds(1)

    private let connection: RedisConnection
    private let logger: Logger
    private var held: [ObjectIdentifier: Held] = [:]
    private var timer: (id: LinkThread.TimerID, at: ContinuousClock.Instant)?
    private var isClosed = false
    /// When the last renewal that Redis granted was sent.
    private(set) var lastRenewal: ContinuousClock.Instant?

    init(connection: RedisConnection, logger: Logger) {
        self.connection = connection
        self.logger = logger
    }

    // MARK: Acquire

    /// One attempt to acquire. Throws `CancellationError`, or a ``HoldfastError``.
    ///
    /// If the connection is lost before the answer, the attempt is repeated once with the same token, which
    /// Redis answers as it answered, or would have answered, the first time. What is still unknown after
    /// that, or was cancelled on its way, is undone in the background.
    package func tryAcquire(_ claim: LockClaim) async throws -> Acquisition {
        guard !isClosed else { throw HoldfastError(.closed, "this client is closed") }
        var unknown = false
        while true {
            let answer: LockClaim.Answer
            do throws(RedisError) {
                answer = try await claim.attempt(over: connection)
            } catch {
                let first = !unknown
                unknown = unknown || error.delivery == .unknown
                if first && unknown && error.code == .connectionLost { continue }
                var failure = error
                if unknown {
                    failure.delivery = .unknown
                    abandon(key: claim.key, token: claim.token, lease: claim.lease)
                }
                throw HoldfastError.thrown(for: failure, "acquiring the lock \(claim.name)")
            }
            switch answer {
            case .refused(let holder):
                return .refused(holder)
            case .granted(let fence, let sentAt):
                let lease = hold(claim, fence: fence, sentAt: sentAt)
                // A process that was stopped while the answer waited for it.
                guard lease.isHeld else { throw lease.lostError(.expired) }
                return .acquired(lease)
            }
        }
    }

    /// Begins to renew a lease that a script has just granted for `claim`.
    package func hold(_ claim: LockClaim, fence: FencingToken?, sentAt: ContinuousClock.Instant) -> Lease {
        let state = LeaseState(lease: claim.lease, sentAt: sentAt)
        let lease = Lease(claim, fencingToken: fence, state: state, keeper: self)
        held[ObjectIdentifier(lease)] = Held(lease: lease)
        wake(at: sentAt + claim.lease / 3)
        return lease
    }

    // MARK: Release

    /// Releases `lease`, which has ended locally already, and repeats that while the outcome is unknown.
    ///
    /// - Parameter late: whether it ended after its deadline, before the timer noticed. Then only Redis can
    ///   say that nobody else has held it meanwhile; without its word the lease was lost.
    func release(_ lease: Lease, late: Bool) async throws(HoldfastError) {
        held[ObjectIdentifier(lease)] = nil
        var unknown = false
        while true {
            let released: Bool
            do throws(RedisError) {
                released = try await releaseOnce(key: lease.key, token: lease.token)
            } catch {
                unknown = unknown || error.delivery == .unknown
                let again = error.code == .connectionLost && ContinuousClock.now < lease.deadline
                if again { continue }
                if late { throw lease.lostError(.expired) }
                var failure = error
                if unknown { failure.delivery = .unknown }
                throw HoldfastError(failure, "releasing the lock \(lease.name)")
            }
            if released { return }
            if late { throw lease.lostError(.expired) }
            // After an unknown outcome a refusal may be our own earlier success.
            guard unknown else { throw lease.lostError(.taken) }
            return
        }
    }

    /// One release that cancellation does not interrupt.
    private func releaseOnce(
        key: String, token: String, timeout: Duration? = nil
    ) async throws(RedisError) -> Bool {
        let result = await withUnsafeContinuation { continuation in
            connection.assumeIsolated {
                $0.evaluate(Scripts.release, keys: [key], arguments: [.string(token)], timeout: timeout) {
                    continuation.resume(returning: $0)
                }
            }
        }
        return try result.get().value.integer == 1
    }

    /// Releases what may be held under `token` in the background, until that is certain or the lease is over.
    nonisolated func abandon(key: String, token: String, lease: Duration) {
        let end = ContinuousClock.now + lease
        connection.thread.submit {
            self.assumeIsolated { $0.abandon(key: key, token: token, until: end) }
        }
    }

    private func abandon(key: String, token: String, until end: ContinuousClock.Instant) {
        connection.assumeIsolated {
            $0.evaluate(Scripts.release, keys: [key], arguments: [.string(token)]) { [weak self] result in
                guard case .failure(let error) = result, error.code != .closed, .now < end else { return }
                self?.assumeIsolated { keeper in
                    _ = keeper.connection.thread.schedule(at: .now + .milliseconds(200)) {
                        keeper.abandon(key: key, token: token, until: end)
                    }
                }
            }
        }
    }

    // MARK: Renewal

    /// Sets the timer to `instant` unless it is due before that. It is not moved back when leases end: a lock
    /// that is taken and released quickly never touches it.
    private func wake(at instant: ContinuousClock.Instant) {
        if let timer, timer.at <= instant { return }
        if let timer { connection.thread.cancel(timer.id) }
        let id = connection.thread.schedule(at: instant) { [weak self] in
            self?.assumeIsolated { $0.renewDue() }
        }
        timer = (id, instant)
    }

    private func renewDue() {
        timer = nil
        let now = ContinuousClock.now
        var next: ContinuousClock.Instant?
        for (id, entry) in held {
            guard let lease = entry.lease else {
                held[id] = nil
                continue
            }
            var step = lease.update { $0.next(at: now) }
            if step == .renew {
                renew(lease)
                step = lease.update { $0.next(at: now) }
            }
            switch step {
            case .wait(let until): next = min(next ?? until, until)
            case .expired: lost(lease, .expired)
            case .renew, .nothing: held[id] = nil
            }
        }
        if let next { wake(at: next) }
    }

    private func renew(_ lease: Lease) {
        // Each attempt has a third of the lease: then there is time for another one.
        connection.assumeIsolated {
            $0.evaluate(
                Scripts.renew, keys: [lease.key],
                arguments: [.string(lease.token), .init(milliseconds: lease.duration)],
                timeout: lease.duration / 3
            ) { [weak self, weak lease] result in
                guard let self, let lease else { return }
                assumeIsolated { $0.renewed(lease, result) }
            }
        }
    }

    private func renewed(_ lease: Lease, _ result: RedisConnection.Result) {
        let now = ContinuousClock.now
        switch result {
        case .success(let reply) where reply.value.integer == 1:
            lease.update { $0.renewed(sentAt: reply.sentAt) }
            lastRenewal = reply.sentAt
            wake(at: reply.sentAt + lease.duration / 3)
        case .success:
            if lease.update({ $0.refused() }) { lost(lease, .taken) }
        case .failure(let error) where error.replyKind == "WRONGTYPE":
            // A key of another type is not ours either.
            if lease.update({ $0.refused() }) { lost(lease, .taken) }
        case .failure(let error):
            // Not a loss: the key may live on. The local deadline decides.
            logger.warning("renewing \(lease.name) failed, trying again: \(error)")
            wake(at: lease.update { $0.renewalFailed(at: now) })
        }
    }

    private func lost(_ lease: Lease, _ reason: LossReason) {
        held[ObjectIdentifier(lease)] = nil
        logger.error("the lease of \(lease.name) was lost: \(reason)")
    }

    /// Ends all leases and lets go of them in Redis, so that others need not wait for their end.
    func close() async {
        isClosed = true
        let leases = held.values.compactMap(\.lease)
        held = [:]
        await withDiscardingTaskGroup { group in
            for lease in leases where lease.update({ $0.close() }) {
                group.addTask { await self.releaseAtClose(lease) }
            }
        }
    }

    private func releaseAtClose(_ lease: Lease) async {
        logger.warning("the lease of \(lease.name) was still held when the client was closed")
        do {
            _ = try await releaseOnce(key: lease.key, token: lease.token, timeout: Self.closeTimeout)
        } catch {
            logger.warning("releasing \(lease.name) while closing failed, it ends by itself: \(error)")
        }
    }
}
