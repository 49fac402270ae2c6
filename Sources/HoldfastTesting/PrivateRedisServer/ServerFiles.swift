internal import Foundation

/// The paths of one private server.
///
/// The path of a unix socket has room for 103 bytes on macOS and 107 on Linux, so the names are short, and
/// if the temporary directory's own path is too long, the server's directory is made in /tmp.
struct ServerFiles: Sendable {
    let directory: String

    var socket: String { directory + "/redis.sock" }
    var configuration: String { directory + "/redis.conf" }
    var log: String { directory + "/redis.log" }

    var url: String {
        "redis+unix://" + (socket.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? socket)
    }

    init(directory: String) {
        self.directory = directory
    }

    /// A directory that does not exist yet, with a name nobody else has.
    init(temporaryDirectory: String = NSTemporaryDirectory()) {
        let name = "holdfast-" + String(UInt64.random(in: .min ... .max), radix: 36)
        let slash = temporaryDirectory.hasSuffix("/") ? "" : "/"
        let preferred = ServerFiles(directory: temporaryDirectory + slash + name)
        self = preferred.socket.utf8.count <= 103 ? preferred : ServerFiles(directory: "/tmp/\(name)")
    }

    /// The server's log; empty before its first start and after its end.
    func logText() -> String {
        guard let data = FileManager.default.contents(atPath: log) else { return "" }
        return String(decoding: data, as: UTF8.self)
    }

    /// The last lines of the log, for error messages.
    func logTail() -> String {
        logText().split(separator: "\n").suffix(20).joined(separator: "\n")
    }
}
