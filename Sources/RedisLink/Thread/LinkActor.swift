/// An actor whose executor is a ``LinkThread``.
package protocol LinkActor: Actor {
    nonisolated var thread: LinkThread { get }
}

extension LinkActor {
    /// Like `assumeIsolated`, for callers in a turn of the thread. Only debug builds check that they are: the
    /// check costs more than most of what follows it.
    @inline(__always)
    package nonisolated func inTurn<R: Sendable>(_ work: (isolated Self) throws -> R) rethrows -> R {
        assert(thread.isInTurn, "this may only be called in a turn of the link's thread")
        return try withoutActuallyEscaping(work) { work in
            try unsafeBitCast(work, to: ((Self) throws -> R).self)(self)
        }
    }
}
