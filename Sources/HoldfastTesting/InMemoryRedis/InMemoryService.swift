internal import Foundation
internal import Holdfast
internal import RedisLink

/// The connections of an ``InMemoryRedis``, on its thread.
final class InMemoryService: WireService {
    private final class Connection {
        let end: WireEnd
        var channels: Set<[UInt8]> = []
        /// The name its client gave itself.
        var name: [UInt8] = []

        init(_ end: WireEnd) { self.end = end }
    }

    private var connections: [Connection] = []
    private(set) var store: MemoryStore!
    private var scripts: MemoryScripts!
    private let clock: ManualClock?
    /// Clients that were killed: none of them comes back.
    private var dead: Set<[UInt8]> = []
    /// Like a server that may not write because it has too few replicas.
    private var refusesScripts = false

    init(clock: ManualClock?) {
        self.clock = clock
        let time: () -> Int64 = {
            clock?.microseconds ?? Int64(Date().timeIntervalSince1970 * 1_000_000)
        }
        store = MemoryStore(time: time) { [unowned self] in publish($0, $1) }
        scripts = MemoryScripts(store)
    }

    var ends: [WireEnd] {
        connections.removeAll { !$0.end.isOpen }
        return connections.map(\.end)
    }

    func accepted(_ end: WireEnd) { connections.append(Connection(end)) }

    func received(_ end: WireEnd) {
        guard let connection = connections.first(where: { $0.end === end }) else { return }
        var rest = end.input[...]
        while case .whole(let length) = RESP2.front(of: rest) {
            let frame = rest.prefix(length)
            rest = rest.dropFirst(length)
            guard let arguments = RESP2.arguments(of: frame), !arguments.isEmpty else { continue }
            answer(arguments, connection)
            guard end.isOpen else { return }
        }
        end.input.removeFirst(end.input.count - rest.count)
        if end.inputEnded { end.close(reset: false) }
    }

    private func answer(_ arguments: [[UInt8]], _ connection: Connection) {
        let command = MemoryCommand(arguments)
        // A PING asks for nothing: it is how the clock finds out that nothing is happening.
        if command.name != "PING" { clock?.time.note() }
        let changes = store.changes
        defer { if store.changes != changes { clock?.time.noteChange() } }
        switch command.name {
        case "CLIENT":
            if arguments.count == 3 { connection.name = arguments[2] }
            if dead.contains(connection.name) { return connection.end.close(reset: true) }
            connection.end.perform(.bytes(MemoryReply.ok.encoded))
        case "SUBSCRIBE":
            for channel in command.rest(1) {
                connection.channels.insert(channel)
                confirm("subscribe", channel, connection)
            }
        case "UNSUBSCRIBE":
            for channel in command.rest(1) {
                connection.channels.remove(channel)
                confirm("unsubscribe", channel, connection)
            }
        default: connection.end.perform(.bytes(reply(to: command, arguments).encoded))
        }
    }

    /// Ends the connections of a client, drops what they sent that was not taken yet, and refuses the client
    /// from now on.
    func kill(_ name: [UInt8]) {
        dead.insert(name)
        for connection in connections where connection.name == name { connection.end.close(reset: true) }
    }

    private func confirm(_ what: String, _ channel: [UInt8], _ connection: Connection) {
        let reply = MemoryReply.array([.text(what), .bulk(channel), .count(connection.channels.count)])
        connection.end.perform(.bytes(reply.encoded))
    }

    /// The reply to a command; also for commands that do not come over a connection.
    func reply(to arguments: [[UInt8]]) -> MemoryReply { reply(to: MemoryCommand(arguments), arguments) }

    private func reply(to command: MemoryCommand, _ arguments: [[UInt8]]) -> MemoryReply {
        do throws(MemoryError) {
            switch command.name {
            case "SELECT", "AUTH": return .ok
            case "PUBSUB":
                guard try command.word(1) == "NUMSUB" else { throw .syntax }
                return .array(command.rest(2).flatMap { [.bulk($0), .count(listeners(of: $0).count)] })
            case "CONFIG":
                guard try command.word(1) == "SET", try command.word(2) == "MIN-REPLICAS-TO-WRITE" else {
                    throw .syntax
                }
                refusesScripts = try command.integer(3) > 0
                return .ok
            case "EVALSHA" where refusesScripts, "EVAL" where refusesScripts:
                return .error("NOREPLICAS Not enough good replicas to write.")
            case "EVALSHA":
                let digest = try command[1].asText
                return try scripts.run(digest: digest, command.rest(2))
                    ?? .error("NOSCRIPT No matching script. Please use EVAL.")
            case "EVAL":
                let source = try command[1]
                let digest = RedisScript(name: "", source: source.asText).digest
                return try scripts.run(source, digest: digest, command.rest(2))
            case "SCRIPT":
                scripts.forget()
                return .ok
            default: return try store.perform(arguments)
            }
        } catch {
            return .error(error.text)
        }
    }

    private func listeners(of channel: [UInt8]) -> [Connection] {
        connections.filter { $0.channels.contains(channel) && $0.end.isOpen }
    }

    private func publish(_ channel: [UInt8], _ message: [UInt8]) -> Int {
        let listeners = listeners(of: channel)
        let bytes = MemoryReply.array([.text("message"), .bulk(channel), .bulk(message)]).encoded
        for listener in listeners { listener.end.perform(.bytes(bytes)) }
        return listeners.count
    }
}
