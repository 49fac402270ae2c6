/// The version of the form in which data lie in Redis, kept there under a key of its own.
///
/// A connection for commands sets the key where it is missing, and reads it, before anything else is sent on it: so a
/// client never reads or writes data of a form that it does not know, whichever server it comes to. Both commands are
/// part of the greeting and cost no round trip of their own.
package struct DataFormat: Sendable {
    let key: String
    /// What is written where there is nothing yet.
    let current: String
    /// What this client can work with, `current` among it.
    let known: [String]

    package init(key: String, current: String, known: [String]) {
        self.key = key
        self.current = current
        self.known = known
    }

    /// In this order: the answer to the second one counts.
    var commands: [RedisCommand] {
        [["SET", .string(key), .string(current), "NX"], ["GET", .string(key)]]
    }

    /// Why `value`, the answer to the second command, forbids to go on; nil if it does not.
    func refusal(of value: RedisValue) -> RedisError? {
        let found: String
        switch value {
        case .error(let text) where ErrorReply(text).kind == "WRONGTYPE":
            found = "a key of another type"
        case .bytes(let bytes) where !known.contains { $0.utf8.elementsEqual(bytes) }:
            found = "the format \(String(decoding: bytes.prefix(40), as: UTF8.self))"
        default:
            // Nothing is there where it could not be set: then there are no data either, or no permission to look.
            return nil
        }
        return RedisError(
            .unknownFormat, delivery: .notDelivered,
            "\(key) holds \(found), and this version knows the format \(known.joined(separator: ", ")): the data there "
                + "are those of another version, and are left alone")
    }
}
