/// A way to be wrong on purpose. A check that has never failed proves nothing: the tests run simulations of
/// these services, and each must be caught.
package enum Sabotage: String, Codable, Hashable, Sendable, CaseIterable {
    /// The database has no inbox: repeating a message repeats its effect.
    case noInbox = "no-inbox"
    /// The resource that ticks write to does not compare fences.
    case noFenceCheck = "no-fence-check"
    /// The effect in Redis is written by the handler itself, beside the commit.
    case effectBesideCommit = "effect-beside-commit"
    /// Ticks come from each instance's own timer, with a lock around the work.
    case lockedTimer = "locked-timer"
}
