/// Claims that nobody has any more, or that end soon, and that Redis may still know: at least so many of the
/// most recent as a generation holds, at most twice as many.
struct DepartedClaims: Sendable {
    private struct Departure: Sendable {
        let claim: LeaseClaim
        /// The claim is somebody's until Redis has let this one go: also after it was lost, since its lock is kept for
        /// a while on purpose. Nil for one that was never granted.
        let grant: Grant?
    }

    private static let generation = 4096

    private var recent: [String: Departure] = [:]
    private var older: [String: Departure] = [:]

    mutating func insert(_ claim: LeaseClaim, after grant: Grant? = nil) {
        if recent.count == Self.generation { (recent, older) = ([:], recent) }
        recent[claim.token] = Departure(claim: claim, grant: grant)
    }

    /// The claim with that token, if nobody has it any more.
    subscript(token: String) -> LeaseClaim? {
        guard let departure = recent[token] ?? older[token], departure.grant?.isLetGo ?? true else {
            return nil
        }
        return departure.claim
    }
}
