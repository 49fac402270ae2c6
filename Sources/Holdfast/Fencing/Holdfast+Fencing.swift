import RedisLink

extension Holdfast {
    /// Writes a value under a fence, unless somebody with a higher one has written it already.
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
    /// A holder that was paused past its lease without noticing is refused as soon as its successor has
    /// written. The same fence may write any number of times. All fences of a resource must come from one
    /// lock: those of two locks cannot be compared.
    ///
    /// - Parameters:
    ///   - resource: what to write: 1 to 512 bytes, encoded. It need not be the name of the lock.
    ///   - value: any bytes; `Array(text.utf8)` for text.
    ///   - fence: ``Lease/fencingToken`` of the lease that protects the resource; not negative.
    ///   - lifetime: how long the value is kept, at least 1 ms; forever by default. The highest fence is kept
    ///     for the same time, so this should be much longer than a holder may be late: an hour or a day.
    /// - Returns: whether the value was written. One round trip.
    /// - Throws: a ``HoldfastError``; with ``HoldfastError/mayHaveHappened`` the value may have been written.
    ///   It is safe to write it again unless another write under the same fence has come in between.
    ///   `CancellationError` if the task is cancelled; then, too, the value may have been written.
    public func fencedWrite(
        _ resource: String, _ value: [UInt8], fence: FencingToken, lifetime: Duration? = nil
    ) async throws -> FencedWrite {
        guard fence.rawValue >= 0 else {
            throw HoldfastError(.invalidArgument, "a fence must not be negative, but \(fence) is")
        }
        let lifetime = try Settings.lifetime(lifetime)
        let keys = try core.keys.fencedValue(resource)
        return try await core.inspecting("writing \(resource)") { () async throws(RedisError) in
            try await core.link.call(.fencedWrite(value, fence: fence, lifetime: lifetime, keys: keys))
        }
    }

    /// Reads a value with the fence it was written under; nil if it was never written or has expired.
    ///
    /// One round trip. The value may be out of date by the time it is used: only a write under a fence is
    /// checked.
    ///
    /// - Throws: a ``HoldfastError``, or `CancellationError`.
    public func fencedRead(_ resource: String) async throws -> FencedValue? {
        let keys = try core.keys.fencedValue(resource)
        return try await core.inspecting("reading \(resource)") { () async throws(RedisError) in
            try await core.link.call(.fencedRead(keys: keys))
        }
    }
}
