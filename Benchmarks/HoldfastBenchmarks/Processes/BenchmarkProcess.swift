import Foundation

/// A process of a benchmark: this program again with a hidden subcommand, or one in another language. Both
/// sides talk in lines over its standard streams, and it ends when its standard input does.
final class BenchmarkProcess {
    let lines: AsyncStream<String>
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private let begin = ContinuousClock.now
    private let lifetime: Duration?
    private var end: Task<Void, any Error>?

    /// Starts it.
    ///
    /// - Parameter lifetime: when it is killed, whatever it does.
    init(_ arguments: [String], executable: String? = nil, lifetime: Duration? = nil) throws {
        self.lifetime = lifetime
        guard let path = executable ?? Bundle.main.executablePath else {
            throw BenchmarkError.child("this program does not know its own path")
        }
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        lines = LineStream.make(output.fileHandleForReading.fileDescriptor)
        guard let lifetime else { return }
        end = Task { [id = process.processIdentifier] in
            try await Task.sleep(for: lifetime)
            Foundation.kill(id, SIGKILL)
        }
    }

    deinit { kill() }

    var id: Int32 { process.processIdentifier }

    /// Says a line to the process.
    func say(_ line: String) throws {
        try input.fileHandleForWriting.write(contentsOf: Data((line + "\n").utf8))
    }

    /// The next line of the process.
    ///
    /// - Throws: ``BenchmarkError/child(_:)`` if the process has ended, or the line is not the expected one.
    @discardableResult
    func line(_ expected: String? = nil) async throws -> String {
        var iterator = lines.makeAsyncIterator()
        guard let line = await iterator.next() else {
            let isOverdue = lifetime.map { ContinuousClock.now - begin >= $0 } ?? false
            throw BenchmarkError.child(
                isOverdue ? "a process did not finish in time" : "a process ended early")
        }
        guard expected == nil || line == expected else {
            throw BenchmarkError.child("expected '\(expected ?? "")', got '\(line)'")
        }
        return line
    }

    /// The lines up to one that says `end`, as words.
    func records() async throws -> [[String]] {
        var records: [[String]] = []
        while true {
            let line = try await line()
            if line == "end" { return records }
            records.append(line.split(separator: " ").map(String.init))
        }
    }

    /// Ends the process by SIGKILL and waits until it is gone.
    func kill() {
        end?.cancel()
        guard process.isRunning else { return }
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// The resident memory of the process, in bytes.
    var residentBytes: Int {
        get throws {
            let pages = try statistics("statm").dropFirst().first.flatMap { Int($0) } ?? 0
            return pages * sysconf(Int32(_SC_PAGESIZE))
        }
    }

    /// The processor time that the process has used, in seconds.
    var processorSeconds: Double {
        get throws {
            // The fields after the name, which is in parentheses: the 14th and 15th of all are the ticks.
            let fields = try statistics("stat").drop { !$0.hasSuffix(")") }.dropFirst()
            let ticks = fields.dropFirst(11).prefix(2).compactMap { Double($0) }.reduce(0, +)
            return ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
        }
    }

    private func statistics(_ file: String) throws -> [Substring] {
        try String(contentsOfFile: "/proc/\(id)/\(file)", encoding: .utf8).split(separator: " ")
    }
}
