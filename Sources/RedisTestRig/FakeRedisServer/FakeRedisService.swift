import HoldfastTesting
import Synchronization

/// The connections of a ``FakeRedisServer``, on its thread.
final class FakeRedisService: WireService {
    private final class Connection {
        let number: Int
        let end: WireEnd
        var nextIndex = 0
        /// How many bytes of the end's input have been looked at before.
        var known = 0
        var isSilent = false

        init(number: Int, end: WireEnd) {
            self.number = number
            self.end = end
        }
    }

    private let journal: FakeRedisJournal
    private let onConnect: @Sendable (Int) -> [FakeRedisAction]
    private let onFirstBytes: @Sendable (Int) -> [FakeRedisAction]
    private let script: FakeRedisServer.Script
    private var connections: [Connection] = []
    private var nextNumber = 0

    init(
        journal: FakeRedisJournal,
        onConnect: @escaping @Sendable (Int) -> [FakeRedisAction],
        onFirstBytes: @escaping @Sendable (Int) -> [FakeRedisAction],
        script: @escaping FakeRedisServer.Script
    ) {
        self.journal = journal
        self.onConnect = onConnect
        self.onFirstBytes = onFirstBytes
        self.script = script
    }

    deinit {
        journal.state.withLock { $0.open = 0 }
    }

    var ends: [WireEnd] {
        connections.removeAll { !$0.end.isOpen }
        let open = connections.count
        journal.state.withLock { $0.open = open }
        return connections.map(\.end)
    }

    func accepted(_ end: WireEnd) {
        let connection = Connection(number: nextNumber, end: end)
        nextNumber += 1
        connections.append(connection)
        journal.state.withLock {
            $0.accepted += 1
            $0.bytes.append([])
            $0.open += 1
        }
        perform(onConnect(connection.number), on: connection)
    }

    func received(_ end: WireEnd) {
        guard let connection = connections.first(where: { $0.end === end }) else { return }
        let isFirst = journal.state.withLock { state in
            defer { state.bytes[connection.number] += end.input[connection.known...] }
            return state.bytes[connection.number].isEmpty && !end.input.isEmpty
        }
        if isFirst { perform(onFirstBytes(connection.number), on: connection) }
        var rest = end.input[...]
        while case .whole(let length) = RESP2.front(of: rest) {
            let frame = rest.prefix(length)
            rest = rest.dropFirst(length)
            guard let arguments = RESP2.arguments(of: frame) else { continue }
            let command = FakeRedisCommand(
                connection: connection.number, index: connection.nextIndex, arguments: arguments)
            connection.nextIndex += 1
            journal.state.withLock { $0.commands.append(command) }
            perform(script(command) ?? [.reply(command.plainReply)], on: connection)
        }
        end.input.removeFirst(end.input.count - rest.count)
        connection.known = end.input.count
        if end.inputEnded { end.close(reset: false) }
    }

    func perform(_ actions: [FakeRedisAction], on number: Int?) {
        for connection in connections where number == nil || connection.number == number {
            perform(actions, on: connection)
        }
    }

    private func perform(_ actions: [FakeRedisAction], on connection: Connection) {
        let end = connection.end
        for action in actions {
            switch action {
            case .reply(let bytes):
                if !connection.isSilent { end.perform(.bytes(bytes)) }
            case .slices(let bytes, let size):
                guard !connection.isSilent else { continue }
                for start in stride(from: 0, to: bytes.count, by: max(size, 1)) {
                    end.perform(.bytes(Array(bytes[start..<min(start + max(size, 1), bytes.count)])))
                }
            case .delay(let duration): end.delay(duration)
            case .silence: connection.isSilent = true
            case .stopReading: end.reads = false
            case .halfClose: end.perform(.halfClose)
            case .close: end.perform(.close)
            case .reset: end.perform(.reset)
            }
        }
    }
}
