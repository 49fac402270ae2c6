/// The claims that Redis may still know though nobody has, or will soon have, them any more: at least so many of the most
/// recent as a generation holds, at most twice as many.
struct DepartedClaims: Sendable {
    private struct Departure: Sendable {
        let claim: LockClaim
        /// Until this one is over the claim is somebody's; nil for one that was never granted.
        let grant: Grant?
    }

    private static let generation = 4096

    private var recent: [String: Departure] = [:]
    private var older: [String: Departure] = [:]

    mutating func insert(_ claim: LockClaim, after grant: Grant? = nil) {
        if recent.count == Self.generation { (recent, older) = ([:], recent) }
        recent[claim.token] = Departure(claim: claim, grant: grant)
    }

    /// The claim with that token, if nobody has it any more.
    subscript(token: String) -> LockClaim? {
        guard let departure = recent[token] ?? older[token], departure.grant?.lease.phase != .held else {
            return nil
        }
        return departure.claim
    }
}
