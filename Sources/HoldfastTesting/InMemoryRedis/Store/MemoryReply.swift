internal import Foundation

/// The reply to a command.
enum MemoryReply {
    case status(String)
    case integer(Int64)
    case bulk([UInt8])
    case null
    case array([MemoryReply])
    case error(String)

    static let ok = MemoryReply.status("OK")

    static func bulk(_ bytes: [UInt8]?) -> MemoryReply { bytes.map { .bulk($0) } ?? .null }
    static func text(_ text: String) -> MemoryReply { .bulk(Array(text.utf8)) }
    static func count(_ count: Int) -> MemoryReply { .integer(Int64(count)) }

    static func score(_ score: Double?) -> MemoryReply {
        guard let score else { return .null }
        return .bulk(Array(Self.text(of: score).utf8))
    }

    private static func text(of score: Double) -> String {
        if score.isInfinite { return score > 0 ? "inf" : "-inf" }
        if let whole = Int64(exactly: score), abs(score) < 1e17 { return String(whole) }
        return String(format: "%.17g", score)
    }

    var encoded: [UInt8] {
        switch self {
        case .status(let text): RESP2.status(text)
        case .integer(let value): RESP2.integer(Int(value))
        case .bulk(let bytes): RESP2.bulk(bytes)
        case .null: RESP2.null
        case .array(let elements): RESP2.array(elements.map(\.encoded))
        case .error(let text): RESP2.error(text)
        }
    }
}

/// The refusal of a command, in the words of a Redis server.
struct MemoryError: Error {
    var text: String

    init(_ text: String) { self.text = text }

    static let wrongType = MemoryError("WRONGTYPE Operation against a key holding the wrong kind of value")
    static let noInteger = MemoryError("ERR value is not an integer or out of range")
    static let noFloat = MemoryError("ERR value is not a valid float")
    static let syntax = MemoryError("ERR syntax error")
}
