public import Foundation

/// A running instance of a service, as it tells about itself.
public struct Instance: Codable, Hashable, Sendable, Identifiable {
    /// Random, new with every start.
    public let id: String
    public let host: String
    public let pid: Int32
    public let service: String
    public let version: String?
    /// When it started, by its own host's clock; for people to read.
    public let started: Date

    init(configuration: Configuration) {
        id = RandomHex.digits(16)
        host = ProcessInfo.processInfo.hostName
        pid = ProcessInfo.processInfo.processIdentifier
        service = configuration.service ?? ProcessInfo.processInfo.processName
        version = configuration.version
        started = Date()
    }

    /// What goes in front of every token of this instance.
    func token() -> String { "\(id):\(RandomHex.digits(32))" }

    /// The instance in a token; nil when the token is not of this library's form.
    static func id(inToken token: String) -> String? {
        let parts = token.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].utf8.count == 16, parts[1].utf8.count == 32,
            parts.joined().utf8.allSatisfy(RandomHex.isDigit)
        else { return nil }
        return String(parts[0])
    }
}

/// Random hexadecimal digits from the system's generator.
enum RandomHex {
    static func isDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): true
        default: false
        }
    }

    static func digits(_ count: Int) -> String {
        var generator = SystemRandomNumberGenerator()
        return String(unsafeUninitializedCapacity: count) { buffer in
            var word: UInt64 = 0
            for index in 0..<count {
                if index % 16 == 0 { word = generator.next() }
                let digit = UInt8(word & 15)
                buffer[index] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
                word >>= 4
            }
            return count
        }
    }
}
