import Foundation
import RedisLink

/// The value at the key of an id: the token of the claim under which it is done, or the record that it is.
enum OnceRecord {
    case claim
    /// With its result as JSON; empty where that could not be recorded.
    case done(String)

    private static let mark = "done:"

    /// - Throws: for a value that is neither: it must not be taken for a claim, which ends, or for an id that is free.
    init(_ value: String, at key: String) throws(HoldfastError) {
        // A token is "<instance>:<random>".
        let random = value.rest(after: Self.mark)?.cut(at: ":")?.after
        if Instance.id(inToken: value) != nil {
            self = .claim
        } else if let result = random?.cut(at: ":")?.after {
            self = .done(result)
        } else {
            throw HoldfastError(
                .refused,
                """
                the key \(key) holds neither a claim nor a result of this version: a newer version may have written \
                it, and done what it stands for
                """, mayHaveHappened: true)
        }
    }

    /// Names the claim that did it, so that recording it again is recognised.
    static func value(token: String, result: String) -> String { "\(mark)\(token):\(result)" }

    /// - Throws: also for more than a reply may bring back.
    static func encoded(_ result: some Encodable, by encoder: JSONEncoder) throws -> String {
        let json = try encoder.encode(result)
        guard json.count <= MessageLimits.body else {
            throw HoldfastError(
                .invalidArgument, "the result has \(json.count) bytes, more than \(MessageLimits.body)")
        }
        return String(decoding: json, as: UTF8.self)
    }
}
