#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What a sleeping thread waits for.
struct Sleep {
    /// One for each source, in their order; -1 for one that has no socket.
    private(set) var sockets: [pollfd] = []
    let until: ContinuousClock.Instant?
    /// Whether one of the sources waits for a reply.
    private(set) var isAwaiting = false

    /// - Parameter until: when the next timer is due; nil for never.
    init(watching sources: [WatchedSource], until: ContinuousClock.Instant?) {
        self.until = until
        sockets.reserveCapacity(sources.count)
        for source in sources {
            let object = source.object
            let watched = object?.watched ?? (descriptor: -1, events: 0)
            sockets.append(pollfd(fd: watched.descriptor, events: watched.events, revents: 0))
            isAwaiting = isAwaiting || object?.isAwaiting ?? false
        }
    }

    /// Whether a thread that sleeps for this also wakes in time for `wanted`.
    func covers(_ wanted: Sleep) -> Bool {
        let isSame = sockets.elementsEqual(wanted.sockets) { $0.fd == $1.fd && $0.events == $1.events }
        guard isSame else { return false }
        guard let deadline = wanted.until else { return true }
        return until.map { $0 <= deadline } ?? false
    }

    /// The milliseconds until a timer is due, for `poll`: an hour at most, -1 for no limit. Rounded up: the
    /// timer must be due when the thread wakes for it.
    func milliseconds(at now: ContinuousClock.Instant) -> Int32 {
        guard let until else { return -1 }
        return Int32(min(max((until - now).wholeMilliseconds + 1, 0), 3_600_000))
    }
}
