import HoldfastTesting

/// One client of a ``FaultProxy`` and its connection to the server.
final class ProxiedConnection {
    /// A reply that is still outstanding from the server.
    struct Expected {
        var command: String
        /// It is the second reply to a request that the client sent once.
        var isSwallowed = false
    }

    let number: Int
    let client: WireEnd
    let server: WireEnd

    private var expected: [Expected] = []
    private var isSubscriber = false
    /// A reply that waits to pass after the next one.
    private var held: [UInt8]?
    private var blackHoles: Set<FaultDirection> = []

    init(number: Int, client: WireEnd, server: WireEnd) {
        self.number = number
        self.client = client
        self.server = server
    }

    // MARK: Which reply belongs to which request

    /// Records the replies that a request will bring.
    func expect(_ command: String, arguments: Int, _ actions: [FaultAction]) {
        guard !actions.contains(.drop), !blackHoles.contains(.request) else { return }
        var replies = 1
        if ["SUBSCRIBE", "UNSUBSCRIBE", "PSUBSCRIBE", "PUNSUBSCRIBE"].contains(command) {
            isSubscriber = true
            replies = max(1, arguments)
        }
        expected += Array(repeating: Expected(command: command), count: replies)
        if actions.contains(.duplicate) {
            expected += Array(repeating: Expected(command: command, isSwallowed: true), count: replies)
        }
    }

    /// What a reply is an answer to.
    func replied(_ reply: [UInt8]) -> Expected {
        let isMessage = isSubscriber && RESP2.arguments(of: reply[...])?.first == Array("message".utf8)
        if isMessage || expected.isEmpty { return Expected(command: isMessage ? "MESSAGE" : "") }
        return expected.removeFirst()
    }

    // MARK: Passing on

    /// Passes on a message, changed by the actions; without a message, only the other actions are carried
    /// out.
    func pass(_ message: [UInt8]?, _ direction: FaultDirection, _ actions: [FaultAction]) {
        var message = message
        var copies = 1
        var size: Int?
        for action in actions {
            switch action {
            case .delay(let duration): target(direction).delay(duration)
            case .drop: copies = 0
            case .duplicate: copies = 2
            case .slices(let count): size = count
            case .replace(let bytes): message = bytes
            case .cut(let count): message = message.map { Array($0.prefix(count)) }
            case .swap, .inject, .blackHole, .halfClose, .close, .reset: break
            }
        }
        if actions.contains(.swap), held == nil, copies > 0 {
            held = message
        } else if let message {
            for _ in 0..<copies { forward(message, direction, slices: size) }
            if direction == .reply, let held = held.take() { forward(held, .reply) }
        }
        let endsOtherwise = actions.contains { action in
            switch action {
            case .blackHole, .halfClose, .close, .reset: true
            default: false
            }
        }
        for action in actions {
            if case .cut = action, !endsOtherwise { end(.close) }
            finish(action, direction)
        }
    }

    /// The part of an action that comes after the message.
    private func finish(_ action: FaultAction, _ direction: FaultDirection) {
        switch action {
        case .inject(let bytes): forward(bytes, direction)
        case .blackHole(let direction): blackHoles.insert(direction)
        case .halfClose: target(direction).perform(.halfClose)
        case .close: end(.close)
        case .reset: end(.reset)
        case .delay, .drop, .duplicate, .cut, .slices, .replace, .swap: break
        }
    }

    private func end(_ effect: WireEnd.Effect) {
        client.perform(effect)
        server.perform(effect)
    }

    func forward(_ bytes: [UInt8], _ direction: FaultDirection, slices: Int? = nil) {
        guard !blackHoles.contains(direction), !bytes.isEmpty else { return }
        let size = max(1, slices ?? bytes.count)
        for start in stride(from: 0, to: bytes.count, by: size) {
            target(direction).perform(.bytes(Array(bytes[start..<min(start + size, bytes.count)])))
        }
    }

    private func target(_ direction: FaultDirection) -> WireEnd {
        direction == .request ? server : client
    }

    // MARK: Ends

    /// The sender of this direction has sent its last byte.
    func ended(_ direction: FaultDirection) {
        switch direction {
        case .request:
            client.close(reset: false)
            server.perform(.close)
        case .reply:
            server.close(reset: false)
            if !blackHoles.contains(.reply) { client.perform(.close) }
        }
    }

    /// Ends the side whose other side is gone.
    func settle() {
        if !client.isOpen { server.perform(.close) }
        if !server.isOpen, !blackHoles.contains(.reply) { client.perform(.close) }
    }
}
