import RedisLink

/// How one claim is to end.
struct Settlement: Sendable {
    enum Verdict: Sendable {
        case commit(Effects)
        case retry(after: Duration)
        case bury(reason: String)
        /// Not handled: given back without using up an attempt.
        case giveBack
        /// Not for this instance: left to others, for a while at least, without using up an attempt.
        case leave(for: Duration)
    }

    /// What became of it.
    enum Answer: Hashable, Sendable {
        case done
        /// The claim is not ours any more: whoever owns it now decides.
        case lost
        /// An effect could not be applied; the claim is still ours.
        case refused(String)
    }

    let claim: MessageClaim
    let verdict: Verdict

    /// How much work it is for the script.
    var weight: Int {
        guard case .commit(let effects) = verdict else { return 1 }
        return 1 + effects.all.count + effects.followUps.count
    }
}

extension RetryPolicy {
    /// What becomes of a message whose attempt number `attempt` (from 1) failed. `random` is uniform in
    /// 0..<1.
    func verdict(
        afterFailed attempt: Int, delay: Duration? = nil, reason: @autoclosure () -> String, random: Double
    ) -> Settlement.Verdict {
        guard attempt < attempts else { return .bury(reason: reason()) }
        // 30 doublings exceed any sensible limit, and do not overflow.
        let ceiling = min(longest, first.asDelay * (1 << min(attempt - 1, 30)))
        return .retry(after: (delay ?? ceiling * random).asDelay)
    }
}
