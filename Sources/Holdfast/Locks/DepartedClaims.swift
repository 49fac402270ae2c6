/// The claims that left most recently: at least so many as a generation holds, at most twice as many.
struct DepartedClaims: Sendable {
    private static let generation = 4096

    private var recent: [String: LockClaim] = [:]
    private var older: [String: LockClaim] = [:]

    mutating func insert(_ claim: LockClaim) {
        if recent.count == Self.generation { (recent, older) = ([:], recent) }
        recent[claim.token] = claim
    }

    subscript(token: String) -> LockClaim? { recent[token] ?? older[token] }
}
