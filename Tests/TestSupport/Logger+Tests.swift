package import Logging

extension Logger {
    /// Says nothing: what most tests look at is values.
    package static var quiet: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }

    /// Keeps what is logged from `level` on, each line with its level in front: `error: …`.
    package static func recording(_ lines: Record<String>, from level: Level = .trace) -> Logger {
        Logger(label: "test") { _ in RecordingLogHandler(lines: lines, logLevel: level) }
    }
}

private struct RecordingLogHandler: LogHandler {
    let lines: Record<String>
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { lines.add("\(event.level): \(event.message)") }
}
