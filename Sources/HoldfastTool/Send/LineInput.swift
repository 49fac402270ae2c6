internal import Dispatch
internal import Foundation
internal import JSONLines
internal import Processes
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// A file or a pipe, read as its bytes arrive: what is there is returned, without waiting for more.
final class LineInput: Sendable {
    /// The most that is returned at once.
    private static let chunk = 256 << 10

    /// Kept open; nil for standard input.
    private let file: FileHandle?
    private let descriptor: Int32
    /// A pipe that becomes readable when the reading is to end.
    private let stop: PrivatePipe
    /// Reading blocks its thread.
    private let queue = DispatchQueue(label: "input")
    /// A terminal reports the end of its input only once.
    private let isOver = Mutex(false)

    /// - Parameter path: nil, or "-", for standard input.
    init(_ path: String?) throws {
        if let path, path != "-" {
            do {
                let file = try FileHandle(forReadingFrom: URL(filePath: path))
                self.file = file
                descriptor = file.fileDescriptor
            } catch {
                throw InputError(unreadable: path, error)
            }
        } else {
            file = nil
            descriptor = STDIN_FILENO
        }
        stop = try PrivatePipe()
    }

    /// The next bytes; nil at the end of the input, and after ``end()`` was called.
    func next() async throws(InputError) -> [UInt8]? {
        try await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<[UInt8]?, InputError>, Never>) in
            queue.async {
                continuation.resume(returning: Result { () throws(InputError) in try self.read() })
            }
        }.get()
    }

    /// Ends the reading. It may be called from any thread.
    func end() {
        var byte: UInt8 = 0
        _ = write(stop.entry, &byte, 1)
    }

    /// Waits for the first bytes, and takes what has arrived by then.
    private func read() throws(InputError) -> [UInt8]? {
        var bytes: [UInt8] = []
        while !isOver.withLock({ $0 }), bytes.count < Self.chunk, try isReady(waiting: bytes.isEmpty) {
            guard let more = try available(Self.chunk - bytes.count) else { continue }
            if more.isEmpty { isOver.withLock { $0 = true } }
            bytes += more
        }
        return bytes.isEmpty ? nil : bytes
    }

    /// - Returns: whether bytes, or the end of the input, can be read; false once the reading is to end.
    private func isReady(waiting: Bool) throws(InputError) -> Bool {
        var polled = [
            pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: stop.exit, events: Int16(POLLIN), revents: 0),
        ]
        while poll(&polled, 2, waiting ? -1 : 0) < 0 {
            guard errno == EINTR else { throw unreadable() }
        }
        return polled[0].revents != 0 && polled[1].revents == 0
    }

    /// Nil if there are no bytes after all.
    private func available(_ count: Int) throws(InputError) -> ArraySlice<UInt8>? {
        var bytes = [UInt8](repeating: 0, count: count)
        let read = readBytes(descriptor, &bytes)
        guard read >= 0 else {
            if errno == EINTR || errno == EAGAIN { return nil }
            throw unreadable()
        }
        return bytes[..<read]
    }

    private func unreadable() -> InputError {
        InputError(line: nil, reason: SystemError("the input can't be read").description)
    }
}

/// The system's `read`, a name that means something else in ``LineInput``.
private func readBytes(_ descriptor: Int32, _ bytes: inout [UInt8]) -> Int {
    bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
}
