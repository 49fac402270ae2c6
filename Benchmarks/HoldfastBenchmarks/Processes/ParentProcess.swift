import Foundation

/// The other end of a ``BenchmarkProcess``, as the child sees it. The child ends at once when the parent does.
struct ParentProcess {
    private let lines = LineStream.make(STDIN_FILENO, atEnd: { _exit(70) })

    func say(_ lines: String...) { say(lines) }

    func say(_ lines: [String]) {
        FileHandle.standardOutput.write(Data((lines.joined(separator: "\n") + "\n").utf8))
    }

    /// The next line of the parent.
    func line() async throws -> String {
        var iterator = lines.makeAsyncIterator()
        guard let line = await iterator.next() else { throw BenchmarkError.child("the parent is gone") }
        return line
    }
}
