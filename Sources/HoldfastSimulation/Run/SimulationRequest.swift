/// What is to be simulated.
package struct SimulationRequest: Sendable {
    package var messages: MessageFile
    package var totals: TotalsRule
    package var instances: Int
    package var plan: FaultPlan
    /// A server to use; nil starts a private one.
    package var redisURL: String?
    package var lease: Duration
    /// About how long the work takes apart from what the faults add; decides how long one message takes.
    package var span: Duration
    /// When the run is given up.
    package var deadline: Duration
    /// How this program is started again as an instance: its path, and the arguments before the
    /// configuration's path and the slot.
    package var executable: String
    package var instanceArguments: [String]
    /// Where the ledger, the histories and the logs are kept; nil removes them, unless a promise did not
    /// hold.
    package var artifacts: String?
    /// What the instances do wrong on purpose.
    package var sabotage: Sabotage?

    package init(
        messages: MessageFile, totals: TotalsRule, instances: Int, plan: FaultPlan, redisURL: String? = nil,
        lease: Duration = .milliseconds(1500), span: Duration = .seconds(12),
        deadline: Duration = .seconds(300),
        executable: String, instanceArguments: [String], artifacts: String? = nil
    ) throws(SimulationError) {
        guard redisURL == nil || plan.count(.restartRedis) == 0 else {
            throw SimulationError(
                .invalidRequest, "a redis-server given by its URL can't be restarted")
        }
        self.messages = messages
        self.totals = totals
        self.instances = instances
        self.plan = plan
        self.redisURL = redisURL
        self.lease = lease
        self.span = span
        self.deadline = deadline
        self.executable = executable
        self.instanceArguments = instanceArguments
        self.artifacts = artifacts
    }

    var pace: Pace { Pace(messages: messages.messages.count, instances: instances, span: span) }
}
