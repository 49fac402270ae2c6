import RedisLink

extension ScriptCall<Bool> {
    /// Whether the end of the run was recorded, and the run not another's any more.
    static func finish(
        _ run: ClaimedRun, of keys: WorkerKeys, token: String, outcome: RunOutcome, detail: String,
        history: Int, followsRuns: Bool, again: Bool
    ) -> Self {
        Self(
            Scripts.finish, keys: [keys.worker, keys.history],
            [
                .string(token), .init(run.slot), .string(outcome.rawValue), .string(detail), .init(history),
                followsRuns ? "1" : "", again ? "1" : "",
            ], numbered: .completing(token))
    }
}
