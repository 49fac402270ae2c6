package import HoldfastTesting
import Synchronization

/// A Redis server that does whatever a test tells it to, even what no real one does: late, broken, silent,
/// too talkative.
///
/// ```swift
/// let server = try FakeRedisServer { command in
///     command.name == "GET" ? [.reply(RESP2.bulk("1")), .close] : nil
/// }
/// let link = try RedisLink(RedisConfiguration(url: server.url))
/// ```
///
/// The script is called with every command as soon as its last byte has arrived, and returns what happens;
/// nil means what a plain server would reply (see ``FakeRedisCommand/plainReply``). It runs on the server's
/// own thread, which serves all connections in turn: a script that blocks stops the whole server, while
/// ``FakeRedisAction/delay(_:)`` does not.
package final class FakeRedisServer: Sendable {
    package typealias Script = @Sendable (FakeRedisCommand) -> [FakeRedisAction]?

    /// Where clients find it: `redis+unix:///tmp/…` or `redis://127.0.0.1:<port>`.
    package let url: String

    private let thread: WireThread<FakeRedisService>
    private let journal: FakeRedisJournal

    /// - Parameters:
    ///   - transport: What it listens on.
    ///   - port: The TCP port, to replace another server that is gone. Defaults to a free one.
    ///   - script: What happens on a command.
    ///   - onConnect: What happens to a new connection, by its number from 0, before it has sent anything.
    ///   - onFirstBytes: What happens when it has sent its first bytes, whether they are a command or not.
    package init(
        _ transport: Transport = .unix,
        port: UInt16 = 0,
        script: @escaping Script = { _ in nil },
        onConnect: @escaping @Sendable (Int) -> [FakeRedisAction] = { _ in [] },
        onFirstBytes: @escaping @Sendable (Int) -> [FakeRedisAction] = { _ in [] }
    ) throws(WireError) {
        let listener = try Listener(transport, port: port)
        let journal = FakeRedisJournal()
        self.journal = journal
        url = listener.address.url
        thread = try WireThread(listener: listener) {
            FakeRedisService(
                journal: journal, onConnect: onConnect, onFirstBytes: onFirstBytes, script: script)
        }
    }

    deinit { thread.stop() }

    /// Every command so far, in the order of arrival.
    package var received: [FakeRedisCommand] { journal.state.withLock { $0.commands } }

    /// The commands of one name, for example `AUTH`.
    package func received(_ name: String) -> [FakeRedisCommand] {
        received.filter { $0.name == name }
    }

    /// All bytes so far of each connection, by its number, whether they are commands or not.
    package var receivedBytes: [[UInt8]] { journal.state.withLock { $0.bytes } }

    /// How many connections were ever accepted.
    package var accepted: Int { journal.state.withLock { $0.accepted } }

    /// How many connections are open now.
    package var open: Int { journal.state.withLock { $0.open } }

    /// Does something to one connection, or to all open ones, without a command.
    ///
    /// Returns when everything due has been done: what a client sends afterwards is answered afterwards.
    package func perform(_ actions: [FakeRedisAction], on connection: Int? = nil) async {
        thread.submit { $0.perform(actions, on: connection) }
        // What a round of the thread was asked to send is sent at its end: the second round from here begins
        // after that.
        for _ in 0..<2 {
            await withCheckedContinuation { continuation in
                thread.submit { _ in continuation.resume() }
            }
        }
    }

    /// Closes all connections and refuses new ones. This also happens when the last reference goes away.
    package func stop() {
        thread.stop()
    }
}

/// What a fake server remembers; the tests read it from other threads.
final class FakeRedisJournal: Sendable {
    struct State {
        var commands: [FakeRedisCommand] = []
        var bytes: [[UInt8]] = []
        var accepted = 0
        var open = 0
    }

    let state = Mutex(State())
}
