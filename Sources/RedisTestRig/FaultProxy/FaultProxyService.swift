import HoldfastTesting
import Synchronization

/// The connections of a ``FaultProxy``, on its thread.
final class FaultProxyService: WireService {
    var book: FaultRuleBook
    var refuses = false

    private let upstream: LocalAddress
    private let isEncrypted: Bool
    private let journal: FaultProxyJournal
    private var connections: [ProxiedConnection] = []
    private var nextNumber = 0

    init(upstream: LocalAddress, isEncrypted: Bool, book: FaultRuleBook, journal: FaultProxyJournal) {
        self.upstream = upstream
        self.isEncrypted = isEncrypted
        self.book = book
        self.journal = journal
    }

    deinit {
        journal.state.withLock { $0.open = 0 }
    }

    var ends: [WireEnd] {
        for connection in connections { connection.settle() }
        connections.removeAll { !$0.client.isOpen && !$0.server.isOpen }
        let open = connections.count
        journal.state.withLock { $0.open = open }
        return connections.flatMap { [$0.client, $0.server].filter(\.isOpen) }
    }

    func accepted(_ end: WireEnd) {
        journal.state.withLock { $0.accepted += 1 }
        guard !refuses, let server = try? WireEnd(connectingTo: upstream) else {
            return end.close(reset: true)
        }
        connections.append(ProxiedConnection(number: nextNumber, client: end, server: server))
        nextNumber += 1
    }

    func received(_ end: WireEnd) {
        guard let connection = connections.first(where: { $0.client === end || $0.server === end }) else {
            return
        }
        let direction: FaultDirection = connection.client === end ? .request : .reply
        if isEncrypted, !end.input.isEmpty {
            let actions = book.actions(for: "", direction)
            log(actions, "", direction, connection)
            connection.pass(end.input, direction, actions)
            end.input = []
        }
        var rest = end.input[...]
        while case .whole(let length) = RESP2.front(of: rest) {
            let frame = Array(rest.prefix(length))
            rest = rest.dropFirst(length)
            switch direction {
            case .request: pass(request: frame, on: connection)
            case .reply: pass(reply: frame, on: connection)
            }
        }
        // Bytes that are not RESP cannot be divided into messages: they pass unchanged.
        if end.inputEnded || RESP2.front(of: rest) == .garbage {
            connection.forward(Array(rest), direction)
            rest = []
        }
        end.input.removeFirst(end.input.count - rest.count)
        if end.inputEnded { connection.ended(direction) }
    }

    /// Does this to all connections, without a message.
    func perform(_ actions: [FaultAction], _ direction: FaultDirection) {
        for connection in connections {
            log(actions, "", direction, connection)
            connection.pass(nil, direction, actions)
        }
    }

    private func pass(request: [UInt8], on connection: ProxiedConnection) {
        let arguments = RESP2.arguments(of: request[...]) ?? []
        let name = arguments.first.map { String(decoding: $0, as: UTF8.self).uppercased() } ?? ""
        let actions = book.actions(for: name, .request)
        log(actions, name, .request, connection)
        connection.expect(name, arguments: arguments.count - 1, actions)
        connection.pass(request, .request, actions)
    }

    private func pass(reply: [UInt8], on connection: ProxiedConnection) {
        let expected = connection.replied(reply)
        guard !expected.isSwallowed else { return }
        let actions = book.actions(for: expected.command, .reply)
        log(actions, expected.command, .reply, connection)
        connection.pass(reply, .reply, actions)
    }

    private func log(
        _ actions: [FaultAction], _ command: String, _ direction: FaultDirection,
        _ connection: ProxiedConnection
    ) {
        guard !actions.isEmpty else { return }
        let now = ContinuousClock.now
        let entries = actions.map { action in
            FaultLogEntry(
                at: now, connection: connection.number, direction: direction, command: command, action: action
            )
        }
        journal.state.withLock { $0.entries += entries }
    }
}
