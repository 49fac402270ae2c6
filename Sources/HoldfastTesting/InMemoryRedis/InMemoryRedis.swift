public import Holdfast
public import Logging

/// A Redis in the memory of this process, for the unit tests of a service: nothing is started or installed.
///
/// ```swift
/// let memory = try InMemoryRedis(logger: logger)
/// let holdfast = try memory.holdfast()            // as many instances of the service as a test wants
/// ```
///
/// Everything above it is the code that runs in production, down to the scripts: it knows the commands that they
/// use, and their language. So what it answers is what a server answers; what it does not know, it refuses with an
/// error. Only the clients that it made share its locks and queues; the first line that it logs says so.
public final class InMemoryRedis: Sendable {
    private let thread: WireThread<InMemoryService>
    private let url: String
    private let clock: ManualClock?
    private let logger: Logger

    /// - Parameters:
    ///   - clock: what its time is, and what its clients go by: schedules, delays, leases. That of the system unless set.
    ///   - logger: where it warns at once that it is no server.
    /// - Throws: a ``HoldfastError``: ``HoldfastError/Code/unavailable`` where the system has no sockets left.
    public init(clock: ManualClock? = nil, logger: Logger) throws {
        self.clock = clock
        self.logger = logger
        (url, thread) = try Self.listening(clock)
        logger.warning(
            "InMemoryRedis is in the memory of this process: other processes share nothing with it, and its end loses all"
        )
    }

    private static func listening(
        _ clock: ManualClock?
    ) throws(HoldfastError) -> (String, WireThread<InMemoryService>) {
        do throws(WireError) {
            let listener = try Listener(.unix)
            let thread = try WireThread(listener: listener) { InMemoryService(clock: clock) }
            return (listener.address.url, thread)
        } catch {
            throw HoldfastError(.unavailable, "making a Redis in memory: \(error)")
        }
    }

    deinit { thread.stop() }

    /// Another instance of the service; all that come from here share what is in memory.
    ///
    /// It keeps the memory. Close it, or run it to its end, as any ``Holdfast``.
    public func holdfast(
        namespace: String = "holdfast", configuration: Holdfast.Configuration = Holdfast.Configuration()
    ) throws -> Holdfast {
        try Holdfast(
            redis: url, namespace: namespace, configuration: configuration,
            clock: LocalClock(manual: clock?.time), keeping: self, logger: logger)
    }
}

extension InMemoryRedis {
    /// Ends an instance as the end of its process would: its connections are gone at once, and it gives nothing back.
    ///
    /// What it held stays for the others as it was: its locks, the messages that it claimed and its runs, until their
    /// leases end. When this returns, nothing that the instance sends has any effect. Its handlers, runs and bodies of
    /// `withLock` are cancelled, since a test cannot end them; what they ask for then fails as
    /// ``HoldfastError/Code/closed``. ``Holdfast/run()`` returns when they have ended.
    ///
    /// ```swift
    /// await memory.kill(first)                    // in the middle of its work
    /// await clock.advance(by: .seconds(30))       // its leases end, and another instance takes over
    /// ```
    ///
    /// - Parameter holdfast: one that came from here.
    public func kill(_ holdfast: Holdfast) async {
        let name = Array(holdfast.core.clientName.utf8)
        await look { $0.kill(name) }
        await holdfast.die()
    }
}

extension Holdfast {
    /// A client whose Redis is in the memory of this process, for unit tests: see ``InMemoryRedis``, which also makes
    /// several that share it.
    public static func inMemory(
        clock: ManualClock? = nil, configuration: Holdfast.Configuration = Holdfast.Configuration(),
        logger: Logger
    ) throws -> Holdfast {
        try InMemoryRedis(clock: clock, logger: logger).holdfast(configuration: configuration)
    }
}

/// What a test looks at. Keys are whole, as ``MessageQueue/effectKey(_:)`` tells them.
extension InMemoryRedis {
    /// All keys, in order.
    public var keys: [String] {
        get async { await look { $0.store.keys.map(\.asText).sorted() } }
    }

    /// What ``Effects/set(_:to:)`` and ``Effects/increment(_:by:)`` made of a key; nil where it is not there, or holds
    /// something else.
    public func value(at key: String) async -> String? {
        await look { try? $0.store.find(Array(key.utf8), StoredString.self)?.bytes.asText }
    }

    /// The fields of a hash; none where it is not there, or holds something else. Of fields that differ in their bytes
    /// alone, and are one text to Swift, it shows one.
    public func fields(at key: String) async -> [String: String] {
        await look { service in
            let fields = (try? service.store.find(Array(key.utf8), StoredHash.self)?.fields) ?? [:]
            return Dictionary(fields.map { ($0.asText, $1.asText) }) { first, _ in first }
        }
    }

    /// The members of a set; none where it is not there, or holds something else. As with ``fields(at:)``, one of those
    /// that are one text to Swift.
    public func members(at key: String) async -> Set<String> {
        await look {
            Set(((try? $0.store.find(Array(key.utf8), StoredSet.self)?.members) ?? []).map(\.asText))
        }
    }

    /// The elements of a list; none where it is not there, or holds something else.
    public func elements(at key: String) async -> [String] {
        await look { ((try? $0.store.find(Array(key.utf8), StoredList.self)?.elements) ?? []).map(\.asText) }
    }

    func look<R: Sendable>(_ body: @escaping @Sendable (InMemoryService) -> R) async -> R {
        await withCheckedContinuation { continuation in
            thread.submit { continuation.resume(returning: body($0)) }
        }
    }
}
