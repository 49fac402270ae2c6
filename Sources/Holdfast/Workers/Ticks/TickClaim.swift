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
        async throws(RedisError) -> TickReply
    {
        let end = clock.now + lease
        var outcome = UnknownOutcome()
        while true {
            do throws(RedisError) {
                var reply = try await link.callShielded(
                    .tick(self, look, goingBy: schedule, text: text ?? schedule.description, token: token))
                reply.sentAt = clock.sending(at: reply.sentAt)
                return reply
            } catch {
                let failure = outcome.failed(error)
                let isFinal = error.code == .closed || error.code == .authenticationFailed
                guard outcome.mayHaveHappened, !isFinal, clock.now < end else { throw failure }
                await link.pauseShielded()
            }
        }
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
        let call = ScriptCall.finish(
            run, of: keys, token: token, outcome: outcome, detail: detail, history: options.history,
            followsRuns: followsRuns, again: again)
        var known = UnknownOutcome()
        while true {
            do throws(RedisError) {
                return known.settled(try await link.callShielded(call))
            } catch {
                let failure = known.failed(error)
                guard error.mayEnd, isHeld() else { throw failure }
                await link.pauseShielded()
            }
        }
    }
}
