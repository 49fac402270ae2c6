import Foundation
import RedisLink

/// What a handler has recorded, for its tests.
extension Effects: Equatable {
    /// One write, as the committing step applies it. Compared by bytes, as Redis compares.
    public struct Write: Sendable, Equatable, CustomStringConvertible {
        /// `INCRBY`, `SET`, `HINCRBY`, `HSET`, `SADD` or `RPUSH`; later versions may add more.
        public let command: String
        /// The key that is written to, by the name that the handler used: ``MessageQueue/effectKey(_:)`` has
        /// the full key.
        public let key: String
        /// The command's other arguments: a field, an amount, a value.
        public let arguments: [String]

        /// The command, the key and the arguments, with blanks between them.
        public var description: String { ([command, key] + arguments).joined(separator: " ") }

        /// By the bytes of their texts.
        public static func == (one: Write, other: Write) -> Bool {
            one.command == other.command && ExactText(one.key) == ExactText(other.key)
                && one.arguments.map(ExactText.init) == other.arguments.map(ExactText.init)
        }
    }

    /// One message that is sent with the commit.
    public struct Message: Sendable, Equatable {
        /// The name of the queue it goes to.
        public let queue: String
        /// Its id; nil for an id that is derived from that of the committed message.
        public let id: String?
        /// The type of the message.
        public let type: String
        /// The body, as it is sent.
        public let body: [UInt8]
        /// When and in which order it is handled; nil if the handler did not say.
        public let options: SendOptions?
        private let decoder: JSONDecoder

        init(_ message: FollowUp) {
            queue = message.queue.name
            id = message.id
            type = message.type
            body = message.body
            options = message.options
            decoder = message.decoder
        }

        /// Reads the message as a handler of its queue would.
        public func decoded<Value: Decodable>(as type: Value.Type = Value.self) throws -> Value {
            try decoder.decode(type, from: Data(body))
        }

        /// Names are compared by bytes, bodies as JSON: the order of their keys does not matter.
        public static func == (one: Message, other: Message) -> Bool {
            ExactText(one.queue) == ExactText(other.queue)
                && one.id.map(ExactText.init) == other.id.map(ExactText.init)
                && ExactText(one.type) == ExactText(other.type) && one.options == other.options
                && (one.body == other.body || one.canonicalBody == other.canonicalBody)
        }

        private var canonicalBody: Data {
            let body = Data(body)
            guard let value = try? JSONSerialization.jsonObject(with: body, options: .fragmentsAllowed),
                let sorted = try? JSONSerialization.data(
                    withJSONObject: value, options: [.sortedKeys, .fragmentsAllowed])
            else { return body }
            return sorted
        }
    }

    /// The writes, in the order in which they are applied.
    public var writes: [Write] {
        all.map { effect in
            Write(
                command: effect.command.rawValue, key: effect.key,
                arguments: effect.arguments.map { argument in
                    switch argument {
                    case .string(let text): text
                    case .integer(let number): String(number)
                    case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
                    }
                })
        }
    }

    /// The messages that are sent, in order.
    public var messages: [Message] { followUps.map(Message.init) }

    /// By the bytes of their texts.
    public static func == (one: Effects, other: Effects) -> Bool {
        one.writes == other.writes && one.messages == other.messages
    }
}
