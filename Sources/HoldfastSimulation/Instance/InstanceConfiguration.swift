internal import Foundation
internal import Processes

/// What an instance must know. It reads this from a file that only its user can read: the server's URL may
/// hold a password, and everybody can see command lines.
package struct InstanceConfiguration: Codable, Sendable {
    package var redisURL: String
    package var namespace: String
    package var queue: String
    package var ledgerPath: String
    package var historyDirectory: String
    package var totals: TotalsRule
    package var leaseMilliseconds: Int64
    package var pace: Pace
    /// High enough that the faults of a plan dead-letter no message.
    package var attempts: Int
    package var sabotage: Sabotage?

    package var lease: Duration { .milliseconds(leaseMilliseconds) }

    package static func read(path: String) throws -> InstanceConfiguration {
        try JSONDecoder().decode(InstanceConfiguration.self, from: Data(contentsOf: URL(filePath: path)))
    }

    func write(path: String) throws {
        let attributes: [FileAttributeKey: Any] = [.posixPermissions: 0o600]
        let data = try JSONEncoder().encode(self)
        // Empty at first: Foundation creates it under another name, and sets these permissions afterwards.
        guard FileManager.default.createFile(atPath: path, contents: nil, attributes: attributes) else {
            throw RecordError("cannot write", path, SystemError(""))
        }
        try RecordError.wrapping("cannot write", path) {
            let file = try FileHandle(forWritingTo: URL(filePath: path))
            try file.write(contentsOf: data)
            try file.close()
        }
    }
}
