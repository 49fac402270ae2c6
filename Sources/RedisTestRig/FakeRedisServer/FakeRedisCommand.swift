import HoldfastTesting

/// A command that a ``FakeRedisServer`` received.
package struct FakeRedisCommand: Sendable, Hashable {
    /// The number of its connection, from 0 in the order of connecting.
    package let connection: Int
    /// Its number on that connection, from 0.
    package let index: Int
    package let arguments: [[UInt8]]

    package init(connection: Int, index: Int, arguments: [[UInt8]]) {
        self.connection = connection
        self.index = index
        self.arguments = arguments
    }

    /// The arguments as text, including the name.
    package var words: [String] { arguments.map { String(decoding: $0, as: UTF8.self) } }

    /// The first argument in capitals; empty for a command without any.
    package var name: String {
        arguments.first.map { String(decoding: $0, as: UTF8.self).uppercased() } ?? ""
    }

    /// The reply of a server that has no data and lets everybody in.
    package var plainReply: [UInt8] {
        switch name {
        case "AUTH", "SELECT", "CLIENT": RESP2.ok
        case "PING": RESP2.status("PONG")
        case "ECHO" where arguments.count == 2: RESP2.bulk(arguments[1])
        case "SUBSCRIBE":
            words.dropFirst().enumerated().flatMap { RESP2.subscribed(to: $1, count: $0 + 1) }
        case "UNSUBSCRIBE":
            words.dropFirst().flatMap {
                RESP2.array([RESP2.bulk("unsubscribe"), RESP2.bulk($0), RESP2.integer(0)])
            }
        default: RESP2.error("ERR unknown command '\(name)'")
        }
    }
}
