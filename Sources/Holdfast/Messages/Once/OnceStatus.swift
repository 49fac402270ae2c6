import RedisLink

/// The state of an id that ``Holdfast/once(_:in:lease:retention:made:_:)`` does once.
@nonexhaustive
public enum OnceStatus: Hashable, Sendable {
    /// Nobody is doing it, and no result is remembered.
    case free
    /// It is being done.
    case inProgress(Holder)
    /// It is done, with this result as JSON, which is remembered for this much longer. Empty if the result
    /// could not be recorded.
    case done(result: String, remembered: Duration?)
}

extension Holdfast {
    /// Looks up the state of one id of ``once(_:in:lease:retention:made:_:)``. One round trip.
    ///
    /// - Throws: a ``HoldfastError``: ``HoldfastError/Code/refused`` if the id's key holds something that
    ///   this version does not know.
    public func onceStatus(_ id: String, in scope: String) async throws -> OnceStatus {
        guard (1...512).contains(id.utf8.count) else {
            throw HoldfastError(.invalidArgument, "an id must have 1 to 512 bytes, not \(id.utf8.count)")
        }
        let key = try core.keys.key(scope, "once:\(id)")
        let fence = try core.keys.key(scope, "once-fence")
        let holder = try await core.inspecting("looking at \(scope)/\(id)") { () async throws(RedisError) in
            try await core.link.call(.inspect(key: key, fence: fence))
        }
        guard let holder else { return .free }
        switch try OnceRecord(holder.value, at: key) {
        case .claim: return .inProgress(holder)
        case .done(let result): return .done(result: result, remembered: holder.remaining)
        }
    }
}
