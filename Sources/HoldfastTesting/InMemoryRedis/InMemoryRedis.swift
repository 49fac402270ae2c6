public import Holdfast
public import Logging

/// A Redis in the memory of this process, for the unit tests of a service: nothing is started or installed.
///
/// ```swift
/// let memory = try InMemoryRedis(logger: logger)
/// let holdfast = try memory.holdfast()            // as many instances of the service as a test wants
/// ```
///
/// Everything above it is the code that runs in production, down to the scripts: it knows the commands that
/// they use, and their language. So it replies as a server does; what it does not know, it refuses with an
/// error. Only the clients that it made share its locks and queues; the first line that it logs says so.
public final class InMemoryRedis: Sendable {
    private let thread: WireThread<InMemoryService>
    private let url: String
    private let clock: ManualClock?
    private let logger: Logger

    /// - Parameters:
    ///   - clock: its time, and that of its clients' schedules, delays and leases. Defaults to the system's
    ///     clock.
    ///   - logger: where it warns at once that it is not a server.
    /// - Throws: a ``HoldfastError``: ``HoldfastError/Code/unavailable`` if the system has no sockets left.
    public init(clock: ManualClock? = nil, logger: Logger) throws {
        self.clock = clock
        self.logger = logger
        (url, thread) = try Self.listening(clock)
        logger.warning(
            "InMemoryRedis is in the memory of this process: no other process shares it, and all is lost when it ends"
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

    /// Another instance of the service; all that are made here share what is in memory.
    ///
    /// It keeps the memory alive. Close it, or run it to its end, like any ``Holdfast``.
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
    /// What it held stays as it was for the others until its leases end: its locks, the messages that it
    /// claimed and its runs. When this returns, nothing that the instance sends has any effect. Its handlers,
    /// runs and bodies of `withLock` are cancelled, since a test cannot end them; their calls then fail with
    /// ``HoldfastError/Code/closed``. ``Holdfast/run()`` returns when they have ended.
    ///
    /// ```swift
    /// await memory.kill(first)                    // in the middle of its work
    /// await clock.advance(by: .seconds(30))       // its leases end, and another instance takes over
    /// ```
    ///
    /// - Parameter holdfast: an instance that was made here.
    public func kill(_ holdfast: Holdfast) async {
        let name = Array(holdfast.core.clientName.utf8)
        await look { $0.kill(name) }
        await holdfast.die()
    }
}

extension Holdfast {
    /// A client whose Redis is in the memory of this process, for unit tests: see ``InMemoryRedis``, which
    /// can also make several clients that share it.
    public static func inMemory(
        clock: ManualClock? = nil, configuration: Holdfast.Configuration = Holdfast.Configuration(),
        logger: Logger
    ) throws -> Holdfast {
        try InMemoryRedis(clock: clock, logger: logger).holdfast(configuration: configuration)
    }
}

/// What a test can look at. Keys are given in full, as ``MessageQueue/effectKey(_:)`` returns them.
extension InMemoryRedis {
    /// All keys, in order.
    public var keys: [String] {
        get async { await look { $0.store.keys.map(\.asText).sorted() } }
    }

    /// The value that ``Effects/set(_:to:)`` and ``Effects/increment(_:by:)`` have given a key; nil if the
    /// key is missing or holds something else.
    public func value(at key: String) async -> String? {
        await look { try? $0.store.find(Array(key.utf8), StoredString.self)?.bytes.asText }
    }

    /// The fields of a hash; empty if the key is missing or holds something else. Of fields that differ only
    /// in their bytes, and are equal texts to Swift, it shows one.
    public func fields(at key: String) async -> [String: String] {
        await look { service in
            let fields = (try? service.store.find(Array(key.utf8), StoredHash.self)?.fields) ?? [:]
            return Dictionary(fields.map { ($0.asText, $1.asText) }) { first, _ in first }
        }
    }

    /// The members of a set; empty if the key is missing or holds something else. As with ``fields(at:)``, it
    /// shows one of those that are equal texts to Swift.
    public func members(at key: String) async -> Set<String> {
        await look {
            Set(((try? $0.store.find(Array(key.utf8), StoredSet.self)?.members) ?? []).map(\.asText))
        }
    }

    /// The elements of a list; empty if the key is missing or holds something else.
    public func elements(at key: String) async -> [String] {
        await look { ((try? $0.store.find(Array(key.utf8), StoredList.self)?.elements) ?? []).map(\.asText) }
    }

    func look<R: Sendable>(_ body: @escaping @Sendable (InMemoryService) -> R) async -> R {
        await withCheckedContinuation { continuation in
            thread.submit { continuation.resume(returning: body($0)) }
        }
    }
}
