/// What names a message, a tick or an id to a remote API: `<namespace>/<kind>/<part>/<part>`.
///
/// In each part everything but ASCII letters, digits, `-`, `.`, `_` and `~` is percent-encoded. So the key is
/// ASCII, as a header must be, and two keys are equal only if all their parts are. The format never changes:
/// an attempt before an update and one after it must have the same key. docs/keys.md documents it for users.
enum IdempotencyKey {
    enum Kind: String {
        case message = "queue"
        case once
        case tick
        case trigger
    }

    static func text(_ namespace: String, _ kind: Kind, _ parts: String...) -> String {
        ([encoded(namespace), kind.rawValue] + parts.map(encoded)).joined(separator: "/")
    }

    private static func encoded(_ part: String) -> String {
        var bytes: [UInt8] = []
        for byte in part.utf8 {
            if isPlain(byte) {
                bytes.append(byte)
            } else {
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static let digits = Array("0123456789ABCDEF".utf8)

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            true
        default: false
        }
    }
}
