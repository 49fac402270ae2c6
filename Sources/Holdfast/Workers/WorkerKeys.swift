import RedisLink

/// The keys of one periodic worker.
struct WorkerKeys: Sendable {
    /// A hash: cursor, definition, what operators asked for, and the runs that go on.
    let worker: String
    let fence: String
    /// A stream of the runs that ended.
    let history: String
    /// One for each run that may go on at the same time. The first is that of the lock that ``lockName(_:)`` names,
    /// and is listed like any other.
    let locks: [String]

    init(_ worker: String, concurrency: Int, in keys: KeySpace) throws(HoldfastError) {
        guard !worker.isEmpty else { throw HoldfastError(.invalidArgument, "a worker's name is empty") }
        let name = Self.lockName(worker)
        self.worker = try keys.key(name, Self.part)
        fence = try keys.fence(name)
        history = try keys.key(name, "history")
        let first = try keys.lock(name)
        locks = [first] + (1..<max(concurrency, 1)).map { "\(first)-\($0 + 1)" }
    }

    static let part = "worker"
    private static let prefix = "worker/"

    static func lockName(_ worker: String) -> String { prefix + worker }

    /// The worker whose name in keys this is.
    static func worker(ofLockName name: String) -> String? {
        name.rest(after: prefix)
    }

    /// The keys of tick.lua.
    var ofTick: [String] { [worker, fence, history] + locks }
}

extension KeySpace {
    /// The channel on which instances are told to look at a worker; its name is the message.
    var workerChannel: String { "\(prefix):workers" }
}
