internal import ArgumentParser
internal import Foundation
internal import Holdfast
internal import JSONLines
internal import Processes
internal import RedisLink

struct SendCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "send",
        abstract: "Send messages to a queue: one JSON value a line, from a file or from standard input.",
        discussion: """
            Lines are sent as they arrive, in batches when many have arrived. At a line that can't be used, \
            it stops: all lines before it were sent, none after it. INT, TERM, HUP or QUIT end the reading: \
            the lines read by then are sent, and it names the first one that was not. With --id-field the \
            whole input can be sent again, and nothing is in the queue twice.
            """
    )

    @Argument(help: "The name of the queue.")
    var queue: String

    @Argument(help: "The file. Without it, or with \"-\", standard input.", completion: .file())
    var file: String?

    @Option(help: "The field of each line that is its message's id. Without it, ids are random.")
    var idField: String?

    @Option(help: "The type of the messages, for queues that carry several. Without it, they have none.")
    var type: String?

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await reportingErrors {
            let input = try LineInput(file)
            let progress = SendProgress(queue: queue)
            let signals = try CaughtSignals(CaughtSignals.ending)
            let asJSON = output.json
            var failure: (any Error)?
            await withTaskGroup(of: Int32?.self) { group in
                group.addTask { await Self.signal(signals, ends: input, progress, asJSON: asJSON) }
                do {
                    try await send(input, progress)
                } catch {
                    failure = error
                }
                group.cancelAll()
                if let signal = await group.next() ?? nil, failure == nil {
                    Console.say(progress.interruptionText)
                    failure = ExitCode(ExitStatus.killed(by: signal))
                }
            }
            var report = progress.report(complete: failure == nil)
            report.failedAtLine = (failure as? InputError)?.line
            try report.write(asJSON: asJSON)
            if let failure { throw failure }
        }
    }

    private func send(_ input: LineInput, _ progress: SendProgress) async throws {
        try await connection.withHoldfast { holdfast in
            try await connection.sayIfUnknown(queue: queue, on: holdfast)
            let sender = LineSender(
                store: try holdfast.store(ofQueue: queue), ids: idField.map(MessageID.field) ?? .random,
                type: type ?? "")
            try await sender.send(input, progress)
        }
    }

    /// Ends the reading at the first signal, so that what was read is sent, and the program at the second.
    ///
    /// - Returns: the first signal; nil if none came until the task was cancelled.
    private static func signal(
        _ signals: CaughtSignals, ends input: LineInput, _ progress: SendProgress, asJSON: Bool
    ) async -> Int32? {
        var first: Int32?
        for await signal in signals.stream() {
            if progress.interrupt() {
                first = signal
                input.end()
            } else {
                Console.say(progress.interruptionText)
                try? progress.report(complete: false).write(asJSON: asJSON)
                ExitStatus.leave(with: ExitStatus.killed(by: signal))
            }
        }
        return first
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
    /// If it stopped before the end of the input: the first line that was not sent, or that may have been
    /// sent.
    var nextLine: Int?

    init(queue: String) {
        self.queue = queue
    }

    mutating func count(_ sent: [SendOutcome]) {
        messages += sent.count
        duplicates += sent.count { $0 == .duplicate }
        enqueued = messages - duplicates
    }

    var text: String {
        "\(messages.counted("message")) sent to \(TerminalText.escaped(queue)): \(enqueued) enqueued, "
            + "\(duplicates.counted("duplicate"))\n"
    }

    func write(asJSON: Bool) throws {
        try asJSON ? Console.write(json: self) : Console.write(text)
    }
}
