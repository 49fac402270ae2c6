internal import ArgumentParser
internal import Foundation
internal import Processes

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The two ways out of a command: data on standard output, everything else on standard error.
enum Console {
    /// - Throws: when standard output takes no more, as on a full disk. When its reader has gone, as after `|
    ///   head`, it throws the status that ends this program without a message.
    static func write(_ text: String) throws {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = put(rest)
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN {
                waitForRoom()
                continue
            }
            guard count >= 0 else {
                // As shells report it for a program that SIGPIPE ended.
                if errno == EPIPE { throw ExitCode(ExitStatus.killed(by: SIGPIPE)) }
                throw SystemError("cannot write to standard output", number: errno)
            }
            rest = rest.dropFirst(count)
        }
    }

    /// One JSON value, its members in alphabetical order.
    static func write(json value: some Encodable) throws {
        try write(json(value) + "\n")
    }

    static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .iso8601
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    /// A line for the person in front of the screen.
    static func say(_ message: String) {
        note("holdfast: \(message)\n")
    }

    /// Text is dropped when standard error takes no more: work, and above all stopping a command whose lock
    /// is lost, must not end because nobody reads the messages.
    static func note(_ text: String) {
        try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }
}

/// The system's `write`, a name that means something else in ``Console``.
private func put(_ bytes: ArraySlice<UInt8>) -> Int {
    bytes.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
}

/// Returns when standard output takes bytes again, or when a write will report what is wrong with it.
/// Standard output is non-blocking if another program that has it open made it so, such as an `ssh` or a
/// `node` in the same shell.
private func waitForRoom() {
    var polled = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
    _ = poll(&polled, 1, -1)
}
