/// Version 2 of the Redis protocol, as bytes: for fake servers, and to find the boundaries of values.
///
/// Independent of the client's own encoder and parser on purpose, so that a test compares two
/// implementations.
package enum RESP2 {
    package static let ok = status("OK")
    package static let null: [UInt8] = Array("$-1\r\n".utf8)

    package static func status(_ text: String) -> [UInt8] {
        Array("+\(text)\r\n".utf8)
    }

    /// An error reply; `text` begins with its kind, for example `WRONGTYPE Operation against …`.
    package static func error(_ text: String) -> [UInt8] {
        Array("-\(text)\r\n".utf8)
    }

    package static func integer(_ value: Int) -> [UInt8] {
        Array(":\(value)\r\n".utf8)
    }

    package static func bulk(_ bytes: [UInt8]) -> [UInt8] {
        var encoded = Array("$\(bytes.count)\r\n".utf8)
        encoded.append(contentsOf: bytes)
        encoded.append(contentsOf: [UInt8(ascii: "\r"), UInt8(ascii: "\n")])
        return encoded
    }

    package static func bulk(_ text: String) -> [UInt8] {
        bulk(Array(text.utf8))
    }

    /// An array of values that are already encoded.
    package static func array(_ elements: [[UInt8]]) -> [UInt8] {
        elements.reduce(into: Array("*\(elements.count)\r\n".utf8)) { $0.append(contentsOf: $1) }
    }

    package static func command(_ words: [String]) -> [UInt8] {
        array(words.map { bulk($0) })
    }

    /// A message as a subscriber receives it.
    package static func message(_ text: String, channel: String) -> [UInt8] {
        array([bulk("message"), bulk(channel), bulk(text)])
    }

    /// The reply to one channel of a `SUBSCRIBE`.
    package static func subscribed(to channel: String, count: Int = 1) -> [UInt8] {
        array([bulk("subscribe"), bulk(channel), integer(count)])
    }
}

extension RESP2 {
    /// What is at the front of a stream of values.
    package enum Front: Hashable, Sendable {
        /// A whole value, with its number of bytes.
        case whole(Int)
        case partial
        case garbage
    }

    /// Finds the end of the first value of `bytes`.
    package static func front(of bytes: ArraySlice<UInt8>) -> Front {
        bytes.withUnsafeBytes { bytes in
            var position = 0
            var values = 1
            while values > 0 {
                guard let line = line(in: bytes, from: position) else {
                    return bytes.count - position > 65_536 ? .garbage : .partial
                }
                position = line.end
                values -= 1
                switch line.type {
                case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: ":"):
                    break
                case UInt8(ascii: "$"):
                    guard let length = line.number, length >= -1 else { return .garbage }
                    if length >= 0 { position += length + 2 }
                    guard position <= bytes.count else { return .partial }
                case UInt8(ascii: "*"):
                    guard let count = line.number, count >= -1 else { return .garbage }
                    values += max(count, 0)
                default:
                    return .garbage
                }
            }
            return .whole(position)
        }
    }

    /// The arguments of a whole command; nil if it is not an array of bulk strings.
    package static func arguments(of command: ArraySlice<UInt8>) -> [[UInt8]]? {
        command.withUnsafeBytes { bytes in
            guard let head = line(in: bytes, from: 0), head.type == UInt8(ascii: "*"), let count = head.number
            else { return nil }
            var arguments: [[UInt8]] = []
            var position = head.end
            for _ in 0..<max(count, 0) {
                guard let line = line(in: bytes, from: position), line.type == UInt8(ascii: "$"),
                    let length = line.number, length >= 0, line.end + length + 2 <= bytes.count
                else { return nil }
                let argument = UnsafeRawBufferPointer(rebasing: bytes[line.end..<(line.end + length)])
                arguments.append(Array(argument))
                position = line.end + length + 2
            }
            return arguments
        }
    }

    private struct Line {
        var type: UInt8
        /// What follows the type, if it is a number.
        var number: Int?
        /// The index after the line's end.
        var end: Int
    }

    private static func line(in bytes: UnsafeRawBufferPointer, from start: Int) -> Line? {
        var index = start
        while index + 1 < bytes.count {
            if bytes[index] == UInt8(ascii: "\r"), bytes[index + 1] == UInt8(ascii: "\n") {
                let text = UnsafeRawBufferPointer(rebasing: bytes[min(start + 1, index)..<index])
                return Line(
                    type: bytes[start], number: Int(String(decoding: text, as: UTF8.self)), end: index + 2)
            }
            index += 1
        }
        return nil
    }
}
