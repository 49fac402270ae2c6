internal import ArgumentParser
internal import Foundation
internal import Holdfast
internal import HoldfastSimulation

struct SendCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "send",
        abstract: "Send messages to a queue: one JSON value a line, from a file or from standard input.",
        discussion: """
            Lines are sent as they are read, many at a time. At a line that can't be used it stops: all lines before \
            it were sent, none after it. With --id-field the whole input can be sent again, and nothing is in the \
            queue twice.
            """
    )

    @Argument(help: "The name of the queue.")
    var queue: String

    @Argument(help: "The file; standard input without it, or with \"-\".", completion: .file())
    var file: String?

    @Option(help: "The field of each line that is its message's id. Without it, ids are random.")
    var idField: String?

    @Option(help: "What kind of messages they are, for queues that carry several; not said unless set.")
    var type: String?

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await reportingErrors {
            let input = try open()
            var report = SendReport(queue: queue)
            var failure: (any Error)?
            do {
                try await connection.withHoldfast { holdfast in
                    let sender = LineSender(
                        store: try holdfast.store(ofQueue: queue),
                        ids: idField.map(MessageID.field) ?? .random, type: type ?? "")
                    try await sender.send(input, &report)
                }
            } catch {
                failure = error
                report.failedAtLine = (error as? InputError)?.line
            }
            try output.json ? Console.write(json: report) : Console.write(report.text)
            if let failure { throw failure }
        }
    }

    private func open() throws -> FileHandle {
        guard let file, file != "-" else { return .standardInput }
        do {
            return try FileHandle(forReadingFrom: URL(filePath: file))
        } catch {
            throw InputError(unreadable: file, error)
        }
    }
}

/// What was sent. As JSON these are documented, stable field names.
struct SendReport: Encodable, Hashable {
    var queue: String
    /// Lines that were sent and answered.
    var messages = 0
    var enqueued = 0
    /// Messages whose id the queue knew already.
    var duplicates = 0
    /// The line that could not be used; all before it were sent.
    var failedAtLine: Int?

    init(queue: String) {
        self.queue = queue
    }

    mutating func count(_ sent: [Sent]) {
        messages += sent.count
        duplicates += sent.count { $0 == .duplicate }
        enqueued = messages - duplicates
    }

    var text: String {
        "\(SummaryText.counted(messages, "message")) sent to \(TerminalText.escaped(queue)): \(enqueued) enqueued, "
            + "\(SummaryText.counted(duplicates, "duplicate"))\n"
    }
}
