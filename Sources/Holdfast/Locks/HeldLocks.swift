import RedisLink

/// The locks that are held, as they are found; see ``Holdfast/heldLocks(matching:)``.
public struct HeldLocks: AsyncSequence, Sendable {
    /// The locks that one step found; none, perhaps.
    public typealias Element = [LockStatus]

    fileprivate let core: Core
    fileprivate let pattern: NamePattern?

    /// A walk from the beginning.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(core: core, scan: KeyScan(core, part: "lock", matching: pattern))
    }

    /// One walk over the keys of the database.
    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let core: Core
        fileprivate var scan: KeyScan
        fileprivate var instances: [String: Instance]?

        /// Some locks, by name; nil at the end.
        public mutating func next() async throws -> [LockStatus]? {
            while let found = try await names() {
                guard !found.isEmpty else { continue }
                let known = try await registered()
                let locks = try await core.each(found.sortedByBytes { $0 }) {
                    [core] (name: String) async throws -> LockStatus? in
                    try await core.inspecting("looking at the lock \(name)") { () async throws(RedisError) in
                        try await core.look(at: name, known)
                    }
                }.compactMap(\.self)
                if !locks.isEmpty { return locks }
            }
            return nil
        }

        private mutating func names() async throws -> [String]? {
            do throws(RedisError) {
                return try await scan.next()
            } catch {
                throw HoldfastError.thrown(for: error, "listing the locks")
            }
        }

        private mutating func registered() async throws -> [String: Instance] {
            if let instances { return instances }
            let instances = try await core.inspecting("listing the instances") {
                () async throws(RedisError) in
                try await core.knownInstances()
            }
            self.instances = instances
            return instances
        }
    }
}

extension Holdfast {
    /// The locks of the namespace that are held, in batches: the first ones arrive while the search
    /// continues.
    ///
    /// Walks the keys of the database with `SCAN`, which does not block the server but takes a round trip for
    /// each thousand keys, and two more for the locks among them: for operators, not for hot paths. It also
    /// finds the locks of other clients. A lock that is taken or released during the walk may be left out.
    /// Each batch is sorted by name.
    ///
    /// ```swift
    /// for try await locks in holdfast.heldLocks(matching: "invoice-*") {
    ///     for lock in locks { print(lock.name, lock.holder) }
    /// }
    /// ```
    ///
    /// - Parameter pattern: which names: `*` stands for any bytes, `?` for one, `[abc]`, `[a-c]` and `[^a]`
    ///   for one of several, and a backslash for the character behind it. Defaults to all.
    public func heldLocks(matching pattern: String? = nil) -> HeldLocks {
        HeldLocks(core: core, pattern: pattern.map(NamePattern.init))
    }

    /// All locks of the namespace that are held, by name; otherwise like ``heldLocks(matching:)``.
    public func locks(matching pattern: String? = nil) async throws -> [LockStatus] {
        var locks: [LockStatus] = []
        for try await found in heldLocks(matching: pattern) { locks += found }
        return locks.sortedByBytes(\.name)
    }
}
