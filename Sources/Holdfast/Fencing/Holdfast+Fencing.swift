import RedisLink

extension Holdfast {
    /// Writes a value under a fence, unless somebody with a higher one has written it before.
    ///
    /// ```swift
    /// try await holdfast.withLock("report") { lease in
    ///     let report = try await makeReport()
    ///     switch try await holdfast.fencedWrite("report", report, fence: lease.fencingToken) {
    ///     case .accepted: break
    ///     case .refused(let highest): logger.warning("overtaken by \(highest)")
    ///     }
    /// }
    /// ```
    ///
    /// A holder that was paused past its lease, and does not know it yet, is refused from the first write of
    /// its successor on. The same fence may write again and again. A resource must get its fences from one
    /// name: those of two locks do not compare.
    ///
    /// - Parameters:
    ///   - resource: what to write: 1 to 512 bytes, encoded. It need not be the name of the lock.
    ///   - value: any bytes; `Array(text.utf8)` for a text.
    ///   - fence: ``Lease/fencingToken`` of the lease that protects the resource; not negative.
    ///   - lifetime: how long the value is kept, from 1 ms on; for ever unless set. The highest fence is kept
    ///     as long, and no longer: so it should be much longer than a holder may be late, an hour or a day.
    /// - Returns: whether it was written. One round trip.
    /// - Throws: a ``HoldfastError``; with ``HoldfastError/mayHaveHappened`` the value may be written. It is
    ///   safe to write it again, unless another write under the same fence came between. `CancellationError`
    ///   when the task is cancelled, and then it may be written too.
    public func fencedWrite(
        _ resource: String, _ value: [UInt8], fence: FencingToken, lifetime: Duration? = nil
    ) async throws -> FencedWrite {
        guard fence.rawValue >= 0 else {
            throw HoldfastError(.invalidArgument, "a fence must not be negative, and \(fence) is")
        }
        let lifetime = try Settings.lifetime(lifetime)
        let keys = try core.keys.fencedValue(resource)
        return try await core.inspecting("writing \(resource)") { () async throws(RedisError) in
            try await core.link.call(.fencedWrite(value, fence: fence, lifetime: lifetime, keys: keys))
        }
    }

    /// Reads a value with the fence it was written under; nil when it was never written or has ended.
    ///
    /// One round trip. What is read may be old by the time it is used: only a write under a fence is checked.
    ///
    /// - Throws: a ``HoldfastError``, or `CancellationError`.
    public func fencedRead(_ resource: String) async throws -> FencedValue? {
        let keys = try core.keys.fencedValue(resource)
        return try await core.inspecting("reading \(resource)") { () async throws(RedisError) in
            try await core.link.call(.fencedRead(keys: keys))
        }
    }
}
