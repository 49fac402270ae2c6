package import HoldfastTesting
import Synchronization

/// A proxy between clients and a real Redis server on this machine, which breaks the connection at chosen
/// places.
///
/// It knows where a request and a reply begin and end, and which reply belongs to which request. So it can do
/// what a network does to a byte stream (late, cut, reset, silent) at every byte of a chosen command, and
/// what only a broken middleman does (a reply too many, two replies swapped), which a client must survive
/// too.
///
/// ```swift
/// let proxy = try FaultProxy(to: server.url, rules: [
///     .init(.reply, of: "INCR", .call(3), [.drop, .reset])  // executed, and nobody learns of it
/// ])
/// let link = try RedisLink(RedisConfiguration(url: proxy.url))
/// ```
///
/// It cannot read what is encrypted: in front of a `rediss` server, each piece that arrives counts as one
/// message, of no command.
///
/// What happens is a function of the rules, the seed and the order of the commands: `.chance` draws by the
/// seed, the rule and the number of the call, not by time. Every fault is written to ``log`` with its
/// instant.
package final class FaultProxy: Sendable {
    /// Where clients find the proxy.
    package let url: String

    private let thread: WireThread<FaultProxyService>
    private let journal = FaultProxyJournal()

    /// - Parameters:
    ///   - upstream: The URL of the server; the proxy's URL has its user and password, too.
    ///   - transport: What the proxy listens on, whatever the server's URL is; TCP for a `rediss` server.
    ///   - seed: The seed of ``FaultRule/When/chance(_:)``.
    package init(
        to upstream: String, _ transport: Transport = .unix, seed: UInt64 = 0, rules: [FaultRule] = []
    ) throws(WireError) {
        guard let address = LocalAddress(url: upstream) else {
            throw WireError("the proxy needs redis[s]://127.0.0.1:port or redis+unix:///path")
        }
        let isEncrypted = upstream.hasPrefix("rediss:")
        guard !isEncrypted || transport == .tcp else { throw WireError("TLS has URLs for TCP only") }
        let listener = try Listener(transport)
        let query = upstream.firstIndex(of: "?").map { String(upstream[$0...]) } ?? ""
        let open = listener.address.url
        url = Self.url(
            isEncrypted ? open.replacing("redis:", with: "rediss:") + query : open,
            withCredentialsOf: upstream)
        let book = FaultRuleBook(rules: rules, seed: seed)
        thread = try WireThread(listener: listener) { [journal] in
            FaultProxyService(upstream: address, isEncrypted: isEncrypted, book: book, journal: journal)
        }
    }

    deinit { thread.stop() }

    private static func url(_ url: String, withCredentialsOf upstream: String) -> String {
        guard let scheme = upstream.firstRange(of: "://") else { return url }
        let authority = upstream[scheme.upperBound...].prefix { $0 != "/" }
        guard let end = authority.lastIndex(of: "@") else { return url }
        return url.replacing("://", with: "://\(authority[...end])")
    }

    /// Every fault so far.
    package var log: [FaultLogEntry] { journal.state.withLock { $0.entries } }

    /// How many connections are open now.
    package var open: Int { journal.state.withLock { $0.open } }

    /// How many connections were ever accepted.
    package var accepted: Int { journal.state.withLock { $0.accepted } }

    /// Replaces the rules; the counting of calls starts over.
    package func setRules(_ rules: [FaultRule]) {
        thread.submit { $0.book.replace(rules) }
    }

    /// Does this to all open connections now, without waiting for a message.
    package func perform(_ actions: [FaultAction], _ direction: FaultDirection = .reply) {
        thread.submit { $0.perform(actions, direction) }
    }

    /// Ends every new connection at once, or lets them pass again.
    package func refuseConnections(_ refuses: Bool) {
        thread.submit { $0.refuses = refuses }
    }

    /// Ends all connections and refuses new ones. This also happens when the last reference goes away.
    package func stop() {
        thread.stop()
    }
}

/// A fault that a ``FaultProxy`` made.
package struct FaultLogEntry: Sendable {
    package let at: ContinuousClock.Instant
    /// The number of the connection, from 0.
    package let connection: Int
    package let direction: FaultDirection
    /// The name of the command whose request or reply was hit; empty for ``FaultProxy/perform(_:_:)``.
    package let command: String
    package let action: FaultAction
}

/// What a proxy remembers; the tests read it from other threads.
final class FaultProxyJournal: Sendable {
    struct State {
        var entries: [FaultLogEntry] = []
        var accepted = 0
        var open = 0
    }

    let state = Mutex(State())
}
