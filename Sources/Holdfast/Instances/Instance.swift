public import Foundation

/// A running instance of a service, as it describes itself.
public struct Instance: Codable, Hashable, Sendable, Identifiable {
    /// Random, new with every start.
    public let id: String
    /// The host it runs on.
    public let host: String
    /// Its process there.
    public let pid: Int32
    /// The name of its service; see ``Holdfast/Configuration/service``.
    public let service: String
    /// The version of its service; nil unless it was configured.
    public let version: String?
    /// When it started, by its own host's clock; for people to read.
    public let started: Date

    /// - Parameter service: the name of the executable where it is nil.
    package init(service: String? = nil, version: String? = nil) {
        id = RandomHex.digits(16)
        host = ProcessInfo.processInfo.hostName
        pid = ProcessInfo.processInfo.processIdentifier
        self.service = service ?? ProcessInfo.processInfo.processName
        self.version = version
        started = Date()
    }

    /// What goes in front of every token of this instance.
    package func token() -> String { RandomHex.digits(32, after: id + ":") }

    /// The instance in a token; nil if this library did not make the token.
    static func id(inToken token: String) -> String? {
        let parts = token.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].utf8.count == 16, parts[1].utf8.count == 32,
            parts.joined().utf8.allSatisfy(RandomHex.isDigit)
        else { return nil }
        return String(parts[0])
    }
}
