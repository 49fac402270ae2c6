import RedisLink

/// What is leased: by which keys it stands in Redis, and by which scripts it is taken, renewed and let go.
///
/// Keeper and waiting room deal with any kind. The scripts that stand here are those of a name with one holder.
protocol LeaseKind: Sendable {
    /// Where the holder's token stands.
    var key: String { get }
    /// Where the last fence is noted.
    var fenceKey: String { get }
    /// Where those who wait for it stand in line; nil where nobody waits.
    var waitersKey: String? { get }
    /// Whether what it stands for may be done when its client is closed: then nobody else is to begin it at once.
    var endsByItself: Bool { get }

    func acquire(
        _ claim: LeaseClaim, _ mode: LeaseClaim.Mode, wakeChannels: String
    ) -> ScriptCall<LeaseClaim.Answer>

    /// A command that is tried first, in one round trip; nil for what has none. A refusal says no more than no.
    func bareAttempt(_ claim: LeaseClaim) -> RedisCommand?

    /// - Parameter isConfirmed: whether its waiter has left the queue, which it does with this call otherwise.
    func renew(_ claim: LeaseClaim, isConfirmed: Bool, for milliseconds: RedisArgument) -> ScriptCall<Renewal>

    /// Whether it was released, and was not another's.
    func release(_ claim: LeaseClaim, wakeChannels: String) -> ScriptCall<Bool>

    /// Takes the claim out of the line, too.
    func leave(_ claim: LeaseClaim, wakeChannels: String) -> ScriptCall<Bool>
}

extension LeaseKind {
    var endsByItself: Bool { false }

    func acquire(
        _ claim: LeaseClaim, _ mode: LeaseClaim.Mode, wakeChannels: String
    ) -> ScriptCall<LeaseClaim.Answer> {
        .acquire(claim, mode, wakeChannels: wakeChannels)
    }

    func bareAttempt(_ claim: LeaseClaim) -> RedisCommand? {
        if claim.isFenced { return nil }
        let set: [RedisArgument] =
            ["SET", .string(key), .string(claim.token), "NX", "PX", claim.lease.milliseconds]
        return RedisCommand(set, check: .okOrNull)
    }

    func renew(_ claim: LeaseClaim, isConfirmed: Bool, for milliseconds: RedisArgument) -> ScriptCall<Renewal>
    {
        .renew(claim, isConfirmed: isConfirmed, for: milliseconds)
    }

    func release(_ claim: LeaseClaim, wakeChannels: String) -> ScriptCall<Bool> {
        .release(claim, wakeChannels: wakeChannels)
    }

    func leave(_ claim: LeaseClaim, wakeChannels: String) -> ScriptCall<Bool> {
        .leave(claim, wakeChannels: wakeChannels)
    }

    /// The keys of acquire.lua.
    var acquiringKeys: [String] { [key, fenceKey] + (waitersKey.map { [$0] } ?? []) }

    /// The keys of the scripts that end it.
    var endingKeys: [String] { waitersKey.map { [key, fenceKey, $0] } ?? [key] }
}
