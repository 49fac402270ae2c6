internal import Foundation

/// The directory of one run: the ledger, the histories, the logs and the instances' configuration. Only its
/// user has access.
struct Workspace: Sendable {
    let path: String
    /// Whether it stays after the run.
    let isKept: Bool

    var ledger: String { path + "/ledger.sqlite" }
    var histories: String { path + "/history" }
    var configuration: String { path + "/instance.json" }

    func log(slot: Int) -> String { "\(path)/instance-\(slot).log" }

    /// - Parameter artifacts: where to create it; nil creates it in the temporary directory.
    init(artifacts: String?) throws {
        isKept = artifacts != nil
        path =
            artifacts ?? FileManager.default.temporaryDirectory.path
            + "/holdfast-simulation-\(UUID().uuidString.prefix(13))"
        let attributes: [FileAttributeKey: Any] = [.posixPermissions: 0o700]
        let files = FileManager.default
        guard artifacts == nil || !files.fileExists(atPath: ledger) else {
            throw SimulationError(.invalidRequest, "\(path) holds the ledger of an earlier run")
        }
        for directory in [path, histories] {
            try RecordError.wrapping("cannot create the directory", directory) {
                try files.createDirectory(
                    atPath: directory, withIntermediateDirectories: true, attributes: attributes)
            }
        }
    }

    /// Removes the instances' configuration, once all instances have ended: it may hold a password, and the
    /// directory may be kept or passed on.
    func removeConfiguration() {
        try? FileManager.default.removeItem(atPath: configuration)
    }

    func remove() {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// The histories of all processes, in chronological order.
    func history() throws -> [HistoryRecord] {
        try RecordError.wrapping("cannot read", histories) {
            try FileManager.default.contentsOfDirectory(atPath: histories).flatMap { name in
                try HistoryFile.records(in: Data(contentsOf: URL(filePath: "\(histories)/\(name)")))
            }
            .sorted { $0.at < $1.at }
        }
    }

    /// The last lines that an instance wrote to its log.
    func lastWords(slot: Int) -> String? {
        guard let data = FileManager.default.contents(atPath: log(slot: slot)) else { return nil }
        let lines = String(decoding: data, as: UTF8.self).split(separator: "\n").suffix(3)
        return lines.isEmpty ? nil : lines.joined(separator: " / ")
    }
}
