import RedisLink

/// The calls that a worker's loop makes.
struct TickClaim: Sendable {
    let link: RedisLink
    let keys: WorkerKeys
    let lease: Duration
    let options: WorkerOptions
    let schedule: Schedule
    /// Pid and host, for the history.
    let caller: String
    let clock: LocalClock

    init(
        _ worker: some PeriodicWorker, caller: String, link: RedisLink, keys: KeySpace,
        clock: LocalClock = .continuous
    ) throws(HoldfastError) {
        self.clock = clock
        schedule = worker.schedule
        lease = worker.lease
        try Settings.lease.check(lease)
        try schedule.validate()
        options = try worker.options.validated(with: schedule)
        self.keys = try WorkerKeys(worker.name, concurrency: options.concurrency, in: keys)
        self.link = link
        self.caller = caller
    }

    /// A run that was claimed, with when the request was sent that claimed it.
    struct Reply: Sendable {
        var answer: TickAnswer
        var sentAt: ContinuousClock.Instant
    }

    /// Looks for a run to begin, and claims it. One round trip. While the outcome is unknown the call is repeated
    /// with the same token, which is answered as the first one was, as long as the run could not have ended by
    /// itself.
    ///
    /// Cancellation does not interrupt it: an abandoned claim would be a tick that nobody runs.
    ///
    /// - Parameters:
    ///   - schedule: which the caller goes by: its own unless it was told of another one.
    ///   - text: how it was told of that one.
    func look(_ look: TickMachine.Look, goingBy schedule: Schedule, text: String? = nil, token: String)
        async throws(RedisError) -> Reply
    {
        let end = clock.now + lease
        var unknown = false
        while true {
            do throws(RedisError) {
                return try await call(look, schedule, text ?? schedule.description, token)
            } catch {
                unknown = unknown || error.delivery == .unknown
                let isFinal = error.code == .closed || error.code == .authenticationFailed
                guard unknown, !isFinal, clock.now < end else { throw error }
                await link.pauseShielded()
            }
        }
    }

    private func call(_ look: TickMachine.Look, _ schedule: Schedule, _ text: String, _ token: String)
        async throws(RedisError) -> Reply
    {
        func number(_ value: Int64?) -> RedisArgument { value.map { .integer($0) } ?? "" }
        let tick = look.tick
        let reply = try await link.evaluateShielded(
            Scripts.tick, keys: keys.ofTick,
            arguments: [
                .string(token), .string(caller), .init(milliseconds: lease),
                .init(milliseconds: LockClaim.fenceLifetime), .init(options.history),
                .init(options.afterCrash.attempts), schedule.followsRuns ? "1" : "", .init(options.version),
                .string(self.schedule.description), .string(text), number(look.seed),
                .string(tick.map { TickInstant(milliseconds: $0.cursor, era: $0.era).description } ?? ""),
                number(tick?.nominal), number(tick?.due), number(tick?.latest),
            ], check: .acquiring(token))
        guard let answer = TickAnswer(reply) else { throw .unexpectedAnswer(of: Scripts.tick) }
        return Reply(answer: answer, sentAt: clock.sending(at: reply.sentAt))
    }

    /// Records the end of a run. One round trip, repeated while its outcome is unknown, Redis cannot be reached, or
    /// refuses it for a while, and `isHeld` is true; cancellation does not interrupt it.
    ///
    /// - Parameter again: whether another instance is to run it again.
    /// - Returns: false where the run was not this instance's any more.
    func finish(
        _ run: ClaimedRun, token: String, outcome: RunOutcome, detail: String, again: Bool, followsRuns: Bool,
        isHeld: () -> Bool
    ) async throws(RedisError) -> Bool {
        var unknown = false
        while true {
            do throws(RedisError) {
                let reply = try await link.evaluateShielded(
                    Scripts.finish, keys: [keys.worker, keys.history],
                    arguments: [
                        .string(token), .init(run.slot), .string(outcome.rawValue), .string(detail),
                        .init(options.history), followsRuns ? "1" : "", again ? "1" : "",
                    ], check: .completing(token))
                // After an unknown outcome a refusal may be our own earlier success.
                return reply.isYes || unknown
            } catch {
                unknown = unknown || error.delivery == .unknown
                guard error.mayEnd, isHeld() else { throw error }
                await link.pauseShielded()
            }
        }
    }
}
