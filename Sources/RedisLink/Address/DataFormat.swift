/// The version of the format of the data in Redis, kept there under a key of its own.
///
/// Before anything else, a connection for commands sets the key if it is missing, and reads it: so a client
/// never reads or writes data in a format that it does not know, whichever server it reaches. Both commands
/// are part of the greeting and cost no round trip of their own.
package struct DataFormat: Sendable {
    let key: String
    /// What is written where there is nothing yet.
    let current: String
    /// The formats this client can work with, including `current`.
    let known: [String]

    package init(key: String, current: String, known: [String]) {
        self.key = key
        self.current = current
        self.known = known
    }

    /// In this order: the reply to the second one counts.
    var commands: [RedisCommand] {
        [["SET", .string(key), .string(current), "NX"], ["GET", .string(key)]]
    }

    /// Why the connection must not be used, judging by `value`, the reply to the second command; nil if it
    /// may be.
    func refusal(of value: RedisValue) -> RedisError? {
        let found: String
        switch value {
        case .error(let text) where ErrorReply(text).kind == "WRONGTYPE":
            found = "a key of another type"
        case .bytes(let bytes) where !known.contains { $0.utf8.elementsEqual(bytes) }:
            found = "the format \(String(decoding: bytes.prefix(40), as: UTF8.self))"
        default:
            // If the key is missing, it could not be set: there is no data either, or no permission to look.
            return nil
        }
        return RedisError(
            .unknownFormat, delivery: .notDelivered,
            "\(key) holds \(found), and this version knows the format \(known.joined(separator: ", ")): the data there "
                + "are those of another version, and are left alone")
    }
}
